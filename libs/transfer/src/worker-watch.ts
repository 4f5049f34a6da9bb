import { type Restore, RetryableError, type WorkerRegistry } from '@landfall/domain';
import { routesOf, transferStep } from './route.js';

/** A worker needs minutes to start; a data-mover sends a sign of life every few seconds. */
export const SILENCE_LIMIT_MS = 10 * 60_000;

/**
 * Notices workers none of whose data-movers has been heard of for long. Counted from when this process first saw the
 * present attempt of the step, so that a resumed restore gives its worker the whole time again.
 *
 * How long a data-mover has been silent is what the books say, and how long this process has watched is counted on its
 * monotonic clock: its wall clock may be wrong, and may leap.
 */
export class WorkerWatch {
  readonly #since = new Map<string, { readonly epoch: number; readonly at: number }>();

  constructor(
    private readonly workers: Pick<WorkerRegistry, 'worker'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The error to end the step with, or null while every worker of the restore may be alive. */
  async silentWorker(restore: Restore): Promise<RetryableError | null> {
    const watchedMs = this.#watchedMs(restore.id, transferStep(restore).epoch);
    for (const { workerId } of routesOf(restore)) {
      if (workerId === null) continue;
      const movers = (await this.workers.worker(workerId))?.movers ?? [];
      const silentMs = Math.min(watchedMs, ...movers.map((mover) => mover.silentMs));
      if (silentMs < SILENCE_LIMIT_MS) continue;
      return new RetryableError({
        code: 'WORKER_SILENT',
        message: `Nothing was heard of the worker ${workerId} for ${Math.round(silentMs / 60_000)} minutes.`,
        fix: 'See in its serial log in Azure whether it reaches the API and Redis; then resume: a worker that stays silent is replaced.',
      });
    }
    return null;
  }

  #watchedMs(restoreId: string, epoch: number): number {
    const now = this.now();
    const known = this.#since.get(restoreId);
    if (known?.epoch === epoch) return now - known.at;
    this.#since.set(restoreId, { epoch, at: now });
    return 0;
  }
}
