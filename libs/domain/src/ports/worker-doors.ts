/*
 * A worker's own door to the queues: a user there that reaches the worker's queue and nothing else, made when the worker
 * registers. It is shut for good as soon as the worker is retired.
 */
export interface WorkerDoors {
  /**
   * Ends the worker's connections, lets it in no more, and takes its queue away. One that is shut already stays shut.
   * @throws RetryableError `REDIS_UNREACHABLE`
   */
  shut(workerId: string): Promise<void>;
  /**
   * The workers that have a door or a queue, whatever the books say of them. Looks at every key: not for every minute.
   * @throws RetryableError `REDIS_UNREACHABLE`
   */
  present(): Promise<readonly string[]>;
}
