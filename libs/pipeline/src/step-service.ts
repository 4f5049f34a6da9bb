import { detailsOf, kindOf, RetryableError, type RestoreBooks, type WorkRun } from '@landfall/domain';
import { Worker, type Job } from 'bullmq';
import type { z } from 'zod';
import { WORK_JOB } from './machine/dispatch.js';
import type { AnswerHandler, TaskHandler, WorkHandlers } from './handler.js';
import { runOutboxRelay } from './outbox-relay.js';
import { KEEP_ENDED_JOBS, QueueClient, withDeadline } from './queue-client.js';
import { QUEUES, RUN_WORK, type ANSWER } from './queues.js';
import { runReconciler } from './reconciler.js';
import { patientConnection, queuePrefix, waitForRedis, type RedisSettings } from './redis.js';
import type { ServiceName } from './machine/work-table.js';
import { runWork } from './step-run.js';

/*
 * The loop of a service: takes jobs from its queue, runs the handler of the work that they name, records the outcome.
 * Beside it run the service's relay and its part of the reconciler.
 *
 * A run is told to stop (its signal) when the service shuts down, when the queue takes its job away because the lock was
 * lost, and when Postgres says that the run is no longer wanted: cancelled, or another run has its place.
 */
const LOCK_MS = 15_000;
const LOOK_FOR_STALLED_EVERY_MS = 5_000;
const LOOK_FOR_UNWANTED_EVERY_MS = 500;
const CLOSE_WITHIN_MS = 6_000;
const START_WITHIN_MS = 30_000;

export interface StepServiceOptions {
  /** Also the name of its queue. */
  readonly service: ServiceName;
  readonly books: RestoreBooks;
  readonly redis: RedisSettings;
  readonly handlers: WorkHandlers;
  /** By the name of the job that they answer. */
  readonly answers?: Readonly<Record<string, AnswerHandler>>;
  /** By the name of the job that asks for them. */
  readonly tasks?: Readonly<Record<string, TaskHandler>>;
  /** Jobs in hand at once; 8 when left out. */
  readonly concurrency?: number;
  /** Runs with every pass of the reconciler. */
  readonly reconcileAlso?: () => Promise<void>;
  readonly log?: ServiceLog;
  /** How long Postgres and Redis are waited for at the start; 30 s when left out. */
  readonly startWithinMs?: number;
  /** When a job counts as left by its process, and how often that is looked for; 15 s and 5 s when left out. */
  readonly locks?: { readonly lockMs: number; readonly lookEveryMs: number };
}

/** As pino has it. */
export interface ServiceLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface StepService {
  readonly queues: QueueClient;
  /** One pass of the reconciler now. */
  reconcile(): Promise<void>;
  /** Takes no more jobs, tells the running ones to stop, and returns after 6 s at the latest. */
  close(): Promise<void>;
}

type Answer = z.infer<typeof ANSWER>;

/** @throws RetryableError `POSTGRES_UNREACHABLE`, `REDIS_UNREACHABLE` when they can't be reached at the start */
export async function runStepService(options: StepServiceOptions): Promise<StepService> {
  const { books, redis, service, log = SILENT } = options;
  const startWithinMs = options.startWithinMs ?? START_WITHIN_MS;
  await Promise.all([waitForBooks(books, startWithinMs), waitForRedis(redis, startWithinMs)]);

  const queues = new QueueClient(redis);
  const runs = new RunningRuns(books);
  const connection = patientConnection(redis);
  const worker = new Worker(
    QUEUES[service],
    (job: Job, _token?: string, lost?: AbortSignal) => handleJob(options, runs, job, lost, log),
    {
      connection,
      prefix: queuePrefix(redis),
      concurrency: options.concurrency ?? 8,
      lockDuration: options.locks?.lockMs ?? LOCK_MS,
      stalledInterval: options.locks?.lookEveryMs ?? LOOK_FOR_STALLED_EVERY_MS,
      // A crash is counted in Postgres; the queue must never give a job up because of it.
      maxStalledCount: 1_000_000,
      ...KEEP_ENDED_JOBS,
    },
  );
  // BullMQ tells that a lock is lost and lets the run go on beside its successor: stop it here.
  worker.on('lockRenewalFailed', (jobIds) => jobIds.forEach((jobId) => worker.cancelJob(jobId, 'its lock was lost')));
  worker.on('error', (error) => log.warn({ err: error }, 'The queue reports an error.'));
  worker.on('stalled', (jobId) => log.warn({ jobId }, 'A job was left by its process and is given out again.'));

  const onError = (error: unknown): void => log.warn({ error: detailsOf(error) }, 'Trying again soon.');
  const relay = runOutboxRelay(books, queues, onError);
  const also = options.reconcileAlso;
  const reconciler = runReconciler({ books, queues, only: [QUEUES[service]], onError, ...(also ? { also } : {}) });

  return {
    queues,
    async reconcile() {
      await reconciler.reconcile();
    },
    async close() {
      runs.stopAll();
      await withDeadline(
        Promise.allSettled([worker.close(), reconciler.close(), relay.close()]),
        CLOSE_WITHIN_MS,
      ).catch(() => log.warn({}, 'Work was still under way at the end; it is taken up again by the next process.'));
      runs.close();
      connection.disconnect();
      await queues.close();
    },
  };
}

/** One job of a service's queue, whoever has taken it from there. */
export async function handleJob(
  options: Pick<StepServiceOptions, 'books' | 'handlers' | 'answers' | 'tasks'>,
  runs: RunningRuns,
  job: Pick<Job, 'name' | 'data'>,
  lost: AbortSignal | undefined,
  log: ServiceLog,
): Promise<unknown> {
  const { books, handlers } = options;
  const answer = options.answers?.[job.name];
  if (answer) return runs.during(null, lost, (signal) => answered(answer, job.data, signal));
  const task = options.tasks?.[job.name];
  if (task) {
    try {
      await runs.during(null, lost, (signal) => task(job.data, signal));
      return 'recorded';
    } catch (error) {
      log.warn(
        { job: job.name, error: detailsOf(error) },
        'A task could not be done; the reconciler comes back to it.',
      );
      return 'dropped';
    }
  }
  if (job.name === WORK_JOB) {
    const run = RUN_WORK.parse(job.data);
    log.info(run, 'Work taken up.');
    const end = await runs.during(run, lost, (signal) => runWork(books, handlers, run, signal));
    log.info({ ...run, end }, 'Work ended.');
    return end;
  }
  log.error({ job: job.name }, 'A job came that this service does not know; it is dropped.');
  return 'dropped';
}

async function answered(handler: AnswerHandler, payload: unknown, signal: AbortSignal): Promise<Answer> {
  try {
    return { ok: true, value: await handler(payload, signal) };
  } catch (error) {
    return { ok: false, error: detailsOf(error), kind: kindOf(error) };
  }
}

/** The runs of this process, each with what stops it. */
export class RunningRuns {
  readonly #books: RestoreBooks;
  readonly #runs = new Map<AbortController, WorkRun | null>();
  readonly #timer: NodeJS.Timeout;
  #stopped = false;

  constructor(books: RestoreBooks, lookEveryMs = LOOK_FOR_UNWANTED_EVERY_MS) {
    this.#books = books;
    this.#timer = setInterval(() => void this.#stopUnwanted(), lookEveryMs);
  }

  async during<T>(
    run: WorkRun | null,
    lost: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const stop = new AbortController();
    if (this.#stopped) stop.abort();
    this.#runs.set(stop, run);
    try {
      return await work(lost ? AbortSignal.any([stop.signal, lost]) : stop.signal);
    } finally {
      this.#runs.delete(stop);
    }
  }

  stopAll(): void {
    this.#stopped = true;
    for (const stop of this.#runs.keys()) stop.abort();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #stopUnwanted(): Promise<void> {
    const running = [...this.#runs].flatMap(([stop, run]) => (run ? [{ stop, run }] : []));
    if (running.length === 0) return;
    // Without Postgres nothing is known: the runs go on, and what they record is guarded by their epochs.
    const current = await this.#books.areCurrent(running.map(({ run }) => run)).catch(() => null);
    current?.forEach((wanted, index) => {
      if (!wanted) running[index]?.stop.abort();
    });
  }
}

async function waitForBooks(books: RestoreBooks, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      await books.restores({ limit: 1 });
      return;
    } catch (error) {
      if (!(error instanceof RetryableError) || performance.now() >= deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

const SILENT: ServiceLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
