import { appRoutes } from '@bull-board/api/dist/routes.js';
import type { QueueClient } from '@landfall/pipeline';
import type { Action } from './action.js';

/*
 * Every action of the queue dashboard, from the dashboard's own list of routes: on a queue, on a job that lies there or is
 * in hand, on all queues at once.
 */
const BOARD = '/admin/queues';

/** What the dashboard does for nobody. */
const REFUSED = '403 ERRORS.FORBIDDEN';

/** By the names that the dashboard gives to what a route takes. */
const BODIES: Readonly<Record<string, unknown>> = {
  SetGlobalConcurrencyBody: { concurrency: 1 },
  SetRateLimitBody: { max: 1, duration: 60_000 },
  ObliterateQueueBody: { force: true },
  ChangeJobDelayBody: { runAt: 0 },
  ChangeJobPriorityBody: { priority: 7 },
  UpdateJobSchedulerBody: { every: 60_000 },
};

/** In which states jobs are looked for; what is in hand comes first. */
const STATES = ['active', 'wait', 'delayed', 'completed', 'failed'] as const;
/** What routes that name a state are tried with. */
const QUEUE_STATES = ['active', 'wait', 'delayed', 'completed', 'failed'];

/** Jobs with these data are tried to be put into a queue, or in the place of a job's own. */
export type Forgeries = (queue: string) => readonly { readonly name: string; readonly data: unknown }[];

export async function dashboardActions(
  queues: QueueClient,
  names: readonly string[],
  forgeries: Forgeries,
): Promise<readonly Action[]> {
  const pages = [appRoutes.entryPoint.route].flat().map((route) => read(route, names[0] ?? '', 'made-up'));
  const perQueue = await Promise.all(
    names.map(async (name) => {
      const [job] = await queues.queue(name).getJobs([...STATES], 0, 0);
      return actionsOn(name, job?.id ?? 'made-up', forgeries(name));
    }),
  );
  const seen = new Set<string>();
  return [...pages, ...perQueue.flat()].filter((action) => {
    const key = JSON.stringify(action);
    return !seen.has(key) && seen.add(key);
  });
}

function actionsOn(queue: string, jobId: string, forged: ReturnType<Forgeries>): readonly Action[] {
  return appRoutes.api.flatMap(({ method: methods, route: routes, spec }) =>
    [methods].flat().flatMap((method) =>
      [routes].flat().flatMap((route): readonly Action[] => {
        if (method === 'get') return [read(route, queue, jobId)];
        const needed = { method: method.toUpperCase(), needed: 'admin' } as const;
        return pathsOf(route, queue, jobId).flatMap((path): readonly Action[] => {
          if (spec.body === 'AddJobBody') return forged.map((job) => ({ ...needed, path, body: job, only: REFUSED }));
          if (spec.body === 'UpdateJobDataBody') {
            return forged.map(({ data }) => ({ ...needed, path, body: { jobData: data }, only: REFUSED }));
          }
          return [{ ...needed, path, body: spec.body === undefined ? {} : (BODIES[spec.body] ?? {}) }];
        });
      }),
    ),
  );
}

function read(route: string, queue: string, jobId: string): Action {
  const action: Action = { method: 'GET', path: pathsOf(route, queue, jobId)[0]!, needed: 'viewer' };
  // Whatever of Redis itself could be seen is kept from everybody.
  return route === '/api/redis/stats' ? { ...action, only: REFUSED } : action;
}

function pathsOf(route: string, queue: string, jobId: string): readonly string[] {
  const path = (BOARD + route)
    .replace(':queueName', queue)
    .replace(':jobId', encodeURIComponent(jobId))
    .replace(':schedulerId', 'made-up');
  return path.includes(':queueStatus') ? QUEUE_STATES.map((state) => path.replace(':queueStatus', state)) : [path];
}

/**
 * The order in which changes are tried: first a job's, while it is there, then its queue's, then what empties it.
 */
export function inOrder(changes: readonly Action[]): readonly Action[] {
  const rank = ({ path }: Action): number => {
    if (/\/(obliterate)$/.test(path)) return 3;
    if (/\/(empty|clean\/\w+)$/.test(path)) return 2;
    return /\/api\/queues\/[^/]+\/[^/]+\/[^/]+$/.test(path) ? 0 : 1;
  };
  return [...changes].sort((left, right) => rank(left) - rank(right));
}

/** A queue can be obliterated only while it is paused. */
export function paused(queue: string): Action {
  return { method: 'PUT', path: `${BOARD}/api/queues/${queue}/pause`, needed: 'admin', body: {}, ...works(queue) };
}

/** What makes a queue run again as it did before: nothing else would. */
export function undoing(queue: string): readonly Action[] {
  const on = (rest: string, body: unknown): Action => ({
    ...{ method: 'PUT', path: `${BOARD}/api/queues/${queue}/${rest}`, needed: 'admin' },
    ...{ body, ...works(queue) },
  });
  return [
    on('concurrency', { concurrency: 1_000 }),
    on('rate-limit', { max: null }),
    on('rate-limit/release', {}),
    on('resume', {}),
  ];
}

/** A worker's queue is no longer shown once the worker has done its work, which may be at this moment. */
function works(queue: string): Pick<Action, 'only'> {
  return queue.startsWith('mover-worker-') ? {} : { only: '200' };
}
