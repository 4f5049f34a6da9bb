import { outlineOf } from './foreign-text.js';

/**
 * Every error that Landfall raises on purpose says what happened, to which thing, and what to do next.
 *
 * The kind decides what the pipeline does with it:
 *  - `permanent`: doing it again gives the same answer (wrong password, flipped pack, name refused);
 *  - `retryable`: the next try may succeed (connection lost, 5xx, throttled);
 *  - `waiting`: nothing is wrong, something else has to end first (an operation in Azure, a NIC that is reserved).
 */
export type ErrorKind = 'permanent' | 'retryable' | 'waiting';

export interface ErrorDetails {
  /** Stable, upper case with underscores; part of the outside contract. */
  readonly code: string;
  /** One sentence: what happened, to which thing. */
  readonly message: string;
  /** One sentence: what to do next. */
  readonly fix: string;
}

/**
 * What an error is about, for those who put it into words of their own: names and numbers, such as the pack or the byte. Never
 * a secret.
 */
export type ErrorFacts = Readonly<Record<string, string | number>>;

export interface ErrorOptions {
  readonly cause?: unknown;
  readonly facts?: ErrorFacts;
}

export abstract class LandfallError extends Error implements ErrorDetails {
  abstract readonly kind: ErrorKind;
  readonly code: string;
  readonly fix: string;
  readonly facts: ErrorFacts;

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(details.message, options);
    this.name = new.target.name;
    this.code = details.code;
    this.fix = details.fix;
    this.facts = options?.facts ?? {};
  }

  toDetails(): ErrorDetails {
    return { code: this.code, message: this.message, fix: this.fix };
  }
}

/** Thrown where a repetition can't help; ends a step, and with it the restore. */
export class PermanentError extends LandfallError {
  readonly kind = 'permanent';
}

/** Thrown where a repetition may help; the step is tried again after a back-off, `retryAfterMs` at the earliest. */
export class RetryableError extends LandfallError {
  readonly kind = 'retryable';
  readonly retryAfterMs: number | undefined;

  constructor(details: ErrorDetails, options?: ErrorOptions & { readonly retryAfterMs?: number }) {
    super(details, options);
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** Thrown where something else has to end first; does not count as a failed attempt. */
export class WaitingError extends LandfallError {
  readonly kind = 'waiting';
  readonly retryAfterMs: number;

  constructor(details: ErrorDetails, options: ErrorOptions & { readonly retryAfterMs: number }) {
    super(details, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What was asked for is malformed or contradicts itself; answered with status 400 or exit code 2. */
export class BadInputError extends PermanentError {}

/** What was named does not exist; answered with status 404 or exit code 2. */
export class NotFoundError extends PermanentError {}

/** What was asked for does not fit the present state; answered with status 409 or exit code 2. */
export class ConflictError extends PermanentError {}

/** The sentence for an error that nobody foresaw; its text goes to the log, not to the user. */
export function detailsOf(error: unknown): ErrorDetails {
  if (error instanceof LandfallError) return error.toDetails();
  return {
    code: 'UNEXPECTED',
    message: `An unexpected error: ${outlineOf(error)}.`,
    fix: 'Look into the log of the service for its cause; resume the restore once it is removed.',
  };
}

export function kindOf(error: unknown): ErrorKind {
  return error instanceof LandfallError ? error.kind : 'retryable';
}
