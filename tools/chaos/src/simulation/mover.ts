import { createHash } from 'node:crypto';
import { ConflictError, detailsOf, kindOf, PermanentError, type Segment } from '@landfall/domain';
import { Lease } from '@landfall/data-mover/queue/lease';
import { Reports } from '@landfall/data-mover/queue/reports';
import { patiently } from '@landfall/data-mover/session/patience';
import { moveRange } from '@landfall/data-mover/transfer/move';
import { verifyRange } from '@landfall/data-mover/transfer/verify';
import { claimSegment, QUEUES, SEGMENT_JOB, workerQueue } from '@landfall/pipeline';
import { SimulatedTarget } from './contents.js';
import { Process } from './kernel.js';
import { QueueWorker, queueClient } from './queue-worker.js';
import type { QueuedJob } from './queues.js';
import type { VmResource } from './azure/resources.js';
import type { World } from './world.js';

/*
 * Data-movers: the loop is made anew here, without queue and network; what it calls, moving and verifying a range, the
 * lease, the reports, is the product's own.
 */
const LOCK_MS = 15_000;
const MARGIN_MS = 3_000;
const AT_ONCE = 2;
const HEARTBEAT_MS = 20_000;

/** A worker VM that runs: its data-mover, started again whenever it dies, and the session that is kept on its disk. */
export class Machine {
  #running: Process | null = null;
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
    this.#spawn(2_000);
  }

  get mover(): Process | null {
    return this.#running;
  }

  turnOff(): void {
    this.#on = false;
    if (this.#running) this.world.kernel.kill(this.#running, 'its VM is turned off');
    for (const { diskId } of this.vm.dataDisks) this.world.contents.powerCut(diskId, this.world.kernel.random);
  }

  #spawn(afterMs: number): void {
    const { kernel } = this.world;
    kernel.schedule(afterMs, 'the VM starts its data-mover', null, () => {
      if (!this.#on) return;
      const process = new Process(`mover-${this.#workerId.slice(-6)}`);
      this.#running = process;
      process.atDeath.push(() => this.#spawn(kernel.random.between(500, 5_000)));
      kernel.within(process, () => void this.#live(process));
    });
  }

  async #live(process: Process): Promise<void> {
    const { world, vm } = this;
    const { workers } = world.shared.connect();
    const name = `${this.#workerId}-0`;
    const signal = new AbortController().signal;
    const token = vm.environment['LANDFALL_BOOTSTRAP_TOKEN'] ?? '';
    if (this.#session === '') {
      this.#chosen ||= String(world.kernel.random.next());
      const session = { tokenHash: hashOf(this.#chosen), expiresAt: new Date(Date.now() + 3_600_000) };
      const redeem = () => workers.redeemBootstrap(this.#workerId, hashOf(token), session);
      const worker = await patiently(redeem, { signal });
      if (worker === null) return world.kernel.kill(process, 'it is not let in');
      this.#session = this.#chosen;
    }
    const tokenHash = hashOf(this.#session);
    const beat = async (): Promise<void> => {
      const renewed = await workers.renewSession(tokenHash, new Date(Date.now() + 3_600_000));
      if (renewed) await workers.heartbeat(this.#workerId, { name, pid: 1 });
      else world.kernel.kill(process, 'its session has ended');
    };
    await beat().catch(() => undefined);
    setInterval(() => void beat().catch(() => undefined), HEARTBEAT_MS);
    takeSegments(world, `${name}/${world.kernel.steps}`, this.#workerId, vm);
  }
}

/** One of the pool, which writes through SAS. */
export function startPoolMover(world: World, number: number): Process {
  const process = new Process(`pool-${number}`);
  world.kernel.within(process, () => takeSegments(world, `pool-${number}/${world.kernel.steps}`, null, null));
  return process;
}

function takeSegments(world: World, mover: string, workerId: string | null, vm: VmResource | null): void {
  const { gates, queues } = world;
  const { books } = world.shared.connect();
  const client = queueClient(gates, queues);
  const reports = new Reports(client, mover);
  const signal = new AbortController().signal;
  const leases = new Map<string, Lease>();
  void reports.started(workerId, signal).catch(() => undefined);

  const handle = async (job: QueuedJob, lost: AbortSignal): Promise<void> => {
    const wanted = SEGMENT_JOB.parse(job.data);
    const lease = new Lease(LOCK_MS, MARGIN_MS);
    leases.set(job.id, lease);
    let held = wanted;
    try {
      const claim = () => claimSegment(books, { segmentId: wanted.segmentId, epoch: wanted.epoch, mover });
      const decision = await patiently(claim, { signal: lost });
      if (decision.kind !== 'granted') throw dropped();
      held = { ...wanted, epoch: decision.segment.epoch };
      gates.hook(`step05.${decision.segment.purpose}.afterClaim`);
      const outcome = await work(world, decision.segment, vm, lost, () => lease.assertHeld());
      gates.hook(`step05.${decision.segment.purpose}.afterWork`);
      await reports.done(held, outcome, 1, lost);
      gates.hook(`step05.${decision.segment.purpose}.afterReport`);
    } catch (error) {
      const { code } = detailsOf(error);
      if (code === 'DROPPED') return;
      if (lost.aborted || code === 'LEASE_LOST') throw error;
      await reports.failed(held, kindOf(error), detailsOf(error), lost);
    } finally {
      leases.delete(job.id);
    }
  };
  const queue = workerId === null ? QUEUES.moverPool : workerQueue(workerId);
  new QueueWorker(gates, queues, queue, AT_ONCE, handle, (job) => leases.get(job.id)?.renewed());
}

async function work(world: World, segment: Segment, vm: VmResource | null, signal: AbortSignal, mayWrite: () => void) {
  const { purpose, diskName, restoreId, offsetBytes, lengthBytes } = segment;
  const order = world.orderOf(restoreId);
  const source = order.sources.get(diskName)!;
  const restore = (await world.shared.books.restore(restoreId))!;
  const diskId = restore.disks.find((disk) => disk.name === diskName)?.azureId ?? '';
  const target = new SimulatedTarget(world.gates, world.contents, {
    ...{ diskId, purpose, segmentId: segment.id, epoch: segment.epoch, mover: segment.mover ?? '' },
    sizeBytes: source.sizeBytes,
    direct: vm === null,
    reachable: () => world.isReachable(diskId, vm),
    flushFails: () => world.kernel.random.chance(world.diskFaults.flushFails),
  });
  const range = { offset: offsetBytes, length: lengthBytes };
  if (purpose === 'move') {
    const moved = await moveRange(source, target, range, { signal, mayWrite });
    return { bytesRead: moved.bytesWritten, ...moved };
  }
  if (restore.plan?.options.verify === 'full') return verifyWhole(target, source, range);
  const verified = await verifyRange(source, target, range, 'sampled', segment.id, signal);
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

function dropped(): ConflictError {
  return new ConflictError({ code: 'DROPPED', message: 'The job has nothing left to do.', fix: 'Drop it.' });
}
