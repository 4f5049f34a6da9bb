import type { Direction } from '@landfall/domain';

/*
 * How often something is tried, and how long is waited between. Attempts are counted in Postgres, not by the queue:
 * a queue forgets, and counts a crash as something else.
 */

/** After that many failed attempts a step is left to a person. */
export const STEP_ATTEMPTS = 8;
/** What goes back is tried for longer: what it leaves behind costs money. */
export const WAY_BACK_ATTEMPTS = 20;

export const ATTEMPTS: Readonly<Record<Direction, number>> = {
  forward: STEP_ATTEMPTS,
  back: WAY_BACK_ATTEMPTS,
  after: WAY_BACK_ATTEMPTS,
};

const FIRST_BACK_OFF_MS = 1_000;
const LONGEST_BACK_OFF_MS = 60_000;

/**
 * Milliseconds before the next attempt, once `attempts` have failed: 1 s doubled each time up to 60 s, less up to a half
 * at random so that a thousand restores that failed together do not come back together. Never less than `atLeastMs`.
 */
export function backOffMs(attempts: number, atLeastMs = 0, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.max(0, attempts - 1));
  return Math.max(atLeastMs, Math.round(full * (1 - random() / 2)));
}
