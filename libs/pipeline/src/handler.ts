import type { CallJournal, Restore, RestorePlan, StepId } from '@landfall/domain';
import type { StageOutput } from './stages.js';

/** What a step's handler gets to work with. */
export interface StepContext {
  readonly restore: Restore;
  /** Null in step 0 only, which makes it. */
  readonly plan: RestorePlan;
  readonly epoch: number;
  readonly journal: CallJournal;
  /** Aborted on shutdown, on a lost lock and when the restore is cancelled: stop soon, leave the rest to the next try. */
  readonly signal: AbortSignal;
  /** What an earlier step handed on. @throws PermanentError `STEP_OUTPUT_MISSING` when it has not run */
  outputOf<S extends StepId>(step: S): StageOutput<S>;
  /** A line in the restore's history. */
  event(type: string, message: string, data?: Record<string, unknown>): Promise<void>;
}

/** `parked`: begun, and ended later by somebody else (the data-movers' results) through `recordOutcome`. */
export type StepOutcome<S extends StepId> =
  { readonly kind: 'done'; readonly output: StageOutput<S> } | { readonly kind: 'parked' };

/**
 * One step's effect. Must be repeatable from any point: it may have run before, whole or in part.
 * @throws LandfallError whose kind decides on what follows
 */
export type StepHandler<S extends StepId> = (context: StepContext) => Promise<StepOutcome<S>>;

export type StepHandlers = { readonly [S in StepId]?: StepHandler<S> };
