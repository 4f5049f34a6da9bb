import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { composeSource } from '@landfall/disk/recipe';
import { ConflictError, parseRecipe, PermanentError } from '@landfall/domain';
import { isVerdict } from '@landfall/data-mover/queue/kept-reports';
import { reportable, Reports } from '@landfall/data-mover/queue/reports';
import { SegmentJobs } from '@landfall/data-mover/queue/segment-jobs';
import { NotWelcomeError } from '@landfall/data-mover/session/api-client';
import { patiently } from '@landfall/data-mover/session/patience';
import { WriterLease } from '@landfall/data-mover/session/writer-lease';
import { moveRange } from '@landfall/data-mover/transfer/move';
import { verifyRange } from '@landfall/data-mover/transfer/verify';
import { QUEUES, SEGMENT_JOB, workerQueue } from '@landfall/pipeline';
import {
  claimSegment,
  enterReport,
  enterStart,
  grantOf,
  type Held,
  POOL,
  type Report,
  type RepositoryAccess,
  type SegmentGrant,
  writerLease,
} from '@landfall/transfer';
import { SimulatedTarget } from './contents.js';
import { Process } from './kernel.js';
import { StateFolder } from './kept-reports.js';
import { QueueWorker } from './queue-worker.js';
import type { VmResource } from './azure/resources.js';
import type { Surroundings } from './surroundings.js';

/*
 * Data-movers: what they do with a job is the product's own (claims, leases, reports, moving and verifying a range); queue,
 * network and disks are made anew here. A stopped data-mover that another one has to see gone is killed, as on a worker.
 */
const AT_ONCE = 2;
const HEARTBEAT_MS = 20_000;
const LEASE_SECONDS = 15;
const LOOK_MS = 250;
const FINISH_WITHIN_MS = 3_000;
const LEAVE_WITHIN_MS = 2_000;

/** A worker VM that runs: its data-movers, started again whenever they die, and the session that is kept on its disk. */
export class Machine {
  readonly #slots: (MoverProcess | null)[];
  #on = true;
  /** On the VM's disk: what was chosen, and what was got. */
  #chosen = '';
  #session = '';
  readonly #folder = new StateFolder();
  readonly #workerId: string;

  constructor(
    private readonly world: Surroundings,
    readonly vm: VmResource,
  ) {
    this.#workerId = vm.environment['LANDFALL_WORKER_ID'] ?? '';
    this.#slots = Array.from({ length: Number(vm.environment['LANDFALL_MOVER_PROCESSES'] ?? 1) }, () => null);
    for (const slot of this.#slots.keys()) this.#spawn(slot, world.kernel.random.between(1_000, 3_000));
  }

  get movers(): readonly Process[] {
    return this.#slots.flatMap((slot) => (slot ? [slot.process] : []));
  }

  turnOff(): void {
    this.#on = false;
    for (const process of this.movers) this.world.kernel.kill(process, 'its VM is turned off');
    // With its disk goes what nobody was told: nobody knows it any more.
    for (const kept of this.#folder.verdicts) this.world.forget(kept);
    for (const { diskId } of this.vm.dataDisks) this.world.contents.powerCut(diskId, this.world.kernel.random);
  }

  #spawn(slot: number, afterMs: number): void {
    const { kernel } = this.world;
    kernel.schedule(afterMs, 'the VM starts a data-mover', null, () => {
      if (!this.#on) return;
      const process = new Process(`mover-${this.#workerId.slice(-6)}-${slot}`);
      const mover = `${this.#workerId}-${slot}/${kernel.steps}`;
      this.#slots[slot] = { process, mover };
      process.atDeath.push(() => {
        this.#slots[slot] = null;
        this.#spawn(slot, kernel.random.between(500, 5_000));
      });
      kernel.within(process, () => void this.#live(process, mover).catch(() => kernel.kill(process, 'it gives up')));
    });
  }

  async #live(process: Process, mover: string): Promise<void> {
    const { world, vm } = this;
    const { apis } = world;
    const name = mover.slice(0, mover.lastIndexOf('/'));
    const signal = new AbortController().signal;
    const token = vm.environment['LANDFALL_BOOTSTRAP_TOKEN'] ?? '';
    if (this.#session === '') {
      this.#chosen ||= String(world.kernel.random.next());
      const session = { tokenHash: hashOf(this.#chosen), validSeconds: 3_600 };
      const redeem = () =>
        apis.call('register', ({ workers }) => workers.redeemBootstrap(this.#workerId, hashOf(token), session));
      const worker = await patiently(redeem, { signal });
      if (worker === null) return world.kernel.kill(process, 'it is not let in');
      this.#session = this.#chosen;
    }
    const tokenHash = hashOf(this.#session);
    const beat = async (): Promise<void> => {
      const renewed = await apis.call('heartbeat', async ({ workers }) => {
        const isIn = await workers.renewSession(tokenHash, 3_600);
        if (isIn) await workers.heartbeat(this.#workerId, { name, pid: 1 });
        return isIn;
      });
      if (!renewed) world.kernel.kill(process, 'its session has ended');
    };
    await beat().catch(() => undefined);
    setInterval(() => void beat().catch(() => undefined), HEARTBEAT_MS);
    const seeGone = async (other: string): Promise<void> => {
      const holder = this.#slots.find((slot) => slot?.mover === other);
      if (holder) world.kernel.kill(holder.process, `${mover} takes its place`);
    };
    const place = { mover, site: this.#workerId, vm, seeGone, folder: this.#folder };
    await takeSegments(world, process, place);
  }
}

interface MoverProcess {
  readonly process: Process;
  /** `name/instance`. */
  readonly mover: string;
}

/** One of the pool, which writes through SAS. It has the state folder of the one before it. */
export function startPoolMover(world: Surroundings, number: number): Process {
  const process = new Process(`pool-${number}`);
  const mover = `pool-${number}/${world.kernel.steps}`;
  const folder = world.poolFolder(number);
  const place = { mover, site: POOL, vm: null, seeGone: async () => undefined, folder };
  world.kernel.within(process, () => {
    takeSegments(world, process, place).catch(() => world.kernel.kill(process, 'it gives up'));
  });
  return process;
}

interface Place {
  readonly mover: string;
  readonly site: string;
  /** Null: in the pool. */
  readonly vm: VmResource | null;
  readonly seeGone: (mover: string) => Promise<void>;
  readonly folder: StateFolder;
}

const QUIET_LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** As a data-mover does it. */
async function takeSegments(world: Surroundings, process: Process, place: Place): Promise<void> {
  const { gates, queues, kernel } = world;
  const { mover, site, vm, seeGone, folder } = place;
  const api = moverApi(world, place);
  const never = new AbortController().signal;
  const take = async () => ({ askedAt: performance.now(), ...(await api.takeLease()) });
  const granted = await patiently(take, { signal: never });
  const writer = new WriterLease(api, mover, granted, { warn: () => undefined }, () =>
    // It stops writing at once, and ends a little later.
    kernel.schedule(5_000, 'it ends without its lease', process, () => kernel.kill(process, 'its lease is lost')),
  );
  // Of the pool only what the books have heard counts: nobody can look into another's folder there.
  const reports = new Reports(
    api,
    folder.as(gates, (kept) => vm !== null && world.found(kept)),
    mover,
    QUIET_LOG,
  );
  await reports.deliverOfPredecessors(never);
  void reports.started(never).catch(() => undefined);
  const jobs = new SegmentJobs({
    ...{ mover, api, reports, writer, seeGone },
    run: (grant, signal, mayWrite) =>
      work(world, grant, place, signal, mayWrite).catch((error: unknown) => {
        const { segmentId, restoreId, epoch } = grant;
        const { code, facts } = reportable(error);
        const report = { restoreId, epoch, mover, result: { kind: 'failed', code, facts } } as const;
        if (isVerdict(report)) world.cameTo({ segmentId, report });
        throw error;
      }),
    log: QUIET_LOG,
    crash: gates.hook,
    onNotWelcome: () => kernel.kill(process, 'it is not welcome any more'),
  });
  const worker = new QueueWorker(
    ...([gates, queues, vm === null ? QUEUES.moverPool : workerQueue(site), AT_ONCE] as const),
    ({ id, payload, lost, putOff }) => jobs.handle({ id, data: SEGMENT_JOB.parse(payload), putOff }, lost),
    (job) => jobs.renewed(job.id),
  );
  process.askToEnd = () => kernel.within(process, () => void end(jobs, worker, () => api.leave(), process, world));
}

/** As a data-mover ends when it is told to: what is in hand gets a moment, and is given back then. */
async function end(
  jobs: SegmentJobs,
  worker: QueueWorker,
  leave: () => Promise<unknown>,
  process: Process,
  world: Surroundings,
) {
  const until = async (milliseconds: number): Promise<void> => {
    for (let waited = 0; waited < milliseconds && !jobs.isIdle; waited += LOOK_MS) await pause(LOOK_MS);
  };
  jobs.close();
  worker.close();
  await until(FINISH_WITHIN_MS);
  jobs.giveBack();
  await until(FINISH_WITHIN_MS);
  jobs.leave();
  await until(LEAVE_WITHIN_MS);
  if (jobs.isIdle) await leave().catch(() => undefined);
  world.kernel.kill(process, 'it was told to end');
}

interface ClaimBody {
  readonly epoch: number;
  readonly gone?: string[] | undefined;
}

/** What the API answers a data-mover. */
function moverApi(world: Surroundings, { site, mover }: Place) {
  const { apis } = world;
  const workerId = site === POOL ? null : site;
  const leased = { leaseMs: LEASE_SECONDS * 1_000 };
  return {
    takeLease: () =>
      apis.call(`lease for ${mover}`, async ({ leases }) => {
        await leases.takeOver(writerLease(site, mover), mover, LEASE_SECONDS);
        return leased;
      }),
    renewLease: () =>
      apis.call(`renew ${mover}`, async ({ leases }) => {
        if (await leases.renew(writerLease(site, mover), mover, LEASE_SECONDS)) return leased;
        throw refused('LEASE_LOST');
      }),
    leave: () => apis.call(`${mover} leaves`, ({ leases }) => leases.release(writerLease(site, mover), mover)),
    started: () => apis.call(`${mover} has started`, ({ books }) => enterStart(books, { workerId }, mover)),
    report: (segmentId: string, report: Report) => {
      // Whoever tells of it knows it: that may not get lost either.
      if (workerId !== null && isVerdict(report)) world.found({ segmentId, report });
      world.tells(mover, segmentId, report.epoch);
      return apis.call(`report of ${report.result.kind} on ${segmentId}`, async ({ books, workers }) => {
        const isRetired = workerId !== null && (await workers.worker(workerId))?.state === 'retired';
        if (isRetired && !isVerdict(report)) throw new NotWelcomeError(refused('UNAUTHENTICATED').toDetails());
        return enterReport(books, { workerId }, segmentId, report);
      });
    },
    claim: (segmentId: string, { epoch, gone = [] }: ClaimBody): Promise<SegmentGrant | Held> =>
      apis.call(`claim ${segmentId}`, async ({ books, leases, accesses }) => {
        const segment = await books.segment(segmentId);
        if (segment === null) throw refused('SEGMENT_NOT_FOUND');
        const isWanted = segment.epoch === epoch && ['pending', 'running'].includes(segment.state);
        const repositoryAccess = async () => FOLDER;
        const ports = { books, diskAccesses: accesses, secrets: world.shared.secrets, repositoryAccess };
        const grant = isWanted ? await grantOf(ports, segment, workerId === null ? null : 0) : null;
        const writers = { leases, claim: { site, mover, gone } };
        const decision = await claimSegment(books, { segmentId, epoch, mover, workerId }, writers);
        switch (decision.kind) {
          case 'granted':
            if (grant === null) throw refused('SEGMENT_STALE');
            return { ...grant, epoch: decision.segment.epoch };
          case 'held': {
            const held = await books.latestGrant(segmentId, decision.by);
            const { restoreId, epoch: now } = decision.segment;
            return { restoreId, heldBy: decision.by, expired: decision.expired, epoch: held?.epoch ?? now };
          }
          case 'lost':
            throw refused('LEASE_LOST');
          default:
            throw refused(decision.kind === 'done' ? 'SEGMENT_DONE' : 'SEGMENT_STALE');
        }
      }),
  };
}

/** What is backed up is the simulation's own; nothing needs to be opened. */
const FOLDER: RepositoryAccess = { kind: 'restic', store: { kind: 'folder', path: '/' }, password: null };

async function work(world: Surroundings, grant: SegmentGrant, place: Place, signal: AbortSignal, mayWrite: () => void) {
  const { purpose, restoreId, offsetBytes, lengthBytes, segmentId, epoch, target: to } = grant;
  const { mover, vm } = place;
  const diskName = world.shared.diskOf(segmentId);
  const images = world.orderOf(restoreId).sources;
  const source = composeSource(parseRecipe(grant.recipe), { images, patches: new Map() });
  const restore = (await world.shared.books.restore(restoreId))!;
  const diskId = restore.disks.find((disk) => disk.name === diskName)?.azureId ?? '';
  const chance = (fault: keyof typeof world.diskFaults) => (): boolean =>
    world.kernel.random.chance(world.diskFaults[fault]);
  const target = new SimulatedTarget(world.gates, world.contents, {
    ...{ diskId, purpose, segmentId, epoch, mover },
    sizeBytes: source.sizeBytes,
    direct: vm === null,
    reachable: (what) => world.isReachable(diskId, vm === null ? (to.kind === 'lun' ? '' : to.url) : vm, what),
    // What is written through Azure itself is durable when it is answered.
    flushFails: vm === null ? () => false : chance('flushFails'),
    writeFails: chance('writeFails'),
    readDiffers: chance('readDiffers'),
  });
  const range = { offset: offsetBytes, length: lengthBytes };
  if (purpose === 'move') {
    const moved = await moveRange(source, target, range, { signal, mayWrite });
    return { bytesRead: moved.bytesWritten, ...moved, warnings: [] };
  }
  if (restore.plan?.options.verify === 'full') return verifyWhole(target, source, range);
  const verified = await verifyRange(source, target, range, 'sampled', segmentId, signal);
  return { bytesRead: verified.bytesCompared, bytesWritten: 0, bytesZero: verified.bytesZero, warnings: [] };
}

/** Every block with something in it; comparing a million zeros would take all the time there is. */
async function verifyWhole(
  target: SimulatedTarget,
  source: {
    extents(): readonly { offset: number; length: number }[];
    read(offset: number, length: number): Promise<Buffer>;
  },
  range: { offset: number; length: number },
) {
  let bytesRead = 0;
  for (const { offset, length } of source.extents()) {
    if (offset < range.offset || offset >= range.offset + range.length) continue;
    const read = await target.read(offset, length);
    bytesRead += length;
    if (!read.equals(await source.read(offset, length))) {
      throw new PermanentError({ code: 'VERIFY_MISMATCH', message: 'It differs.', fix: 'Begin anew.' });
    }
  }
  return { bytesRead, bytesWritten: 0, bytesZero: 0, warnings: [] };
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function refused(code: string): ConflictError {
  return new ConflictError({ code, message: 'The API refuses it.', fix: 'Nothing has to be done.' });
}
