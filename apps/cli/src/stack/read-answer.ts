import { faultsOf } from '@landfall/contract';
import type { z } from 'zod';
import { UnreadableAnswer } from './errors.js';

/**
 * Reads what the API has said, as it came: a newer API's fields are kept.
 * @param what was asked for
 * @throws UnreadableAnswer when something is missing or wrong
 */
export function readAnswer<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const faults = faultsOf(schema, value);
  if (faults.length === 0) return value as z.output<S>;
  throw new UnreadableAnswer({
    code: 'ANSWER_UNREADABLE',
    message: `What the API answers to ${what} can't be understood (${faults.slice(0, 5).join('; ')}).`,
    fix: 'Stop the stack with "./landfall down" and start it again with this command line: the two are not of one version.',
  });
}
