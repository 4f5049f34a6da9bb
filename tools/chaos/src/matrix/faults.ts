import { actionTrials } from '../faults/actions.js';
import { azureTrials, enumerateCalls, type AzureCall } from '../faults/azure.js';
import { byHandTrials } from '../faults/by-hand.js';
import { cancelTrials } from '../faults/cancel.js';
import { clockTrials } from '../faults/clock.js';
import { crowdTrials } from '../faults/crowd.js';
import { fuzzTrials } from '../faults/fuzz.js';
import { interferenceTrials } from '../faults/interference.js';
import { enumeratePointsInPlace, inPlaceTrials, type PointInPlace } from '../faults/in-place.js';
import { othersInPlaceTrials } from '../faults/others-in-place.js';
import { jobTrials } from '../faults/jobs.js';
import { enumeratePoints, killTrial, killTwiceTrials, type Point } from '../faults/kill.js';
import { postgresTrials } from '../faults/postgres.js';
import { redisTrials } from '../faults/redis.js';
import { reportTrials } from '../faults/reports.js';
import { repositoryTrials } from '../faults/repository.js';
import { rollingTrials } from '../faults/rolling.js';
import { shutdownTrials } from '../faults/shutdown.js';
import { targetTrials } from '../faults/target.js';
import { zombieTrials } from '../faults/zombie.js';
import type { Cell } from '../live/cell.js';
import { bigShape, ONE_DISK, type Shape } from '../live/sample.js';
import type { Trial } from '../live/trial.js';

/** What the tracing runs have come by, and what was asked for on the command line. */
export interface Found {
  readonly points: readonly Point[];
  readonly pointsInPlace: readonly PointInPlace[];
  readonly calls: readonly AzureCall[];
  /** Of F12. */
  readonly restores: number;
  /** Of F13. */
  readonly seed: number;
}

/** One row of the matrix, tried with real processes. */
export interface Fault {
  readonly id: string;
  readonly title: string;
  trials(found: Found): readonly Trial[];
  /** Which tracing run has to come first. */
  readonly needs?: 'points' | 'points-in-place' | 'calls';
  /** What it restores where that is not the sample with its three disks: it comes after the others, on a ground of its own. */
  readonly machine?: readonly Shape[];
}

export const FAULTS: readonly Fault[] = [
  {
    id: 'F1',
    title: 'kill -9 at every crash point',
    needs: 'points',
    trials: ({ points }) => points.map(killTrial),
  },
  {
    id: 'F2',
    title: 'kill -9, and again during recovery',
    needs: 'points',
    trials: ({ points }) => killTwiceTrials(points),
  },
  { id: 'F3', title: 'Redis restarted, emptied, cut off, back to an older state', trials: redisTrials },
  { id: 'F4', title: 'Postgres stopped at once; connection cut before or after a COMMIT', trials: postgresTrials },
  {
    id: 'F5',
    title: 'jobs and reports delivered twice, out of order, late, never',
    trials: () => [...jobTrials(), ...reportTrials()],
  },
  {
    id: 'F6',
    title: 'Azure refuses, fails, is silent, loses answers, on every kind of call',
    needs: 'calls',
    trials: ({ calls }) => azureTrials(calls),
  },
  { id: 'F7', title: 'repository damaged, slow, refused', trials: repositoryTrials },
  { id: 'F8', title: 'the target fails, is full, loses or invents bytes', trials: targetTrials },
  { id: 'F9', title: 'data-mover that wakes up after its lease', trials: zombieTrials },
  { id: 'F10', title: 'wall clocks that are wrong, or leap', trials: clockTrials },
  { id: 'F11', title: 'cancelled at every step, twice, with a crash', trials: cancelTrials },
  {
    id: 'in-place',
    title: 'a machine replaced where it stands, and rolled back: kill -9 at every crash point',
    needs: 'points-in-place',
    trials: ({ pointsInPlace }) => inPlaceTrials(pointsInPlace),
  },
  {
    id: 'others-in-place',
    title: 'somebody interferes with a machine that is replaced where it stands',
    trials: othersInPlaceTrials,
  },
  { id: 'F12', title: '1,000 restores at once', machine: ONE_DISK, trials: ({ restores }) => crowdTrials(restores) },
  { id: 'F13', title: 'fuzzed repositories, manifests and disks', trials: ({ seed }) => fuzzTrials(seed) },
  { id: 'F14', title: 'every action of API and dashboard by every role at every step', trials: actionTrials },
  { id: 'F15', title: 'somebody interferes in Azure', trials: interferenceTrials },
  { id: 'shutdown', title: 'SIGTERM for everything, with servers away', trials: shutdownTrials },
  { id: 'rolling', title: 'every service replaced in turn, under load', trials: rollingTrials },
  { id: 'by-hand', title: 'what a user would try, on a disk of 2 GiB', machine: bigShape(2_048), trials: byHandTrials },
];

/** All trials of the chosen faults; the cell is used for the tracing runs, if any is needed. */
export async function trialsOf(
  faults: readonly Fault[],
  given: Pick<Found, 'restores' | 'seed'>,
  cell: () => Promise<Cell>,
): Promise<Found & { readonly trials: readonly Trial[] }> {
  const needs = (what: Fault['needs']): boolean => faults.some((fault) => fault.needs === what);
  const points = needs('points') ? await enumeratePoints(await cell()) : [];
  const calls = needs('calls') ? await enumerateCalls(await cell()) : [];
  const pointsInPlace = needs('points-in-place') ? await enumeratePointsInPlace(await cell()) : [];
  const found = { points, pointsInPlace, calls, ...given };
  return { ...found, trials: faults.flatMap((fault) => fault.trials(found)) };
}
