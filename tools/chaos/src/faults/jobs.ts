import { setTimeout as pause } from 'node:timers/promises';
import { Secret } from '@landfall/domain';
import { QueueClient, QUEUES } from '@landfall/pipeline';
import type { Cell } from '../live/cell.js';
import { PATIENCE_MS, restoreTrial, type Trial } from '../live/trial.js';
import { isBack, isOver, PLACES, stoppedOrOver, type Place } from './steps.js';

/*
 * F5, of jobs: a step's job is delivered twice at once, after stale ones, late, or not at all.
 *
 * The step before is stopped when it is about to hand on; the next one's queue is paused; then its job lies there, and can
 * be dealt with before anybody takes it.
 */
const LATE_MS = 20_000;

type JobQueue = ReturnType<QueueClient['queue']>;
type Job = NonNullable<Awaited<ReturnType<JobQueue['getJob']>>>;

const KINDS: Readonly<Record<string, (queue: JobQueue, job: Job) => Promise<void>>> = {
  'delivered twice at once': async (queue, job) => {
    await queue.add(job.name, job.data, { jobId: `${job.id}-twice` });
  },
  'delivered after stale ones': async (queue, job) => {
    const data = job.data as { epoch: number };
    await job.remove();
    for (const epoch of [data.epoch - 1, 0]) {
      await queue.add(job.name, { ...data, epoch }, { jobId: `${job.id}-stale-${epoch}` });
    }
    await queue.add(job.name, data, { jobId: `${job.id}-again` });
  },
  'delivered late': async () => {
    await pause(LATE_MS);
  },
  'never delivered': (_, job) => job.remove().then(() => undefined),
};

export function jobTrials(): readonly Trial[] {
  return Object.keys(KINDS).flatMap((kind) => PLACES.map((place) => jobTrial(kind, place)));
}

function jobTrial(kind: string, place: Place): Trial {
  const back = isBack(place);
  return {
    fault: 'F5',
    name: `the job of ${place}: ${kind}`,
    async run(cell) {
      const queues = new QueueClient({ url: new Secret(cell.redisUrl), prefix: 'landfall' });
      const queue = queues.queue(queueOf(place));
      try {
        return await restoreTrial(cell, {
          duringClean: back,
          async prepare() {
            const before = stepBefore(place);
            if (before === null) await queue.pause();
            else cell.arm([`${before}.done.beforeCommit stop`]);
          },
          async disturb(_, restoreId) {
            if (stepBefore(place) !== null) {
              const stopped = await stoppedOrOver(cell, restoreId, back);
              if (stopped === null) return { at: null };
              await queue.pause();
              stopped.goOn();
            }
            const job = await jobOf(cell, queue, restoreId, place);
            if (job !== null) await KINDS[kind]?.(queue, job);
            const at = job === null ? null : performance.now();
            await queue.resume();
            return { at };
          },
        });
      } finally {
        await queue.resume().catch(() => undefined);
        await queues.close();
      }
    },
  };
}

async function jobOf(cell: Cell, queue: JobQueue, restoreId: string, place: Place): Promise<Job | null> {
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await pause(50)) {
    const jobs = await queue.getJobs(['wait', 'delayed', 'prioritized']);
    const job = jobs.find((each) => each?.id?.startsWith(`${restoreId}-${place}-`));
    if (job !== undefined) return job;
    if (await isOver(cell, restoreId, isBack(place))) return null;
  }
  return null;
}

/** Null: what comes first on its way, asked for by the API. */
function stepBefore(place: Place): string | null {
  const index = PLACES.indexOf(place);
  return isBack(place) || index === 0 ? null : (PLACES[index - 1] ?? null);
}

export function queueOf(place: Place): string {
  if (place === 'plan') return QUEUES.planner;
  return place === 'create-empty-disks' || place === 'launch-worker' ? QUEUES.provisioner : QUEUES.finalizer;
}
