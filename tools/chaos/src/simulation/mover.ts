import { createHash } from 'node:crypto';
import { ConflictError, detailsOf, kindOf, PermanentError, type Segment } from '@landfall/domain';
import { claimSegment } from '@landfall/data-mover/queue/claim';
import { Lease } from '@landfall/data-mover/queue/lease';
import { Reports } from '@landfall/data-mover/queue/reports';
import { patiently } from '@landfall/data-mover/session/patience';
import { WriterLease } from '@landfall/data-mover/session/writer-lease';
import { moveRange } from '@landfall/data-mover/transfer/move';
import { verifyRange } from '@landfall/data-mover/transfer/verify';
import { QUEUES, SEGMENT_JOB, workerQueue } from '@landfall/pipeline';
import { claimSegment as decideOnClaim, type Held, POOL, type SegmentGrant, writerLease } from '@landfall/transfer';
import { SimulatedTarget } from './contents.js';
import { Process } from './kernel.js';
import { QueueWorker, queueClient } from './queue-worker.js';
import type { QueuedJob } from './queues.js';
import type { VmResource } from './azure/resources.js';
import type { World } from './world.js';

/*
 * Data-movers: the loop is made anew here, without queue and network; what it calls is the product's own: moving and
 * verifying a range, claims, leases, reports. A stopped data-mover that another one has to see gone is killed, as on a
 * worker; in the pool there is one at a time.
 */
const LOCK_MS = 15_000;
const MARGIN_MS = 3_000;
const AT_ONCE = 2;
const HEARTBEAT_MS = 20_000;
const LEASE_SECONDS = 15;

/** A worker VM that runs: its data-movers, started again whenever they die, and the session that is kept on its disk. */
export class Machine {
  readonly #slots: (MoverProcess | null)[];
  #on = true;
  /** On the VM's disk: what was chosen, and what was got. */
  #chosen = '';
  #session = '';
  readonly #workerId: string;

  constructor(
    private readonly world: World,
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
    const { workers } = world.shared.connect();
    const name = mover.slice(0, mover.lastIndexOf('/'));
    const signal = new AbortController().signal;
    const token = vm.environment['LANDFALL_BOOTSTRAP_TOKEN'] ?? '';
    if (this.#session === '') {
      this.#chosen ||= String(world.kernel.random.next());
      const session = { tokenHash: hashOf(this.#chosen), validSeconds: 3_600 };
      const redeem = () => workers.redeemBootstrap(this.#workerId, hashOf(token), session);
      const worker = await patiently(redeem, { signal });
      if (worker === null) return world.kernel.kill(process, 'it is not let in');
      this.#session = this.#chosen;
    }
    const tokenHash = hashOf(this.#session);
    const beat = async (): Promise<void> => {
      const renewed = await workers.renewSession(tokenHash, 3_600);
      if (renewed) await workers.heartbeat(this.#workerId, { name, pid: 1 });
      else world.kernel.kill(process, 'its session has ended');
    };
    await beat().catch(() => undefined);
    setInterval(() => void beat().catch(() => undefined), HEARTBEAT_MS);
    const seeGone = async (other: string): Promise<void> => {
      const holder = this.#slots.find((slot) => slot?.mover === other);
      if (holder) world.kernel.kill(holder.process, `${mover} takes its place`);
    };
    await takeSegments(world, process, { mover, site: this.#workerId, vm, seeGone });
  }
}

interface MoverProcess {
  readonly process: Process;
  /** `name/instance`. */
  readonly mover: string;
}

/** One of the pool, which writes through SAS. */
export function startPoolMover(world: World, number: number): Process {
  const process = new Process(`pool-${number}`);
  const mover = `pool-${number}/${world.kernel.steps}`;
  const place = { mover, site: POOL, vm: null, seeGone: async () => undefined };
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
}

/** As a data-mover does it, with the lease and the claim that are its own. */
async function takeSegments(world: World, process: Process, place: Place): Promise<void> {
  const { gates, queues } = world;
  const { mover, site, vm, seeGone } = place;
  const api = moverApi(world, site);
  const reports = new Reports(queueClient(gates, queues), mover);
  const never = new AbortController().signal;
  const take = async () => ({ askedAt: performance.now(), ...(await api.takeLease(mover)) });
  const granted = await patiently(take, { signal: never });
  const writer = new WriterLease(api, mover, granted, { warn: () => undefined }, () =>
    world.kernel.kill(process, 'its lease is lost'),
  );
  void reports.started(vm === null ? null : site, never).catch(() => undefined);
  const leases = new Map<string, Lease>();
  const inHand = new Map<string, Promise<unknown>>();

  const run = async (job: QueuedJob, lost: AbortSignal): Promise<void> => {
    const wanted = SEGMENT_JOB.parse(job.data);
    const lease = new Lease(LOCK_MS, MARGIN_MS);
    leases.set(job.id, lease);
    let held = wanted;
    try {
      const signal = AbortSignal.any([lost, writer.lost]);
      const grant = await claimSegment(
        { api, mover, seeGone },
        wanted.segmentId,
        wanted.epoch,
        signal,
        () => undefined,
      );
      held = { ...wanted, epoch: grant.epoch };
      gates.hook(`step05.${grant.purpose}.afterClaim`);
      const outcome = await work(world, grant, place, signal, () => {
        lease.assertHeld();
        writer.assertHeld();
      });
      gates.hook(`step05.${grant.purpose}.afterWork`);
      await reports.done(held, outcome, 1, writer.lost);
      gates.hook(`step05.${grant.purpose}.afterReport`);
    } catch (error) {
      const details = detailsOf(error);
      if (['SEGMENT_DONE', 'SEGMENT_STALE'].includes(details.code)) return;
      if (writer.lost.aborted) throw error;
      if (lost.aborted || details.code === 'LEASE_LOST') {
        await reports.failed(held, 'waiting', details, writer.lost).catch(() => undefined);
        throw error;
      }
      await reports.failed(held, kindOf(error), details, writer.lost);
    } finally {
      leases.delete(job.id);
    }
  };
  const handle = (job: QueuedJob, lost: AbortSignal): Promise<void> => {
    const segmentId = String(job.data['segmentId']);
    const after = inHand.get(segmentId) ?? Promise.resolve();
    const running = after.then(() => run(job, lost));
    inHand.set(
      segmentId,
      running.catch(() => undefined),
    );
    return running;
  };
  const queue = vm === null ? QUEUES.moverPool : workerQueue(site);
  new QueueWorker(gates, queues, queue, AT_ONCE, handle, (job) => leases.get(job.id)?.renewed());
}

interface ClaimBody {
  readonly epoch: number;
  readonly mover: string;
  readonly gone?: string[] | undefined;
}

/** What the API answers a data-mover. */
function moverApi(world: World, site: string) {
  const { books, leases } = world.shared.connect();
  const leased = { leaseMs: LEASE_SECONDS * 1_000 };
  return {
    async takeLease(mover: string) {
      await leases.takeOver(writerLease(site, mover), mover, LEASE_SECONDS);
      return leased;
    },
    async renewLease(mover: string) {
      if (await leases.renew(writerLease(site, mover), mover, LEASE_SECONDS)) return leased;
      throw refused('LEASE_LOST');
    },
    async claim(segmentId: string, { epoch, mover, gone = [] }: ClaimBody): Promise<SegmentGrant | Held> {
      const writers = { leases, claim: { site, mover, gone } };
      const decision = await decideOnClaim(books, { segmentId, epoch, mover }, writers);
      switch (decision.kind) {
        case 'granted':
          return grantOf(decision.segment);
        case 'held':
          return { heldBy: decision.by, expired: decision.expired };
        case 'lost':
          throw refused('LEASE_LOST');
        default:
          throw refused(decision.kind === 'done' ? 'SEGMENT_DONE' : 'SEGMENT_STALE');
      }
    },
  };
}

/** The source and the target are the simulation's own; nothing needs to be opened. */
function grantOf({ id, restoreId, epoch, purpose, offsetBytes, lengthBytes, diskName }: Segment): SegmentGrant {
  return {
    ...{ segmentId: id, restoreId, epoch, purpose, offsetBytes, lengthBytes, verify: 'full' },
    repository: { kind: 'restic', store: { kind: 'folder', path: '/' }, password: null },
    source: { location: diskName, sizeBytes: 1 },
    target: { kind: 'lun', lun: 0, sizeBytes: 1 },
  };
}

async function work(world: World, grant: SegmentGrant, place: Place, signal: AbortSignal, mayWrite: () => void) {
  const { purpose, restoreId, offsetBytes, lengthBytes, segmentId, epoch } = grant;
  const { mover, vm } = place;
  const diskName = grant.source.location;
  const order = world.orderOf(restoreId);
  const source = order.sources.get(diskName)!;
  const restore = (await world.shared.books.restore(restoreId))!;
  const diskId = restore.disks.find((disk) => disk.name === diskName)?.azureId ?? '';
  const target = new SimulatedTarget(world.gates, world.contents, {
    ...{ diskId, purpose, segmentId, epoch, mover },
    sizeBytes: source.sizeBytes,
    direct: vm === null,
    reachable: (what) => world.isReachable(diskId, vm, what),
    flushFails: () => world.kernel.random.chance(world.diskFaults.flushFails),
  });
  const range = { offset: offsetBytes, length: lengthBytes };
  if (purpose === 'move') {
    const moved = await moveRange(source, target, range, { signal, mayWrite });
    return { bytesRead: moved.bytesWritten, ...moved };
  }
  if (restore.plan?.options.verify === 'full') return verifyWhole(target, source, range);
  const verified = await verifyRange(source, target, range, 'sampled', segmentId, signal);
  return { bytesRead: verified.bytesCompared, bytesWritten: 0, bytesZero: verified.bytesZero };
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
  return { bytesRead, bytesWritten: 0, bytesZero: 0 };
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function refused(code: string): ConflictError {
  return new ConflictError({ code, message: 'The API refuses it.', fix: 'Nothing has to be done.' });
}
