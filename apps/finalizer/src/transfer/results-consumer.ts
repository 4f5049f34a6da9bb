import { setTimeout as pause } from 'node:timers/promises';
import { detailsOf, kindOf } from '@landfall/domain';
import {
  KEEP_ENDED_JOBS,
  patientConnection,
  queuePrefix,
  QUEUES,
  type RedisSettings,
  type ServiceLog,
  withDeadline,
} from '@landfall/pipeline';
import { type Job, Worker } from 'bullmq';
import type { Logger } from '@landfall/observability';
import type { MoverResults } from './results.js';

/*
 * Takes the data-movers' results from their queue and enters them. A result is not given up because Postgres is away:
 * it stays in hand, its lock renewed, until it is entered. Several finalizers may consume side by side.
 */
const LOCK_MS = 15_000;
const LOOK_FOR_STALLED_EVERY_MS = 5_000;
const AT_ONCE = 8;
const LONGEST_PAUSE_MS = 5_000;
const CLOSE_WITHIN_MS = 5_000;

export interface ResultsConsumer {
  close(): Promise<void>;
}

export function consumeResults(redis: RedisSettings, results: MoverResults, log: Logger): ResultsConsumer {
  const connection = patientConnection(redis);
  const worker = new Worker(
    QUEUES.moverResults,
    (job: Job, _token?: string, lost?: AbortSignal) => enterResult(results, job, lost, log),
    {
      connection,
      prefix: queuePrefix(redis),
      concurrency: AT_ONCE,
      lockDuration: LOCK_MS,
      stalledInterval: LOOK_FOR_STALLED_EVERY_MS,
      maxStalledCount: 1_000_000,
      ...KEEP_ENDED_JOBS,
    },
  );
  worker.on('lockRenewalFailed', (jobIds) => jobIds.forEach((jobId) => worker.cancelJob(jobId, 'its lock was lost')));
  worker.on('error', (error) => log.warn({ err: error }, 'The results queue reports an error.'));
  return {
    async close() {
      worker.cancelAllJobs('the finalizer stops');
      await withDeadline(worker.close(), CLOSE_WITHIN_MS).catch(() => undefined);
      connection.disconnect();
    },
  };
}

/** One result, whoever has taken it from the queue: repeated until it is entered, or can't be. */
export async function enterResult(
  results: Pick<MoverResults, 'enter'>,
  job: Pick<Job, 'id' | 'name' | 'data'>,
  lost: AbortSignal | undefined,
  log: Pick<ServiceLog, 'warn' | 'error'>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await results.enter(job.name, job.data);
    } catch (error) {
      if (kindOf(error) === 'permanent' || isMalformed(error)) {
        // Nothing would change by a repetition; the reconciler sees to the segment.
        log.error({ err: error, job: job.id, name: job.name }, 'A result could not be entered and is dropped.');
        return;
      }
      log.warn({ error: detailsOf(error), job: job.id, attempt }, 'A result could not be entered yet.');
      await pause(Math.min(LONGEST_PAUSE_MS, 200 * attempt), undefined, lost ? { signal: lost } : {});
    }
  }
}

function isMalformed(error: unknown): boolean {
  return error instanceof Error && error.name === 'ZodError';
}
