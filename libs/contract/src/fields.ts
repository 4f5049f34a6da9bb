import { z } from 'zod';

/** ISO 8601 in UTC, to the millisecond. */
export const TIME = z.iso.datetime();

/** A number of things, or of bytes. */
export const COUNT = z.number().int().nonnegative();

/** What is wrong or to be done, in Landfall's words: a stable code, what happened, and what to do. */
export const ERROR = z.object({ code: z.string(), message: z.string(), fix: z.string() }).meta({
  id: 'Error',
  description: 'A stable code, what happened to which thing, and what to do next.',
  examples: [
    {
      code: 'TARGET_FULL',
      message: 'There is no space left for the disk "sda".',
      fix: 'Make room, then resume the restore.',
    },
  ],
});

/** Text from outside: not empty, bounded, and something that Postgres can keep (no control characters, whole Unicode). */
export function text(longest: number) {
  return z
    .string()
    .min(1)
    .max(longest)
    .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), 'must not hold control characters');
}

/** In a query. Digits and nothing else: `Number` would also take `0x10`, `1e3` and an empty text. */
export function wholeNumber(least: number, most: number, otherwise: number) {
  return (
    z
      .string()
      .regex(/^\d{1,15}$/, 'must be a whole number')
      .transform(Number)
      .pipe(z.number().min(least).max(most))
      .default(otherwise)
      // In the document, what it means and not how an address carries it.
      .meta({ type: 'integer', pattern: undefined, minimum: least, maximum: most, default: otherwise })
  );
}

/** The keys of an object as a list that an enumeration takes. */
export function keysOf<K extends string>(words: Readonly<Record<K, unknown>>): [K, ...K[]] {
  return Object.keys(words) as [K, ...K[]];
}
