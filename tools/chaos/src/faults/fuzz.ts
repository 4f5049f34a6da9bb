import { fuzzTarget } from '../fuzz/campaign.js';
import { sentenceOf } from '../fuzz/report.js';
import { shareOut } from '../fuzz/target.js';
import { TARGETS } from '../fuzz/targets/all.js';
import type { Trial } from '../live/trial.js';

const RUNS = 100_000;

/** F13: one trial for each parser. No restore is under way; the cell stands by. */
export function fuzzTrials(seed: number): readonly Trial[] {
  const shares = shareOut(TARGETS, RUNS);
  return TARGETS.map((target, index) => ({
    fault: 'F13',
    name: `fuzz ${target.name}, seed ${seed}`,
    run: async () => {
      const { violations } = await fuzzTarget(target, { seed, runs: shares[index]! });
      return { reached: true, recoveryMs: null, violations: violations.map(sentenceOf) };
    },
  }));
}
