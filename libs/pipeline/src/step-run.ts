import {
  kindOf,
  PermanentError,
  stepOf,
  type CallJournal,
  type LockedRestore,
  type RestoreBooks,
  type RestorePlan,
  type StepId,
  type WorkRun,
} from '@landfall/domain';
import { beginWork, recordOutcome, type BegunWork, type RunResult } from './machine/advance.js';
import { duringCleanUp } from './budget/clean-up-share.js';
import type { StepContext, WorkHandlers } from './handler.js';
import { queueOf } from './machine/dispatch.js';
import { STAGES, type StageOutput } from './machine/stages.js';

/*
 * One run of a work: taken up, its handler run, its outcome recorded. `dropped` means that the job was stale, or became so
 * while it ran.
 */
export type RunEnd = 'recorded' | 'dropped';

/** A lost connection to Postgres is waited out for that long before the outcome is given up; the reconciler then repeats the step. */
const RECORD_WITHIN_MS = 30_000;

/** @param onFailed hears of what the handler has thrown, before the books do */
export async function runWork(
  books: RestoreBooks,
  handlers: WorkHandlers,
  run: WorkRun,
  signal: AbortSignal,
  onFailed: (error: unknown) => void = () => undefined,
): Promise<RunEnd> {
  const begun = await beginWork(books, run);
  if (!begun) return 'dropped';
  const journal = books.journal(run.restoreId, run.work, run.epoch);
  const context = contextOf(books, begun.restore, run, journal, signal);
  const result = await resultOf(() => callHandler(handlers, begun, context), onFailed);
  const recorded = await patiently(() => recordOutcome(books, run, interruptedIf(signal, result)));
  return recorded ? 'recorded' : 'dropped';
}

async function callHandler(handlers: WorkHandlers, { work }: BegunWork, context: StepContext): Promise<RunResult> {
  const known: Readonly<Record<string, ((context: StepContext) => Promise<RunResult | void>) | undefined>> = handlers;
  const handler = known[work.id];
  if (!handler) {
    throw new PermanentError({
      code: 'STEP_UNAVAILABLE',
      message: `Step ${work.id} is in the plan, but the ${queueOf(work.id)} of this version can't do it.`,
      fix: 'Run all services in the same version, and plan the restore again.',
    });
  }
  const call = (): Promise<RunResult | void> => handler(context);
  const result = await (work.direction === 'back' ? duringCleanUp(call) : call());
  return result ?? { kind: 'done', output: {} };
}

function contextOf(
  books: RestoreBooks,
  restore: LockedRestore,
  run: WorkRun,
  journal: CallJournal,
  signal: AbortSignal,
): StepContext {
  return {
    restore,
    get plan() {
      return planOf(restore);
    },
    epoch: run.epoch,
    journal,
    signal,
    outputOf: (step) => outputOf(restore, step),
    event: eventWriter(books, restore.id),
  };
}

function planOf(restore: LockedRestore): RestorePlan {
  if (restore.plan) return restore.plan;
  throw new PermanentError({
    code: 'PLAN_MISSING',
    message: `Restore ${restore.id} has no plan yet.`,
    fix: 'This is a fault of Landfall: report it with the log of the service.',
  });
}

function outputOf<S extends StepId>(restore: LockedRestore, step: S): StageOutput<S> {
  const parsed = STAGES[step].output.safeParse(stepOf(restore, step)?.output);
  if (parsed.success) return parsed.data as StageOutput<S>;
  throw new PermanentError({
    code: 'STEP_OUTPUT_MISSING',
    message: `Step ${step} of restore ${restore.id} has handed on nothing that can be read.`,
    fix: 'Start a new restore; report this with the log of the service if it happens again.',
  });
}

function eventWriter(books: RestoreBooks, restoreId: string): StepContext['event'] {
  return (type, message, data) => books.transaction((tx) => tx.addEvent(restoreId, type, message, data));
}

async function resultOf(work: () => Promise<RunResult>, onFailed: (error: unknown) => void): Promise<RunResult> {
  try {
    return await work();
  } catch (error) {
    onFailed(error);
    return { kind: 'failed', error };
  }
}

/** Whatever a handler throws after it was told to stop says nothing about its step. */
function interruptedIf(signal: AbortSignal, result: RunResult): RunResult {
  return signal.aborted && result.kind === 'failed' ? { kind: 'interrupted' } : result;
}

async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + RECORD_WITHIN_MS;
  for (let pauseMs = 100; ; pauseMs = Math.min(2 * pauseMs, 2_000)) {
    try {
      return await work();
    } catch (error) {
      if (kindOf(error) !== 'retryable' || performance.now() >= deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
