import type { JobInHand } from '@landfall/domain';
import { SEGMENT_JOB } from '@landfall/pipeline';
import { QueueProcessor, TakesJobsOf } from '@landfall/service';
import { Inject, Injectable, type Type } from '@nestjs/common';
import { LOCK_MS, type SegmentJob, SegmentJobs, type SegmentJobsOptions } from './segment-jobs.js';

/** `SegmentJobsOptions`. */
export const SEGMENT_WORK = Symbol('segment work');

const LOOK_FOR_STALLED_EVERY_MS = 5_000;
const FINISH_WITHIN_MS = 3_000;
const GIVE_BACK_WITHIN_MS = 3_000;
const LEAVE_WITHIN_MS = 2_000;

/**
 * Takes jobs from the queue and keeps their locks while they are in hand, the claim and the report included. On shutdown no
 * more are taken, those in hand get a moment to end, and the rest is given back.
 */
@Injectable()
export class SegmentProcessor extends QueueProcessor<SegmentJob['data']> {
  readonly #jobs: SegmentJobs;

  protected readonly patience = [
    { withinMs: FINISH_WITHIN_MS, then: () => this.#jobs.giveBack() },
    { withinMs: GIVE_BACK_WITHIN_MS, then: () => this.#jobs.leave() },
    { withinMs: LEAVE_WITHIN_MS, then: () => undefined },
  ];

  constructor(@Inject(SEGMENT_WORK) work: SegmentJobsOptions) {
    super(work.log);
    this.#jobs = new SegmentJobs(work);
  }

  protected override payloadOf() {
    return SEGMENT_JOB;
  }

  protected override handle({ id, payload, lost, putOff }: JobInHand<SegmentJob['data']>): Promise<void> {
    return this.#jobs.handle({ id, data: payload, putOff }, lost);
  }

  protected override onLeaving(): void {
    this.#jobs.close();
  }

  protected override onRenewed(jobId: string): void {
    this.#jobs.renewed(jobId);
  }
}

/** The processor of one queue: which one it is, a data-mover learns from the API only. */
export function segmentProcessorOf(queue: string, concurrency: number): Type<SegmentProcessor> {
  @TakesJobsOf(queue, { concurrency, locks: { lockMs: LOCK_MS, lookEveryMs: LOOK_FOR_STALLED_EVERY_MS } })
  class ProcessorOfQueue extends SegmentProcessor {}
  return ProcessorOfQueue;
}
