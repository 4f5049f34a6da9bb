import { z } from 'zod';

/** Text from outside: not empty, bounded, and something that Postgres can keep (no control characters, whole Unicode). */
export function text(longest: number) {
  return z
    .string()
    .min(1)
    .max(longest)
    .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), 'must not hold control characters');
}
