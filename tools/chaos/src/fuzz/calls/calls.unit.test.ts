import { describe, expect, test } from '@jest/globals';
import { seedFromEnvironment } from '../../matrix/seeded.js';
import { TAKERS } from './calls.js';
import { fuzzCalls } from './campaign.js';

const RUNS = 100;

describe('Calls with odd ids, paths and passwords', () => {
  test(`end by themselves, with a sentence of the product and without a secret, in ${RUNS} runs of any seed`, async () => {
    const seed = seedFromEnvironment();
    process.stdout.write(`fuzz-calls: seed ${seed}\n`);
    const { violations, calls } = await fuzzCalls(seed, RUNS);
    expect(violations).toStrictEqual([]);
    expect([...calls.keys()].sort()).toStrictEqual(Object.keys(TAKERS).sort());
  }, 120_000);
});
