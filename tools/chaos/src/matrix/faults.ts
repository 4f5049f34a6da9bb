import { cancelTrials } from '../faults/cancel.js';
import { jobTrials } from '../faults/jobs.js';
import { enumeratePoints, killTrial, killTwiceTrial, type Point } from '../faults/kill.js';
import { postgresTrials } from '../faults/postgres.js';
import { redisTrials } from '../faults/redis.js';
import { zombieTrials } from '../faults/zombie.js';
import type { Cell } from '../live/cell.js';
import type { Trial } from '../live/trial.js';

/** The rows of the matrix that are tried with real processes. */
export interface Fault {
  readonly id: string;
  readonly title: string;
  /** `points`: what the tracing run has come by; empty for faults that need none. */
  trials(points: readonly Point[]): readonly Trial[];
  readonly needsPoints?: boolean;
}

export const FAULTS: readonly Fault[] = [
  { id: 'F1', title: 'kill -9 at every crash point', needsPoints: true, trials: (points) => points.map(killTrial) },
  {
    id: 'F2',
    title: 'kill -9, and again during recovery',
    needsPoints: true,
    trials: (points) => points.map(killTwiceTrial),
  },
  { id: 'F3', title: 'Redis restarted, emptied, cut off, back to an older state', trials: redisTrials },
  { id: 'F4', title: 'Postgres stopped at once; connection cut before or after a COMMIT', trials: postgresTrials },
  { id: 'F5', title: 'jobs delivered twice, out of order, late, never', trials: jobTrials },
  { id: 'F9', title: 'data-mover that wakes up after its lease', trials: zombieTrials },
  { id: 'F11', title: 'cancelled at every step, twice, with a crash', trials: cancelTrials },
];

/** All trials of the chosen faults; the cell is used for the tracing run, if one is needed. */
export async function trialsOf(
  faults: readonly Fault[],
  cell: () => Promise<Cell>,
): Promise<{ readonly points: readonly Point[]; readonly trials: readonly Trial[] }> {
  const points = faults.some((fault) => fault.needsPoints) ? await enumeratePoints(await cell()) : [];
  return { points, trials: faults.flatMap((fault) => fault.trials(points)) };
}
