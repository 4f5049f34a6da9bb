import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/*
 * An HTTP proxy between data-movers and the API, which does to their reports what a bad network does. All else that they
 * ask passes as it is.
 *
 *   twice          sent on twice at once; the first answer is the one that is heard
 *   late           sent on after a while, whether or not its sender still waits
 *   out of order   held until the next report was answered, but not for ever
 *   answer lost    sent on, and the connection cut before the answer
 *   lost           not sent on, and the connection cut, for a while from the first one on
 *   503            answered so in the API's stead, a few times
 *
 * Each report is struck once, but for those that get lost or are refused; whoever repeats it gets through with it.
 */
export type ReportKind = 'done' | 'failed' | 'given-back' | 'started';

export type ReportFault =
  | { readonly kind: 'twice' }
  | { readonly kind: 'late'; readonly ms: number }
  | { readonly kind: 'out of order'; readonly atMostMs: number }
  | { readonly kind: 'answer lost' }
  | { readonly kind: 'lost'; readonly forMs: number }
  | { readonly kind: '503'; readonly times: number };

/** A report that has come by. */
export interface SeenReport {
  readonly report: ReportKind;
  /** Of the segment; null for a start. */
  readonly segmentId: string | null;
  readonly body: unknown;
  /** Of the API's answer; null: it had none, or nobody has asked it yet. */
  status: number | null;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Armed {
  readonly report: ReportKind;
  readonly fault: ReportFault;
  /** How often a report was struck, by what tells it from others. */
  readonly struck: Map<string, number>;
  lostUntil: number | null;
  /** Lets the one go on that is held. */
  release: ((overtaken: boolean) => void) | null;
}

const SEGMENT_REPORT = /^\/internal\/v1\/segments\/([^/]+)\/report$/;
const STARTED = '/internal/v1/movers/started';
const UNAVAILABLE = {
  code: 'API_UNAVAILABLE',
  title: 'The API is not available.',
  detail: 'The API is not available at the moment: planned.',
  fix: 'Ask again.',
  status: 503,
};

export class ReportProxy {
  #armed: Armed | null = null;
  #struck = 0;
  /** All reports since the proxy was last armed, in the order in which they came. */
  readonly #seen: SeenReport[] = [];

  private constructor(
    private readonly server: Server,
    private readonly upstream: () => number,
  ) {}

  /** @param upstream the port of the API, asked for each request */
  static async listen(upstream: () => number): Promise<ReportProxy> {
    const server = createServer((asked, answer) => {
      proxy.#handle(asked, answer).catch(() => asked.socket.resetAndDestroy());
    });
    const proxy = new ReportProxy(server, upstream);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on, until it is relieved: reports of this kind fare so. */
  strike(report: ReportKind, fault: ReportFault): void {
    this.relieve();
    this.#struck = 0;
    this.#seen.length = 0;
    this.#armed = { report, fault, struck: new Map(), lostUntil: null, release: null };
  }

  relieve(): void {
    this.#armed?.release?.(false);
    this.#armed = null;
  }

  /** How many have really fared so since the proxy was last armed. */
  get struck(): number {
    return this.#struck;
  }

  get seen(): readonly SeenReport[] {
    return this.#seen;
  }

  async close(): Promise<void> {
    this.relieve();
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  async #handle(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await whole(asked);
    const seen = reportIn(asked, body);
    if (seen === null) return give(answer, await this.#forward(asked, body));
    this.#seen.push(seen);
    const ask = async (): Promise<Answer> => {
      const heard = await this.#forward(asked, body);
      seen.status = heard.status;
      return heard;
    };
    const armed = this.#armed;
    const meant = armed?.report === seen.report ? this.#strikes(armed, `${asked.url} ${body.toString('utf8')}`) : null;
    if (meant !== null) {
      const heard = await this.#fare(meant, ask, armed!);
      if (heard === null) asked.socket.resetAndDestroy();
      else give(answer, heard);
      return;
    }
    give(answer, await ask());
    armed?.release?.(true);
  }

  /** Whether this report is to be struck, which it then is. */
  #strikes(armed: Armed, key: string): ReportFault | null {
    const { fault } = armed;
    const times = armed.struck.get(key) ?? 0;
    if (fault.kind === 'lost') {
      armed.lostUntil ??= performance.now() + fault.forMs;
      if (performance.now() >= armed.lostUntil) return null;
    } else if (times >= (fault.kind === '503' ? fault.times : 1)) return null;
    // While one is held, others are to overtake it.
    if (fault.kind === 'out of order' && armed.release !== null) return null;
    armed.struck.set(key, times + 1);
    if (fault.kind !== 'out of order') this.#struck += 1;
    return fault;
  }

  /** What its sender hears; null: nothing, and the connection is cut. */
  async #fare(fault: ReportFault, ask: () => Promise<Answer>, armed: Armed): Promise<Answer | null> {
    switch (fault.kind) {
      case 'twice': {
        const both = [ask(), ask()] as const;
        await Promise.allSettled(both);
        return both[0];
      }
      case 'late':
        await pause(fault.ms);
        return ask();
      case 'out of order':
        if (await overtaken(armed, fault.atMostMs)) this.#struck += 1;
        return ask();
      case 'answer lost':
        await ask();
        return null;
      case 'lost':
        return null;
      case '503':
        return {
          status: 503,
          headers: { 'content-type': 'application/problem+json' },
          body: Buffer.from(JSON.stringify(UNAVAILABLE)),
        };
    }
  }

  /** Over a connection of its own: two at once may reach two APIs. */
  async #forward(asked: IncomingMessage, body: Buffer): Promise<Answer> {
    const { method, url, headers } = asked;
    const { connection: _, ...passed } = headers;
    const sent = request({
      host: '127.0.0.1',
      port: this.upstream(),
      method,
      path: url,
      headers: passed,
      agent: false,
    });
    sent.end(body);
    const [from] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: from.statusCode ?? 502, headers: from.headers, body: await whole(from) };
  }
}

/** Waits until another report was answered; false when none was within that time. */
async function overtaken(armed: Armed, atMostMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, atMostMs, false);
  armed.release = resolve;
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    armed.release = null;
  }
}

function reportIn({ method, url = '' }: IncomingMessage, body: Buffer): SeenReport | null {
  if (method !== 'POST') return null;
  const parsed = parsedJson(body);
  if (url === STARTED) return { report: 'started', segmentId: null, body: parsed, status: null };
  const [, segmentId] = SEGMENT_REPORT.exec(url) ?? [];
  const kind = (parsed as { result?: { kind?: unknown } } | null)?.result?.kind;
  if (segmentId === undefined || (kind !== 'done' && kind !== 'failed' && kind !== 'given-back')) return null;
  return { report: kind, segmentId: decodeURIComponent(segmentId), body: parsed, status: null };
}

function parsedJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

async function whole(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function give(answer: ServerResponse, { status, headers, body }: Answer): void {
  const { 'transfer-encoding': _, connection: __, ...passed } = headers;
  answer.writeHead(status, { ...passed, 'content-length': body.length });
  answer.end(body);
}
