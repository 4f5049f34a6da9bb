import type { Kernel } from './kernel.js';

/*
 * Redis with BullMQ on it, as far as its users can tell: a job id that is known is passed over, a job in hand is locked,
 * one whose lock has run out is given out again while whoever had it goes on, everything may be lost at once.
 */
export interface QueuedJob {
  readonly queue: string;
  readonly id: string;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  state: 'waiting' | 'active' | 'ended';
  notBefore: number;
  lock: { readonly token: string; until: number } | null;
}

export interface QueueFaults {
  /** Of a job that is added: it is forgotten, as by a fail-over. */
  readonly lost: number;
  /** Of a job that is taken: it is given out a second time at once. */
  readonly twice: number;
  /** Of a job that is added: it comes late, up to a minute. */
  readonly late: number;
}

export const NO_QUEUE_FAULTS: QueueFaults = { lost: 0, twice: 0, late: 0 };

export class MemoryQueues {
  faults: QueueFaults = NO_QUEUE_FAULTS;
  runId = 'run-1';
  /** Until then it does not answer. */
  downUntil = 0;
  /** Every payload that ever came here: nothing in it may be secret. */
  readonly seen: string[] = [];
  /** By queue, by id. */
  #jobs = new Map<string, Map<string, QueuedJob>>();
  #snapshot = new Map<string, Map<string, QueuedJob>>();
  readonly #idle = new Map<string, Set<() => void>>();

  constructor(private readonly kernel: Kernel) {}

  add(queue: string, id: string, name: string, data: Record<string, unknown>, delayMs: number): void {
    const { random } = this.kernel;
    this.seen.push(JSON.stringify(data));
    const jobs = this.#jobs.get(queue) ?? new Map<string, QueuedJob>();
    this.#jobs.set(queue, jobs);
    if (jobs.has(id) || random.chance(this.faults.lost)) return;
    const late = random.chance(this.faults.late) ? random.between(100, 60_000) : 0;
    const notBefore = this.kernel.now + delayMs + late;
    const job = { queue, id, name, data: structuredClone(data), state: 'waiting' as const, notBefore, lock: null };
    jobs.set(id, job);
    this.kernel.schedule(delayMs + late, `job ${id} is due`, null, () => this.#wake(queue));
  }

  isLive(queue: string, id: string): boolean {
    const job = this.#jobs.get(queue)?.get(id);
    return job !== undefined && job.state !== 'ended';
  }

  /** Any of the jobs that may be taken: a queue keeps its order only as long as nothing goes wrong. */
  take(queue: string, token: string, lockMs: number): QueuedJob | null {
    const { now, random } = this.kernel;
    const free = [...(this.#jobs.get(queue)?.values() ?? [])].filter(
      (job) =>
        (job.state === 'waiting' && job.notBefore <= now) || (job.state === 'active' && (job.lock?.until ?? 0) < now),
    );
    const job = random.chance(0.8) ? free[0] : random.pick(free);
    if (job === undefined) return null;
    job.state = 'active';
    job.lock = { token, until: random.chance(this.faults.twice) ? now : now + lockMs };
    return job;
  }

  /** False: the lock is somebody else's, or nobody's, by now. */
  renew(job: QueuedJob, token: string, lockMs: number): boolean {
    const known = this.#jobs.get(job.queue)?.get(job.id);
    if (known?.state !== 'active' || known.lock?.token !== token) return false;
    known.lock.until = this.kernel.now + lockMs;
    return true;
  }

  /** As if it had been given to that one. */
  lockFor(queue: string, id: string, token: string, lockMs: number): void {
    const known = this.#jobs.get(queue)?.get(id);
    if (known !== undefined) known.lock = { token, until: this.kernel.now + lockMs };
  }

  /** Given back by whoever has it: waits again, for a while. Throws when its lock is somebody else's by now. */
  putOff(job: QueuedJob, token: string, delayMs: number): void {
    const known = this.#jobs.get(job.queue)?.get(job.id);
    if (known?.state !== 'active' || known.lock?.token !== token) throw new Error(`the lock on ${job.id} is lost`);
    Object.assign(known, { state: 'waiting', lock: null, notBefore: this.kernel.now + delayMs });
    this.kernel.schedule(delayMs, `job ${job.id} is due again`, null, () => this.#wake(job.queue));
  }

  finish(job: QueuedJob, token: string): void {
    const known = this.#jobs.get(job.queue)?.get(job.id);
    if (known?.lock?.token !== token) return;
    known.state = 'ended';
    known.lock = null;
  }

  /** Calls back whenever there may be something to take. */
  onWork(queue: string, wake: () => void): () => void {
    const idle = this.#idle.get(queue) ?? new Set();
    this.#idle.set(queue, idle.add(wake));
    return () => idle.delete(wake);
  }

  flushAll(): void {
    this.#jobs = new Map();
  }

  keepSnapshot(): void {
    this.#snapshot = structuredClone(this.#jobs);
  }

  /** Started again from its older snapshot. */
  restart(): void {
    this.#jobs = structuredClone(this.#snapshot);
    this.runId = `run-${this.kernel.steps}`;
    for (const queue of this.#idle.keys()) this.#wake(queue);
  }

  #wake(queue: string): void {
    for (const wake of this.#idle.get(queue) ?? []) wake();
  }
}
