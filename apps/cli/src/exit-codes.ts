import { BadInputError, ConflictError, NotFoundError, RetryableError } from '@landfall/domain';
import { ApiProblem, Unreachable } from './stack/errors.js';

/** What the command line ends with; part of the outside contract. */
export const EXIT = {
  done: 0,
  unexpected: 1,
  badInput: 2,
  refused: 3,
  failed: 4,
  unreachable: 5,
  /** Ended by Ctrl-C, as shells count it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Unreachable || error instanceof RetryableError) return EXIT.unreachable;
  if (error instanceof ApiProblem) return exitCodeOfStatus(error.status);
  if (error instanceof BadInputError || error instanceof NotFoundError || error instanceof ConflictError) {
    return EXIT.badInput;
  }
  return EXIT.unexpected;
}

function exitCodeOfStatus(status: number): ExitCode {
  if ([400, 403, 404, 409, 413, 415, 422].includes(status)) return EXIT.badInput;
  if (status === 401 || status === 502 || status === 503 || status === 504) return EXIT.unreachable;
  return EXIT.unexpected;
}

/** How a command that followed a restore to its end ends itself. */
export function exitCodeOfRestore({ state, error }: { readonly state: string; readonly error: unknown }): ExitCode {
  // A disk that turned out to be bad after it was handed over is no good end, whatever the state.
  if (state === 'completed' && error === null) return EXIT.done;
  return state === 'refused' ? EXIT.refused : EXIT.failed;
}
