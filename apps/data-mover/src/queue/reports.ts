import type { ErrorDetails, ErrorKind } from '@landfall/domain';
import { QUEUES, type QueueClient, segmentResultId } from '@landfall/pipeline';
import { patiently } from '../session/patience.js';
import type { SegmentOutcome } from '../transfer/segment.js';

/** What a result is about: the epoch is the one under which the segment was worked on. */
export interface Held {
  readonly segmentId: string;
  readonly restoreId: string;
  readonly epoch: number;
}

/** Answers to the finalizer, through the results queue. Each waits for Redis until its signal ends it. */
export class Reports {
  constructor(
    private readonly queues: Pick<QueueClient, 'enqueue'>,
    /** `name/instance` of this process. */
    private readonly mover: string,
  ) {}

  async done(held: Held, outcome: SegmentOutcome, milliseconds: number, signal: AbortSignal): Promise<void> {
    const payload = { ...held, mover: this.mover, ...outcome, milliseconds };
    await this.#send('segment-done', segmentResultId(held.segmentId, held.epoch), payload, signal);
  }

  async failed(held: Held, kind: ErrorKind, error: ErrorDetails, signal: AbortSignal): Promise<void> {
    const payload = { ...held, mover: this.mover, kind, error };
    await this.#send('segment-failed', segmentResultId(held.segmentId, held.epoch), payload, signal);
  }

  async started(workerId: string | null, signal: AbortSignal): Promise<void> {
    const payload = { workerId, mover: this.mover, pid: process.pid };
    await this.#send('mover-started', `started-${this.mover.replace('/', '-')}`, payload, signal);
  }

  async #send(name: string, jobId: string, payload: Record<string, unknown>, signal: AbortSignal): Promise<void> {
    const message = { queue: QUEUES.moverResults, name, jobId, payload };
    await patiently(() => this.queues.enqueue(message), { signal });
  }
}
