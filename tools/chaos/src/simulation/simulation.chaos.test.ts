import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { lineOf, summaryOf } from './command.js';
import { simulateMany } from './many-seeds.js';
import { MIX_NAMES } from './mixes.js';

/*
 * A part of the simulation that fits into every run of the tests: other seeds each day, so that in the course of time many
 * are tried. `node tools/chaos/dist/main.js simulate` runs as many as one likes, and tells one of them line by line.
 */
const SEEDS = 120;
/** Of each of the mixes that aim. */
const SEEDS_OF_A_MIX = 12;
const FIRST = Math.floor(Date.now() / 86_400_000) * 1_000;

describe('restores in virtual time', () => {
  it(`keep every invariant and come to their end, whatever goes wrong (seeds from ${FIRST})`, async () => {
    const campaign = await simulateMany(FIRST, SEEDS);
    console.log(summaryOf(campaign, FIRST));
    expect(campaign.broken).toStrictEqual([]);
    expect(campaign.bad.map(lineOf)).toStrictEqual([]);
    expect(campaign.runs).toBe(SEEDS);
    for (const end of ['completed', 'cancelled', 'failed']) assert.ok(campaign.ends.has(end), `none is ${end}`);
    assert.ok(campaign.died.size > 15, 'processes die at few crash points only');
  });

  for (const mix of MIX_NAMES.filter((name) => name !== 'all')) {
    it(`do so where the troubles are ${mix} (seeds from ${FIRST})`, async () => {
      const campaign = await simulateMany(FIRST, SEEDS_OF_A_MIX, undefined, { mix });
      assert.deepEqual([campaign.broken, campaign.bad.map(lineOf)], [[], []], summaryOf(campaign, FIRST));
      expect(campaign.runs).toBe(SEEDS_OF_A_MIX);
    });
  }
});
