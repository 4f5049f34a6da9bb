import { describe, it } from '@jest/globals';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { planRestore } from '../../index.js';
import { aLivingVm, azureOf, originalFacts, pointDisksOf, SIZES, type AnAttachedDisk } from '../../builders/index.js';

/** Few of each, so that they often meet. */
const disk = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  lun: fc.integer({ min: 0, max: 6 }),
  uniqueId: fc.constantFrom('1', '2', '3', '4', '5', ''),
});

/** The data disks of a VM: Azure has each but once, and at each LUN but one. */
const attached = (of: fc.Arbitrary<AnAttachedDisk>) =>
  fc
    .uniqueArray(of, { selector: ({ lun }) => lun, maxLength: 6 })
    .map((disks) => disks.filter(({ name }, index) => disks.findIndex((other) => other.name === name) === index));

const numbered = (disks: readonly AnAttachedDisk[]): readonly AnAttachedDisk[] => {
  const taken = new Set<string>();
  return disks.filter(({ uniqueId = '' }) => uniqueId !== '' && !taken.has(uniqueId) && taken.add(uniqueId));
};

const os = (name: string): AnAttachedDisk => ({ name, lun: null });

describe('whatever a manifest says, and whatever has become of the machine', () => {
  it('each of its disks is replaced once or kept, and no LUN is needed twice', () => {
    const changes = fc.record({
      then: attached(disk),
      now: attached(disk).map(numbered),
      /** Of a disk of the point that nothing is told of. */
      hasMore: fc.boolean(),
      excluded: fc.subarray(['lun0', 'lun1', 'lun2']),
    });
    fc.assert(
      fc.property(changes, ({ then, now, hasMore, excluded }) => {
        const backedUp = [os('web-os'), ...then];
        const living = [os('today-os'), ...now];
        const more = hasMore ? [{ name: 'more', location: 'more', sizeBytes: 1 }] : [];
        const made = planRestore(
          originalFacts({
            point: { azure: azureOf(aLivingVm({ disks: backedUp })), disks: [...pointDisksOf(backedUp), ...more] },
            now: { disks: living },
            request: { excludeDisks: excluded },
            target: { sizes: SIZES.map((size) => ({ ...size, maxDataDisks: 64 })) },
          }),
        );

        const { disks } = made.source!;
        assert.deepEqual(
          disks.map(({ uniqueId }) => uniqueId),
          living.map(({ name, uniqueId }) => uniqueId ?? `unique-${name}`),
          'all that the machine has, in their order',
        );
        const by = disks.flatMap(({ replacedBy }) => replacedBy ?? []);
        assert.equal(new Set(by).size, by.length, 'no disk of the point replaces two');
        for (const name of by)
          assert.ok(
            made.disks.some((one) => one.name === name),
            `${name} is restored`,
          );
        assert.equal(disks[0]?.replacedBy, 'os', 'the OS disk is replaced');
        for (const { uniqueId, replacedBy } of disks.slice(1)) {
          if (replacedBy === null) continue;
          const lun = made.disks.find(({ name }) => name === replacedBy)?.lun;
          assert.equal(then.find((one) => one.lun === lun)?.uniqueId, uniqueId, 'by the backup of that very disk');
        }
        const kept = disks.filter(({ replacedBy }) => replacedBy === null);
        const luns = [...kept, ...made.disks].flatMap(({ lun }) => lun ?? []);
        const isRefused = made.problems.some(({ code, severity }) => code === 'CONTRADICTION' && severity === 'error');
        assert.ok(isRefused || new Set(luns).size === luns.length, 'no LUN twice');
        const names = made.disks.map(({ azureName }) => azureName.toLowerCase());
        assert.equal(new Set(names).size, names.length, 'names differ');
      }),
      { numRuns: 300 },
    );
  });
});
