import { describe, expect, it } from '@jest/globals';
import { reportOf, type Pair } from './whole-restore.js';

const OPTIONS = { sizeBytes: 2 ** 31, pairs: 3, against: '/other' };

function ratiosOf(...ratios: number[]): Pair[] {
  return ratios.map((ratio) => ({ thisSeconds: 10, otherSeconds: 10 * ratio }));
}

describe('the report of whole restores', () => {
  it('tells each pair, and that this build is fast enough by the median of the ratios', () => {
    const { data, table } = reportOf(OPTIONS, ratiosOf(0.5, 1.25, 0.97));
    expect(data['results']).toStrictEqual([
      { thisSeconds: 10, otherSeconds: 5, ratio: 0.5 },
      { thisSeconds: 10, otherSeconds: 12.5, ratio: 1.25 },
      { thisSeconds: 10, otherSeconds: 9.7, ratio: 0.97 },
    ]);
    expect(data['medianRatio']).toBe(0.97);
    expect(data['holds']).toBe(true);
    expect(table).toMatch(/^1 +10\.00 +5\.00 +0\.50$/m);
    expect(table).toMatch(/0\.970 × as fast as the other one \(median\): at least 0\.97\./);
  });

  it('takes what lies between the two in the middle of an even number', () => {
    expect(reportOf(OPTIONS, ratiosOf(0.5, 1.25)).data['medianRatio']).toBe(0.875);
  });

  it('says when it is not, however near', () => {
    const { data, table } = reportOf(OPTIONS, ratiosOf(0.9699, 2, 0.1));
    expect(data['holds']).toBe(false);
    expect(table).toMatch(/less than 0\.97\./);
  });
});
