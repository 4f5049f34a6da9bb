import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planRestore, type ArchivePrices, type RestorePlan } from '../index.js';
import { planningFacts, type FactChanges } from '../builders/index.js';

const GIB = 1024 ** 3;
const FILES = [
  { path: 'data/ab/one', sizeBytes: 3 * GIB },
  { path: 'data/cd/two', sizeBytes: 2 * GIB },
];
const PRICES: ArchivePrices = {
  ...{ asOf: '2026-10-01', currency: 'EUR', writesPer10000: 0.5 },
  standard: { readsPer10000: 5, perGib: 0.02 },
  high: { readsPer10000: 50, perGib: 0.1 },
};

const plan = (changes: FactChanges = {}): RestorePlan => planRestore(planningFacts(changes));
const codes = ({ problems }: RestorePlan): string[] => problems.map(({ severity, code }) => `${severity} ${code}`);
const archived = (request: FactChanges['request'] = {}, more: FactChanges = {}): RestorePlan =>
  plan({ archive: { files: FILES }, request, ...more });

describe('what lies in the archive tier', () => {
  it('is brought back first, which is a warning and no error', () => {
    const made = archived();
    expect(codes(made)).toStrictEqual(['warning POINT_ARCHIVED']);
    expect(made.problems[0]?.message).toMatch(/2 file\(s\).*5\.0 GiB.*15 hour/);
    expect(made.steps.find(({ number }) => number === 1)).toMatchObject({
      id: 'retrieve-archived-data',
      applies: true,
    });
    expect(made.retrieval).toStrictEqual({
      ...{ objects: 2, bytes: 5 * GIB, priority: 'standard', hours: 15, keepHours: 72 },
    });
    expect(made.estimates.retrievalSeconds).toBe(15 * 3_600);
  });

  it('is nothing where all can be read: then no step brings anything back, and no fee is told', () => {
    for (const made of [plan(), plan({ archive: { files: [] } })]) {
      expect(codes(made)).toStrictEqual([]);
      expect([made.retrieval, made.estimates.retrievalFee, made.estimates.retrievalSeconds]).toStrictEqual([
        ...[undefined, undefined, 0],
      ]);
      expect(made.steps.find(({ number }) => number === 1)?.applies).toBe(false);
    }
  });

  it('is brought back within an hour where that was asked for, and kept for as long as was asked for', () => {
    const made = archived({ archivePriority: 'high', archiveKeepHours: 200 });
    expect(made.retrieval).toMatchObject({ priority: 'high', hours: 1, keepHours: 200 });
    expect(made.estimates.retrievalSeconds).toBe(3_600);
  });

  it('warns of copies that are kept for less time than it takes to write the disks', () => {
    const slow = { usedBytes: { sda: 1e13 } };
    const made = archived({ archiveKeepHours: 1 }, slow);
    expect(codes(made)).toContain('warning RETRIEVAL_EXPIRES');
    expect(codes(archived({ archiveKeepHours: 1 }))).not.toContain('warning RETRIEVAL_EXPIRES');
    expect(codes(archived({}, slow))).not.toContain('warning RETRIEVAL_EXPIRES');
  });

  it('costs what the prices say: reads, writes of copies, and bytes; or is not known', () => {
    expect(archived().estimates.retrievalFee).toBe(null);
    const settings = { archivePrices: PRICES };
    expect(archived({}, { settings }).estimates.retrievalFee).toStrictEqual({
      ...{ amount: 0.1, currency: 'EUR', asOf: '2026-10-01' },
    });
    const files = Array.from({ length: 20_000 }, (_, at) => ({ path: `data/${at}`, sizeBytes: GIB }));
    const many = plan({ archive: { files }, request: { archivePriority: 'high' }, settings });
    // 2 × (50 + 0.5) for the operations, 20,000 × 0.1 for the bytes.
    expect(many.estimates.retrievalFee).toMatchObject({ amount: 2_101 });
  });

  it('costs more the more it is, and never less by a higher priority', () => {
    const amount = (files: readonly { path: string; sizeBytes: number }[], archivePriority: 'standard' | 'high') =>
      plan({ archive: { files }, request: { archivePriority }, settings: { archivePrices: PRICES } }).estimates
        .retrievalFee?.amount ?? 0;
    const file = fc.record({ path: fc.string({ minLength: 1 }), sizeBytes: fc.nat(2 ** 40) });
    fc.assert(
      fc.property(fc.array(file, { minLength: 1, maxLength: 20 }), file, (files, other) => {
        expect(amount([...files, other], 'standard')).toBeGreaterThanOrEqual(amount(files, 'standard'));
        expect(amount(files, 'high')).toBeGreaterThanOrEqual(amount(files, 'standard'));
      }),
      { numRuns: 50 },
    );
  });
});
