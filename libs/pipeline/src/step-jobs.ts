import { detailsOf, kindOf, LandfallError, type RestoreBooks, type WorkRun } from '@landfall/domain';
import type { Job } from 'bullmq';
import { z } from 'zod';
import type { AnswerHandler, TaskHandler, WorkHandlers } from './handler.js';
import { WORK_JOB } from './machine/dispatch.js';
import type { ServiceName } from './machine/work-table.js';
import { RUN_WORK, type ANSWER } from './queues.js';
import { runWork } from './step-run.js';

/*
 * What a service does with a job of its queue, whoever has taken it from there: it runs the handler of the work that the job
 * names, records the outcome, and stops a run that Postgres says is no longer wanted.
 */
const LOOK_FOR_UNWANTED_EVERY_MS = 500;

/** What a service does with the jobs of its queue. */
export interface StepWork {
  /** Also the name of its queue. */
  readonly service: ServiceName;
  readonly books: RestoreBooks;
  readonly handlers: WorkHandlers;
  /** By the name of the job that they answer. */
  readonly answers?: Readonly<Record<string, AnswerHandler>>;
  /** By the name of the job that asks for them. */
  readonly tasks?: Readonly<Record<string, TaskHandler>>;
}

/** As pino has it. */
export interface ServiceLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

type Answer = z.infer<typeof ANSWER>;

/**
 * What a job of this name carries; null: the service does not know it. What is to be answered is parsed by whoever answers,
 * so that whoever asked hears what is wrong with it.
 */
export function payloadOfJob({ answers, tasks }: Omit<StepWork, 'books'>, name: string): z.ZodType | null {
  if (name === WORK_JOB) return RUN_WORK;
  return answers?.[name] || tasks?.[name] ? z.unknown() : null;
}

export async function handleJob(
  options: StepWork,
  runs: RunningRuns,
  job: Pick<Job, 'name' | 'data'>,
  lost: AbortSignal | undefined,
  log: ServiceLog,
): Promise<unknown> {
  const { books, handlers } = options;
  const answer = options.answers?.[job.name];
  if (answer) return runs.during(null, lost, (signal) => answered(answer, job, signal, log));
  const task = options.tasks?.[job.name];
  if (task) {
    try {
      await runs.during(null, lost, (signal) => task(job.data, signal));
      return 'recorded';
    } catch (error) {
      log.warn({ job: job.name, err: error }, 'A task could not be done; the reconciler comes back to it.');
      return 'dropped';
    }
  }
  if (job.name === WORK_JOB) {
    const run = RUN_WORK.parse(job.data);
    log.info(run, 'Work taken up.');
    const end = await runs.during(run, lost, (signal) =>
      runWork(books, handlers, run, signal, (error) => tellForeign(error, log, run)),
    );
    log.info({ ...run, end }, 'Work ended.');
    return end;
  }
  log.error({ job: job.name }, 'A job came that this service does not know; it is dropped.');
  return 'dropped';
}

async function answered(
  handler: AnswerHandler,
  { name, data }: Pick<Job, 'name' | 'data'>,
  signal: AbortSignal,
  log: ServiceLog,
): Promise<Answer> {
  try {
    return { ok: true, value: await handler(data, signal) };
  } catch (error) {
    if (!signal.aborted) tellForeign(error, log, { job: name });
    return { ok: false, error: detailsOf(error), kind: kindOf(error) };
  }
}

/** The text of an error that nobody foresaw stands in the log alone: users are told what kind of thing has happened. */
function tellForeign(error: unknown, log: ServiceLog, about: object): void {
  if (!(error instanceof LandfallError)) log.error({ ...about, err: error }, 'An unexpected error.');
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
