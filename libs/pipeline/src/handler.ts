import type { CallJournal, LockedRestore, Problem, RestorePlan, StepId } from '@landfall/domain';
import type { AfterEndId } from './machine/after-end.js';
import type { StageOutput } from './machine/stages.js';
import type { WayBackId } from './machine/way-back.js';

/** What the handler of any work gets to work with. */
export interface WorkContext {
  readonly restore: LockedRestore;
  readonly epoch: number;
  readonly journal: CallJournal;
  /** Aborted on shutdown, on a lost lock and when the run is not wanted any more: stop soon, leave the rest to the next try. */
  readonly signal: AbortSignal;
  /** A line in the restore's history. */
  event(type: string, message: string, data?: Record<string, unknown>): Promise<void>;
}

export interface StepContext extends WorkContext {
  /** @throws PermanentError `PLAN_MISSING` in step 0, which makes it */
  readonly plan: RestorePlan;
  /** What an earlier step handed on. @throws PermanentError `STEP_OUTPUT_MISSING` when it has not run */
  outputOf<S extends StepId>(step: S): StageOutput<S>;
}

/**
 * `parked`: begun, and ended later by somebody else (the data-movers' results) through `recordOutcome`. `unapproved`: the step
 * was about to touch what it may touch with an approval alone, and that is not good any more. `exhausted`: it can't be done at
 * present, and what was made so far stays, until a person resumes it.
 */
export type StepOutcome<S extends StepId> =
  | { readonly kind: 'done'; readonly output: StageOutput<S> }
  | { readonly kind: 'parked' }
  | { readonly kind: 'unapproved'; readonly problem: Problem }
  | { readonly kind: 'exhausted'; readonly error: unknown };

/**
 * One step's effect. Must be repeatable from any point: it may have run before, whole or in part.
 * @throws LandfallError whose kind decides on what follows
 */
export type StepHandler<S extends StepId> = (context: StepContext) => Promise<StepOutcome<S>>;

export type StepHandlers = { readonly [S in StepId]?: StepHandler<S> };

/**
 * The effect of a work that goes back, or comes after the end. Must be repeatable from any point.
 * @throws LandfallError: retryable and waiting ones are tried again, a permanent one is left to a person
 */
export type WorkHandler = (context: WorkContext) => Promise<void>;

/** All that a service can do. */
export type WorkHandlers = StepHandlers & { readonly [W in WayBackId | AfterEndId]?: WorkHandler };

/**
 * Does what a job asks for, beside the steps. Gets the job's payload, unparsed. A job is a hint here, too: what it could not
 * do is done by the next pass of the reconciler.
 */
export type TaskHandler = (payload: unknown, signal: AbortSignal) => Promise<void>;

/**
 * Answers a job that somebody waits for. Gets the job's payload, unparsed; the answer must be JSON without secrets.
 * @throws LandfallError, which reaches whoever asked
 */
export type AnswerHandler = (payload: unknown, signal: AbortSignal) => Promise<unknown>;
