import { LandfallError } from '@landfall/domain';
import { type DestinationStream, type Level, type Logger, pino } from 'pino';

export type { Logger } from 'pino';
export type LogLevel = Extract<Level, 'trace' | 'debug' | 'info' | 'warn' | 'error'>;

/** How deep a chain of causes is followed; a longer one is cut, so that a loop cannot hang the logger. */
const MAX_CAUSES = 5;

/**
 * A logger that writes one JSON object a line: `level` as a word, `time` as ISO 8601 in UTC, `service`, `pid`, `msg`.
 *
 * Errors belong under the key `err`. A `LandfallError` comes out with its code, message, fix and kind and without a
 * stack, because its message says what happened; any other error keeps its stack. Values of type `Secret` print as
 * `[secret]` wherever they stand, since that is how they turn into JSON.
 *
 * @param destination standard output unless given
 */
export function createLogger(service: string, level: LogLevel = 'info', destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError },
    },
    destination ?? pino.destination({ fd: 1, sync: true }),
  );
}

/** An error as plain data for the log. Only what is listed here is printed, never an error's other properties. */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const cause =
    error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: describeError(error.cause, depth + 1) };
  if (error instanceof LandfallError) {
    return { type: error.name, kind: error.kind, code: error.code, message: error.message, fix: error.fix, ...cause };
  }
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  return { type: error.name, ...code, message: error.message, stack: error.stack, ...cause };
}
