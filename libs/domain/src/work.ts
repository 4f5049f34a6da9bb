import type { ErrorDetails } from './errors.js';
import { STEPS, stepNumber, type StepId, type StepNumber } from './steps.js';

/*
 * What a restore consists of: works, each of which a service runs, as often as it takes, until it is done. They go forward
 * (the steps), back (what undoes them, once the restore has turned round), or come after its end.
 */
export type Direction = 'forward' | 'back' | 'after';

export const WORK_TRANSITIONS = {
  // One that is taken up a second time (its process died) stays running under a higher epoch.
  pending: ['running', 'skipped', 'failed'],
  running: ['running', 'done', 'failed', 'pending'],
  failed: ['pending', 'running'],
  // When a person resumes a restore from a work that comes before the one that has failed.
  done: ['pending'],
  skipped: [],
} as const satisfies Record<string, readonly string[]>;

export type WorkState = keyof typeof WORK_TRANSITIONS;

export function workMayBecome(from: WorkState, to: WorkState): boolean {
  return (WORK_TRANSITIONS[from] as readonly WorkState[]).includes(to);
}

/**
 * One that stays in its state is only brought up to date.
 * @throws Error for a change that the machine does not have: a fault of whoever asks for it. Nothing may be written then.
 */
export function requireWorkTransition(from: WorkState, to: WorkState): void {
  if (from !== to && !workMayBecome(from, to)) throw new Error(`A work may not go from ${from} to ${to}.`);
}

export interface Work {
  /** A step's, or that of a row of the pipeline's other tables; no two of any direction have the same. */
  readonly id: string;
  readonly direction: Direction;
  /** How often the restore had turned round when this was opened; of the way forward 0. */
  readonly round: number;
  readonly state: WorkState;
  /**
   * Grows with every dispatch, and from round to round: an id and an epoch name one run of a restore. A job with an older
   * one is stale and does nothing.
   */
  readonly epoch: number;
  readonly attempts: number;
  /** Running, but without a job of its own: somebody else's results end it. */
  readonly parked: boolean;
  /** When its latest job was written to the outbox; null: its turn has not come. */
  readonly dispatchedAt: Date | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  /** What it hands on to the later ones, in the shape that the pipeline's table gives for it. */
  readonly output: unknown;
  readonly error: ErrorDetails | null;
  /** Of one that has failed: the work with which a person's resumption begins, where that is not this one. */
  readonly resumeFrom: string | null;
}

/** Names one work of a restore. */
export type WorkKey = Pick<Work, 'direction' | 'round' | 'id'>;

/** A work of the way forward, as people know it. */
export interface Step extends Work {
  readonly direction: 'forward';
  readonly id: StepId;
  readonly number: StepNumber;
}

export function stepKey(id: StepId): WorkKey {
  return { direction: 'forward', round: 0, id };
}

/** In their order. */
export function stepsOf({ works }: { readonly works: readonly Work[] }): readonly Step[] {
  return works.filter(isForward).map((work) => ({ ...work, number: stepNumber(work.id) }));
}

/** Those that are told of: of the boot check, whose number another step has too, only where the plan has it. */
export function stepsShown(restore: {
  readonly works: readonly Work[];
  readonly plan: { readonly steps: readonly { readonly id: StepId }[] } | null;
}): readonly Step[] {
  const isPlanned = restore.plan?.steps.some(({ id }) => id === 'check-boot') ?? false;
  return stepsOf(restore).filter(({ id }) => id !== 'check-boot' || isPlanned);
}

export function stepOf(restore: { readonly works: readonly Work[] }, id: StepId): Step | undefined {
  return stepsOf(restore).find((step) => step.id === id);
}

function isForward(work: Work): work is Work & { readonly direction: 'forward'; readonly id: StepId } {
  return work.direction === 'forward';
}

const DIRECTIONS: readonly Direction[] = ['forward', 'back', 'after'];

/** The order in which a restore shows its works: steps by their numbers, then what came of each round. */
export function byTurn(a: WorkKey, b: WorkKey): number {
  return (
    a.round - b.round ||
    DIRECTIONS.indexOf(a.direction) - DIRECTIONS.indexOf(b.direction) ||
    place(a.id) - place(b.id) ||
    (a.id < b.id ? -1 : 1)
  );
}

function place(id: string): number {
  return STEPS.findIndex((step) => step.id === id);
}
