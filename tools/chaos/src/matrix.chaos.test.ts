import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { Campaign, type Result } from './live/campaign.js';
import { layGround, type Ground } from './live/ground.js';
import { enumeratePoints, killTrial } from './faults/kill.js';
import { FAULTS } from './matrix/faults.js';
import { seedFromEnvironment, shuffled } from './matrix/seeded.js';
import type { Trial } from './live/trial.js';

/*
 * A share of the fault matrix that is small enough for every run of the tests: real processes on real servers, killed and
 * cut off. Which ones is drawn by a seed, which stands in the test's name: LANDFALL_CHAOS_SEED=N draws the same ones again.
 * Some come from those that have the most to say, some from all crash points.
 */
/** A cell is ten processes that start together, which costs as much as three trials. */
const CELLS = 1;
const TELLING_DRAWN = 2;
const POINTS_DRAWN = 1;

const TELLING = [
  'Redis: FLUSHALL during restore-data',
  'Postgres: connection cut after commit of launch-worker',
  'the job of create-empty-disks: never delivered',
  'data-mover stopped at restore-data.move.afterWork for 28 s (worker)',
  'cancelled twice when launch-worker has begun, and its process dies',
  "failed flush of a worker's disk",
  'the report of a segment that has failed for good arrives, and its answer is lost',
  'all clocks leap a day back during restore-data',
  'all processes asked to end during restore-data, both silent',
];

const seed = seedFromEnvironment();

describe('restores by real processes', () => {
  let ground: Ground;
  let campaign: Campaign;
  const results: Result[] = [];
  beforeAll(async () => {
    ground = await layGround();
    campaign = new Campaign(ground, {
      cells: CELLS,
      onResult: (result) => results.push(result),
    });
  });
  afterAll(async () => {
    await campaign.close();
    await campaign.abandon();
    await ground.close();
  });

  it(`come through kills, cuts, lost jobs and cancels with everything as it should be (seed ${seed})`, async () => {
    const points = await enumeratePoints(await campaign.borrow());
    assert.ok(points.length > 100, `only ${points.length} crash points were come by`);
    const found = { points, pointsInPlace: [], calls: [], restores: 0, seed };
    const all = FAULTS.filter(({ id }) =>
      ['F3', 'F4', 'F5', 'F8', 'F9', 'F10', 'F11', 'shutdown'].includes(id),
    ).flatMap((fault) => fault.trials(found));
    const telling = TELLING.map((name) => trialCalled(all, name));
    const drawn = [
      ...shuffled(telling, seed).slice(0, TELLING_DRAWN),
      ...shuffled(points, seed).slice(0, POINTS_DRAWN).map(killTrial),
    ];
    const { ofCells } = await campaign.run(drawn);
    expect(results.filter((result) => !result.reached || !result.survived).map(told)).toStrictEqual([]);
    expect(ofCells).toStrictEqual([]);
    expect(results.length).toBe(TELLING_DRAWN + POINTS_DRAWN);
  });
});

function trialCalled(all: readonly Trial[], name: string): Trial {
  const trial = all.find((each) => each.name === name);
  assert.ok(trial, `there is no trial "${name}"`);
  return trial;
}

function told({ trial, reached, violations }: Result): string {
  return `${trial.fault} ${trial.name}: ${reached ? '' : 'was not come by; '}${violations.join('; ')}`;
}
