import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import type { Result } from '../live/campaign.js';
import { withRows } from './kept.js';
import { shuffled } from './seeded.js';
import { percentile, printed, rowOf } from './table.js';

function result(changes: Partial<Result>): Result {
  const trial = { fault: 'F1', name: 'kill', run: () => assert.fail('it is not run') };
  return { trial, reached: true, survived: true, recoveryMs: 1_000, tookMs: 2_000, violations: [], ...changes };
}

describe('a row of the matrix', () => {
  it('counts what survived, what is broken and what was not come by', () => {
    const row = rowOf({ id: 'F1', title: 'kill' }, 5, [
      result({ recoveryMs: 1_000 }),
      result({ recoveryMs: 3_000 }),
      result({ survived: false, violations: ['I1: a', 'I4: b'], recoveryMs: null }),
      result({ reached: false, recoveryMs: null }),
      result({ trial: { fault: 'F2', name: 'other', run: () => assert.fail('it is not run') } }),
    ]);
    expect(row).toStrictEqual({
      ...{ fault: 'F1', title: 'kill', planned: 5, runs: 4, survived: 2, violations: 2, notReached: 1 },
      ...{ recoveryP50Ms: 1_000, recoveryP95Ms: 3_000 },
    });
    expect(printed([row])).toMatch(/^fault +what .*\nF1 +kill +5 +4 +2 +2 +1 +1\.0 s +3\.0 s$/);
  });

  it('says when a fault was not run', () => {
    expect(printed([rowOf({ id: 'F3', title: 'Redis' }, 36, [])])).toMatch(/not run +0 +0 +0 +- +-/);
  });

  it('takes percentiles by rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.95)).toBe(95);
    expect(percentile([7], 0.95)).toBe(7);
    expect(percentile([], 0.5)).toBe(null);
  });
});

describe('the kept table', () => {
  const document = [
    ...['# Reliability', '', '<!-- fault matrix: written by tools/chaos -->', '', '| F10 | old |', '| F2 | old |'],
    ...['| F1 | old |', '', '<!-- end of the fault matrix -->', '', 'More.', ''],
  ].join('\n');
  const origin = { seed: 7, command: 'matrix --fault F2' };

  it('replaces the rows of what was run, keeps the others, and touches nothing around', () => {
    const [ran, notRun] = [
      rowOf({ id: 'F2', title: 'kill twice' }, 1, [
        result({ trial: { fault: 'F2', name: 'kill', run: () => assert.fail('it is not run') } }),
      ]),
      rowOf({ id: 'F1', title: 'kill' }, 9, []),
    ];
    const text = withRows(document, [ran, notRun], origin);
    expect(text.startsWith('# Reliability\n\n<!-- fault matrix')).toBe(true);
    expect(text.endsWith('<!-- end of the fault matrix -->\n\nMore.\n')).toBe(true);
    const rows = text.split('\n').filter((line) => line.startsWith('| F'));
    expect(rows[0] ?? '').toMatch(/^\| F1 +\| old/);
    expect(rows[1] ?? '').toMatch(
      /^\| F2 +\| kill twice \| 1 +\| 1 +\| 1 +\| 0 +\| 0 +\|.*\| 7 +\| `matrix --fault F2` \|$/,
    );
    expect(rows[2] ?? '').toMatch(/^\| F10 +\| old/);
    assert.equal(withRows(text, [ran], origin), text, 'once more changes nothing');
  });

  it('needs a place in the document', () => {
    expect(() => withRows('# Reliability', [], origin)).toThrow(/has no lines/);
  });
});

describe('a sample', () => {
  it('is the same for the same seed, and another one for another', () => {
    const items = Array.from({ length: 50 }, (_, index) => index);
    expect(shuffled(items, 3)).toStrictEqual(shuffled(items, 3));
    expect(shuffled(items, 3)).not.toStrictEqual(shuffled(items, 4));
    expect([...shuffled(items, 3)].sort((a, b) => a - b)).toStrictEqual(items);
  });
});
