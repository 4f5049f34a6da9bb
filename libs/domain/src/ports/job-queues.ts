import type { NewOutboxMessage } from './books.js';

/*
 * The queues on which jobs travel. A job is a hint: all of them may be lost, late or given out twice, and nothing that
 * counts is known here alone.
 */
export interface JobQueues {
  /**
   * Adds a job; one of the same id that is still known is left as it is, ended ones too.
   * @throws RetryableError `REDIS_UNREACHABLE`
   */
  enqueue(message: NewOutboxMessage): Promise<void>;
  /**
   * Whether a job waits, is being worked on, or is put off for no longer than it was to be.
   * @throws RetryableError `REDIS_UNREACHABLE`
   */
  isLive(queue: string, jobId: string): Promise<boolean>;
  /** Redis' run id, a new one after each of its starts. @throws RetryableError `REDIS_UNREACHABLE` */
  redisRunId(): Promise<string>;
}

/** One that a process has in hand. */
export interface JobInHand<P> {
  readonly id: string;
  readonly name: string;
  readonly payload: P;
  /** The lock on it was lost: it is given to somebody else, and what is done with it here has to stop. */
  readonly lost: AbortSignal;
  /** Back to the queue for so long. Not to be used after `lost`. */
  putOff(milliseconds: number): Promise<never>;
}
