import { RESTORE_TRANSITIONS, type RestoreState } from '@landfall/domain';
import { z } from 'zod';
import { InvalidRequestError } from '../errors/problem.js';

const STATES = Object.keys(RESTORE_TRANSITIONS) as [RestoreState, ...RestoreState[]];

/** Digits and nothing else: `Number` would also take `0x10`, `1e3` and an empty text. */
function wholeNumber(least: number, most: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(least).max(most));
}

/** `?state=running,planning` or `?state=running&state=planning`. */
export const RESTORES_QUERY = z.strictObject({
  state: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat().flatMap((one) => one.split(',')))
    .pipe(z.array(z.enum(STATES)))
    .optional(),
  limit: wholeNumber(1, 10_000).default(1_000),
});

export const EVENTS_QUERY = z.strictObject({
  /** Events after this sequence number. */
  after: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(0),
});

export const AUDIT_QUERY = z.strictObject({
  after: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(0),
  limit: wholeNumber(1, 10_000).default(1_000),
});

/** @throws InvalidRequestError when the header is there and no fit key */
export function idempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null;
  if (!/^[\x21-\x7e]{1,200}$/.test(header)) {
    throw new InvalidRequestError([
      { field: 'Idempotency-Key', message: 'must be 1–200 visible ASCII characters without spaces' },
    ]);
  }
  return header;
}
