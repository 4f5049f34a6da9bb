import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Leases } from '@landfall/domain';
import { patientConnection, type RedisSettings, segmentJobId, workerQueue } from '@landfall/pipeline';
import { decideOnWriter, failureKind, nameOfMover, REPORT, type SegmentGrant, writerLease } from '@landfall/transfer';
import { Queue } from 'bullmq';

/*
 * For tests of the data-mover as a process: the API that it asks and answers, played over real HTTP, and its queue on a
 * real Redis, with the books in memory. It keeps to the rules of claims and reports that the product's own keeps to.
 */
export interface SiteSegment {
  readonly grant: Omit<SegmentGrant, 'segmentId' | 'restoreId' | 'epoch'>;
  readonly id: string;
  state: 'pending' | 'running' | 'done' | 'failed';
  epoch: number;
  mover: string | null;
}

export interface SiteEvent {
  readonly kind: 'registered' | 'refused' | 'heartbeat' | 'started' | 'claimed' | 'done' | 'failed' | 'stale';
  readonly segment: string | null;
  readonly mover: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export const WORKER_ID = 'landfall-worker-test-0';
const BOOTSTRAP_TOKEN = 'the-one-time-token';
const SESSION_TOKEN = 'the-session-token';
const WAIT_MS = 120_000;

export class TestSite {
  readonly segments = new Map<string, SiteSegment>();
  readonly events: SiteEvent[] = [];
  /** Jobs that a data-mover may have in hand. */
  concurrency = 2;
  /** For how long a data-mover may write without renewing its lease. */
  leaseMs = 60_000;
  /** Answers every claim with 503 while set. */
  away = false;
  /** Answers every report with 503 while set. */
  deaf = false;
  /** Of the next report: it is entered, and its answer is lost. */
  loseAnswer = false;
  /** Runs when a claim has been granted, just before the answer is sent. */
  onGranted: (segment: SiteSegment, claims: number) => void = () => undefined;

  readonly #news = new EventEmitter();
  readonly #server: Server;
  readonly #connection;
  readonly #queue: Queue;
  /** Who was given what, by segment and epoch. */
  readonly #grants = new Map<string, string>();
  #redeemed = false;

  private constructor(
    private readonly redis: Required<RedisSettings>,
    private readonly leases: Leases,
  ) {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#connection = patientConnection(redis);
    this.#queue = new Queue(workerQueue(WORKER_ID), { connection: this.#connection, prefix: redis.prefix });
  }

  static async open(redis: Required<RedisSettings>, leases: Leases): Promise<TestSite> {
    const site = new TestSite(redis, leases);
    site.#server.listen(0, '127.0.0.1');
    await once(site.#server, 'listening');
    return site;
  }

  /** What a data-mover of this worker has to be told. */
  environment(): Record<string, string> {
    return {
      LANDFALL_API_URL: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      LANDFALL_WORKER_ID: WORKER_ID,
      LANDFALL_BOOTSTRAP_TOKEN: BOOTSTRAP_TOKEN,
    };
  }

  /** What else may tell why something is waited for in vain. */
  more: () => string = () => '';

  async add(id: string, grant: SiteSegment['grant']): Promise<void> {
    const segment: SiteSegment = { id, grant, state: 'pending', epoch: 0, mover: null };
    this.segments.set(id, segment);
    await this.handOut(segment);
  }

  /** Resolves once the condition holds; looked at whenever something has happened. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(WAIT_MS);
    while (!condition()) {
      try {
        await once(this.#news, 'event', { signal: deadline });
      } catch {
        throw new Error(
          `Waited ${WAIT_MS} ms in vain until ${what}; the latest: ${JSON.stringify(this.events.slice(-5))}${this.more()}`,
        );
      }
    }
  }

  count(kind: SiteEvent['kind']): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  of(kind: SiteEvent['kind'], segment?: string): readonly SiteEvent[] {
    return this.events.filter((event) => event.kind === kind && (segment === undefined || event.segment === segment));
  }

  async close(): Promise<void> {
    await this.#queue.obliterate({ force: true });
    await this.#queue.close();
    this.#connection.disconnect();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Under the next epoch. */
  async handOut(segment: SiteSegment): Promise<void> {
    segment.epoch += 1;
    segment.state = 'pending';
    const payload = { restoreId: 'r1', segmentId: segment.id, epoch: segment.epoch };
    await this.#queue.add('segment', payload, { jobId: segmentJobId(segment.id, segment.epoch) });
  }

  #note(kind: SiteEvent['kind'], segment: string | null, mover: string, detail: Record<string, unknown> = {}): void {
    this.events.push({ kind, segment, mover, detail });
    this.#news.emit('event');
  }

  async #started(mover: string): Promise<[number, unknown]> {
    this.#note('started', null, mover);
    for (const segment of this.segments.values()) {
      const isHeld = segment.state === 'running' && segment.mover !== null && segment.mover !== mover;
      if (isHeld && nameOfMover(segment.mover ?? '') === nameOfMover(mover)) await this.handOut(segment);
    }
    return [200, {}];
  }

  async #report(segment: SiteSegment, body: unknown): Promise<[number, unknown]> {
    if (this.deaf) return [503, problem('POSTGRES_UNREACHABLE')];
    const { epoch, mover, result } = REPORT.parse(body);
    if (this.#grants.get(`${segment.id} ${epoch}`) !== mover) return [409, problem('GRANT_UNKNOWN')];
    const isPresent = segment.state === 'running' && segment.epoch === epoch;
    const isVerdict = result.kind === 'failed' && failureKind(result.code) === 'verdict';
    if (!isPresent && !isVerdict) {
      const isAgain = segment.state === 'done' && segment.epoch === epoch;
      if (!isAgain) this.#note('stale', segment.id, mover, result);
      return [200, { counted: isAgain }];
    }
    if (result.kind === 'given-back') await this.handOut(segment);
    else segment.state = result.kind === 'done' ? 'done' : 'failed';
    if (result.kind !== 'done') segment.mover = null;
    this.#note(result.kind === 'done' ? 'done' : 'failed', segment.id, mover, result);
    return [200, { counted: true }];
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    const [status, answer] = await this.#route(request, body);
    if (this.loseAnswer && request.url?.endsWith('/report')) {
      this.loseAnswer = false;
      request.socket.destroy();
      return;
    }
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  }

  async #route(request: IncomingMessage, body: Record<string, unknown>): Promise<[number, unknown]> {
    const path = request.url ?? '';
    if (path === `/internal/v1/workers/${WORKER_ID}/register`) {
      if (this.#redeemed || body['bootstrapToken'] !== BOOTSTRAP_TOKEN) {
        this.#note('refused', null, '');
        return [401, problem('UNAUTHENTICATED')];
      }
      this.#redeemed = true;
      this.#note('registered', null, '');
      const { url, prefix: queuePrefix } = this.redis;
      const queue = workerQueue(WORKER_ID);
      const session = { sessionToken: SESSION_TOKEN, validSeconds: 3600 };
      return [200, { ...session, redisUrl: url.reveal(), queue, queuePrefix, concurrency: this.concurrency }];
    }
    if (request.headers.authorization !== `Bearer ${SESSION_TOKEN}`) return [401, problem('UNAUTHENTICATED')];
    if (path.endsWith('/heartbeat')) {
      this.#note('heartbeat', null, (body['mover'] as { name: string }).name);
      return [200, { validSeconds: 3600 }];
    }
    const mover = String(body['mover']);
    const lease = writerLease(WORKER_ID, mover);
    if (path.endsWith('/movers/lease')) {
      await this.leases.takeOver(lease, mover, this.leaseMs / 1000);
      return [200, { leaseMs: this.leaseMs }];
    }
    if (path.endsWith('/movers/renew')) {
      const renewed = await this.leases.renew(lease, mover, this.leaseMs / 1000);
      return renewed ? [200, { leaseMs: this.leaseMs }] : [409, problem('LEASE_LOST')];
    }
    if (path.endsWith('/movers/leave')) return [200, { left: await this.leases.release(lease, mover) }];
    if (path.endsWith('/movers/started')) return this.#started(mover);
    const [, id = '', what] = /^\/internal\/v1\/segments\/([^/]+)\/(claim|report)$/.exec(path) ?? [];
    const segment = this.segments.get(id);
    if (segment === undefined) return [404, problem('SEGMENT_NOT_FOUND')];
    if (what === 'report') return this.#report(segment, body);
    return this.#claim(segment, Number(body['epoch']), mover, (body['gone'] as string[] | undefined) ?? []);
  }

  async #claim(
    segment: SiteSegment,
    epoch: number,
    mover: string,
    gone: readonly string[],
  ): Promise<[number, unknown]> {
    if (this.away) return [503, problem('POSTGRES_UNREACHABLE')];
    if (segment.state === 'done') return [409, problem('SEGMENT_DONE')];
    if (segment.state === 'failed' || segment.epoch !== epoch) return [409, problem('SEGMENT_STALE')];
    const writer = await decideOnWriter(this.leases, { site: WORKER_ID, mover, gone }, segment.mover);
    if (writer.kind === 'lost') return [409, problem('LEASE_LOST')];
    if (writer.kind === 'held') {
      return [200, { restoreId: 'r1', heldBy: writer.by, expired: writer.expired, epoch: segment.epoch }];
    }
    if (segment.state === 'running') segment.epoch += 1;
    segment.state = 'running';
    segment.mover = mover;
    this.#grants.set(`${segment.id} ${segment.epoch}`, mover);
    this.#note('claimed', segment.id, mover, { epoch: segment.epoch });
    this.onGranted(segment, this.count('claimed'));
    return [200, { segmentId: segment.id, restoreId: 'r1', epoch: segment.epoch, ...segment.grant }];
  }
}

function problem(code: string): object {
  return { type: 'about:blank', title: code, status: 0, code, detail: `Refused: ${code}.`, fix: 'None.' };
}
