import type { JobInHand, JobQueues } from '@landfall/domain';
import type { Gates } from './gates.js';
import type { MemoryQueues, QueuedJob } from './queues.js';

/** What a process has of the queues, over the gate to Redis. */
export function queueClient(gates: Gates, queues: MemoryQueues): JobQueues {
  return {
    enqueue: ({ queue, jobId, name, payload, delayMs }) =>
      gates.redis(`add ${jobId}`, () => queues.add(queue, jobId, name, payload, delayMs ?? 0)),
    isLive: (queue, jobId) => gates.redis(`is live: ${jobId}`, () => queues.isLive(queue, jobId)),
    redisRunId: () => gates.redis('run id of Redis', () => queues.runId),
  };
}

const LOCK_MS = 15_000;
const LOOK_EVERY_MS = 10_000;

export type JobHandler = (job: JobInHand<QueuedJob['data']>) => Promise<unknown>;

/** Thrown into a run whose job was put off: it ends, and the job does not. */
class PutOff extends Error {}

/*
 * As BullMQ's worker: takes jobs side by side, renews their locks, tells a run that its lock was lost (and cannot
 * stop it), and ends a job when its run has ended, well or badly.
 */
export class QueueWorker {
  #busy = 0;
  #taking = false;
  #closing = false;
  #number = 0;

  constructor(
    private readonly gates: Gates,
    private readonly queues: MemoryQueues,
    private readonly queue: string,
    private readonly concurrency: number,
    private readonly handle: JobHandler,
    /** Told of each renewal: the run may go on. */
    private readonly onRenewed: (job: QueuedJob) => void = () => undefined,
  ) {
    const { kernel } = gates;
    const { process } = kernel;
    const stop = queues.onWork(
      queue,
      () => process && kernel.schedule(1, 'woken by the queue', process, () => this.#take()),
    );
    process?.atDeath.push(stop);
    const look = (): void => {
      this.#take();
      kernel.schedule(LOOK_EVERY_MS, `looks at ${queue}`, process, look);
    };
    look();
  }

  /** Takes nothing more; what is in hand goes on. */
  close(): void {
    this.#closing = true;
  }

  #take(): void {
    if (this.#closing || this.#taking || this.#busy >= this.concurrency) return;
    this.#taking = true;
    const token = `${this.gates.kernel.process?.name ?? ''}-${this.#number++}`;
    this.gates
      .redis(`take from ${this.queue}`, () => this.queues.take(this.queue, token, LOCK_MS))
      .catch(() => null)
      .then((job) => {
        this.#taking = false;
        if (job === null) return;
        void this.#run({ ...job }, token);
        this.#take();
      });
  }

  async #run(job: QueuedJob, token: string): Promise<void> {
    this.#busy += 1;
    const lost = new AbortController();
    const renewal = setInterval(() => {
      this.gates
        .redis(`renew ${job.id}`, () => this.queues.renew(job, token, LOCK_MS))
        .then(
          (held) => (held ? this.onRenewed(job) : lost.abort(new Error('its lock was lost'))),
          () => undefined,
        );
    }, LOCK_MS / 2);
    let isPutOff = false;
    const putOff = async (milliseconds: number): Promise<never> => {
      await this.gates.redis(`put off ${job.id}`, () => this.queues.putOff(job, token, milliseconds));
      isPutOff = true;
      throw new PutOff();
    };
    try {
      await this.handle({ id: job.id, name: job.name, payload: job.data, lost: lost.signal, putOff });
    } catch {
      // Its end is the same: nothing is counted by the queue.
    } finally {
      clearInterval(renewal);
      for (let tries = 0; tries < 5 && !isPutOff; tries++) {
        const ended = await this.gates
          .redis(`end ${job.id}`, () => this.queues.finish(job, token))
          .then(
            () => true,
            () => false,
          );
        if (ended) break;
      }
      this.#busy -= 1;
      this.#take();
    }
  }
}
