import type { JobQueues, RestoreBooks, RunnableWork } from '@landfall/domain';
import { redispatch } from './machine/advance.js';
import { queueOf } from './machine/dispatch.js';
import { workJobId } from './queues.js';

/*
 * The only recovery path. Postgres says what should be moving; whatever of it has no live job in Redis is sent out again
 * under a new epoch: after FLUSHALL, a fail-over, a Redis that went back to an older snapshot, or a job that was dropped.
 * Runs at boot, every 15 s, and as soon as Redis' run id is another one. Any number may run side by side: the epoch
 * guards every re-dispatch, so that the second of two changes nothing.
 */
const EVERY_MS = 15_000;
const WATCH_REDIS_EVERY_MS = 2_000;
const AT_ONCE = 50;

export interface ReconcilerOptions {
  readonly books: RestoreBooks;
  readonly queues: Pick<JobQueues, 'isLive' | 'redisRunId'>;
  /** Only work of these queues; left out: all. */
  readonly only?: readonly string[];
  /** Runs with every pass, for what hangs below a step (the segments of step 5). */
  readonly also?: () => Promise<void>;
  readonly onError?: (error: unknown) => void;
  /** How often Redis' run id is looked at; 2 s when left out. */
  readonly watchEveryMs?: number;
}

export interface Reconciler {
  /** One pass now. Returns what was sent out again. */
  reconcile(): Promise<readonly RunnableWork[]>;
  close(): Promise<void>;
}

export function runReconciler(options: ReconcilerOptions): Reconciler {
  const { queues, onError = () => undefined } = options;
  let runId: string | null = null;
  let lastPass = 0;
  let busy: Promise<void> | null = null;

  async function tick(): Promise<void> {
    const now = await queues.redisRunId();
    const restarted = runId !== null && now !== runId;
    runId = now;
    if (restarted || performance.now() - lastPass >= EVERY_MS || lastPass === 0) {
      await reconcileOnce(options);
      lastPass = performance.now();
    }
  }

  function start(): void {
    busy ??= tick()
      .catch(onError)
      .finally(() => {
        busy = null;
      });
  }

  start();
  const timer = setInterval(start, options.watchEveryMs ?? WATCH_REDIS_EVERY_MS);
  return {
    reconcile: () => reconcileOnce(options),
    async close() {
      clearInterval(timer);
      await busy;
    },
  };
}

/** One pass. Returns what was sent out again. */
export async function reconcileOnce(options: ReconcilerOptions): Promise<readonly RunnableWork[]> {
  const { books, queues, only } = options;
  const runnable = (await books.runnable()).flatMap((work) => {
    const queue = queueOf(work.work);
    const isMeant = queue !== null && (!only || only.includes(queue));
    return isMeant && !work.awaitsRelay ? [{ work, queue }] : [];
  });
  const sent: RunnableWork[] = [];
  for (let start = 0; start < runnable.length; start += AT_ONCE) {
    await Promise.all(
      runnable.slice(start, start + AT_ONCE).map(async ({ work, queue }) => {
        const jobId = workJobId(work.restoreId, work.work, work.epoch);
        if (await queues.isLive(queue, jobId)) return;
        if (await redispatch(books, work)) sent.push(work);
      }),
    );
  }
  await options.also?.();
  return sent;
}
