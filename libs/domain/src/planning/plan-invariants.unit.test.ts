import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  canonicalHash,
  canonicalJson,
  isRefused,
  planRestore,
  PROBLEM_CODES,
  STEPS,
  type PlanningFacts,
  type PointDisk,
} from '../index.js';
import { aSubnet, GIB, planningFacts, SIZES } from '../builders/index.js';
import fc from 'fast-check';

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const text = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.constantFrom('web', 'Standard_D2s_v5', 'westeurope', 'apps', ''),
);

/** Drops keys without a value: a field that is left out is not there. */
const dense = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;

const disk = fc
  .record({
    sizeBytes: fc.oneof(fc.nat(), fc.constantFrom(0, 1, 511, GIB, 2048 * GIB, 5000 * GIB, 2 ** 53 - 1)),
    role: maybe(fc.constantFrom('os' as const, 'data' as const)),
    lun: maybe(fc.oneof(fc.integer({ min: -2, max: 70 }), fc.constantFrom(0, 0.5, 1))),
    sku: maybe(fc.oneof(text, fc.constantFrom('Premium_LRS', 'UltraSSD_LRS'))),
    caching: maybe(fc.constantFrom('None' as const, 'ReadOnly' as const, 'ReadWrite' as const)),
  })
  .map(dense);

const disks = fc
  .array(disk, { maxLength: 40 })
  .map((all) => all.map((one, index): PointDisk => ({ name: `disk${index}`, location: `snapshot/${index}`, ...one })));

const facts: fc.Arbitrary<PlanningFacts> = fc
  .record({
    point: fc.record({
      disks,
      machineName: text,
      kind: fc.constantFrom('image' as const, 'computer' as const, 'snapshot' as const),
      level: fc.constantFrom('computer' as const, 'volume' as const, 'file' as const),
      firmware: maybe(fc.constantFrom('bios' as const, 'uefi' as const)),
      azure: maybe(fc.dictionary(fc.constantFrom('vm', 'nics', 'tags', '__proto__'), fc.jsonValue())),
    }),
    request: fc.record({
      generation: fc.constantFrom('auto' as const, 1 as const, 2 as const),
      disksOnly: fc.boolean(),
      excludeDisks: fc.array(fc.constantFrom('disk0', 'disk1', 'disk2', 'nosuch'), { maxLength: 3 }),
      transfer: fc.constantFrom('worker' as const, 'direct' as const),
      powerOn: fc.boolean(),
      isolated: fc.boolean(),
      bootCheck: fc.constantFrom('none' as const, 'running' as const, 'serial' as const),
      destination: fc
        .record({
          kind: fc.constantFrom('new' as const, 'original' as const),
          name: maybe(text),
          resourceGroup: maybe(text),
          region: maybe(text),
          zone: maybe(fc.constantFrom('1', '9')),
          size: maybe(text),
          subnetId: maybe(fc.oneof(text, fc.constant(aSubnet().azureId))),
          privateIp: maybe(fc.oneof(text, fc.ipV4())),
          diskSku: maybe(fc.oneof(text, fc.constantFrom('Premium_LRS', 'UltraSSD_LRS'))),
        })
        .map(dense),
    }),
    boots: fc.subarray(['bios', 'uefi'] as const),
    sizes: fc.subarray([...SIZES]),
    full: fc.boolean(),
    groupExists: fc.boolean(),
    subnet: fc.option(fc.constant(aSubnet())),
    vmExists: fc.boolean(),
    hostedByProvider: fc.boolean(),
  })
  .map(({ point, request, boots, sizes, full, groupExists, subnet, vmExists, hostedByProvider }) =>
    planningFacts({
      point: dense(point),
      request,
      hostedByProvider,
      machine: { boots, bootDisk: boots.length === 0 ? null : 'disk1' },
      target: {
        // Of a machine that the point does not name nothing is asked.
        sizes: request.destination.kind === 'original' ? [] : sizes,
        subnet,
        vmExists,
        usages: full ? [{ name: 'cores', current: 10, limit: 10 }] : [],
        ...(groupExists ? {} : { resourceGroup: null }),
      },
    }),
  );

/** Options that a remedy names though the original place has no use for them: they are for a new one, or to be left out. */
function contradictions(fix: string): readonly string[] {
  const options = fix.match(/--(name|resource-group|region|zone|size|subnet|private-ip|disk-sku|disks-only)\b/g) ?? [];
  return /^Leave --|--to new/.test(fix) ? [] : options;
}

describe('whatever is asked for', () => {
  it('ends in a plan that keeps to the rules', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const plan = planRestore(given);

        const isReplaced = given.request.destination.kind === 'original';
        const steps = STEPS.filter(({ id }) => isReplaced || id !== 'check-boot');
        expect(plan.steps.map(({ number, id }) => ({ number, id }))).toStrictEqual(steps);
        const luns = plan.disks.flatMap((one) => (one.lun === null ? [] : [one.lun]));
        assert.equal(new Set(luns).size, luns.length, 'LUNs are unique');
        expect(luns.every((lun) => Number.isInteger(lun) && lun >= 0)).toBe(true);
        assert.ok(plan.disks.filter((one) => one.role === 'os').length <= 1, 'at most one OS disk');
        for (const one of plan.disks) {
          assert.equal(one.sizeBytes % GIB, 0, 'whole GiB');
          assert.ok(one.sizeBytes >= one.sourceBytes, 'room for the source');
          expect(one.role === 'os').toBe(one.lun === null);
          expect(given.request.excludeDisks).not.toContain(one.name);
          expect(one.azureName.length).toBeLessThanOrEqual(64);
        }
        const names = plan.disks.map((one) => one.azureName.toLowerCase());
        assert.equal(new Set(names).size, names.length, 'names of new disks are unique');
        const moved = plan.workers.flatMap((worker) => worker.disks);
        assert.equal(new Set(moved).size, moved.length, 'no disk has two workers');
        for (const problem of plan.problems) {
          expect(PROBLEM_CODES).toContain(problem.code);
          expect(problem.message).toMatch(/\.$/);
          expect(problem.fix).toMatch(/\.$/);
          if (plan.destination.kind === 'original') expect(contradictions(problem.fix)).toStrictEqual([]);
        }
        expect(() => JSON.stringify(plan)).not.toThrow();
      }),
      { numRuns: 700 },
    );
  });

  it('is complete where it is not refused', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const plan = planRestore(given);
        if (isRefused(plan)) return;
        const { destination } = plan;
        expect(destination.resourceGroup).not.toBe('');
        expect(destination.region).not.toBe('');
        expect(plan.disks.length).toBeGreaterThan(0);
        if (!given.request.disksOnly) {
          expect(destination.vmName && destination.size && destination.subnetId && plan.generation).toBeTruthy();
          expect(plan.disks.some((one) => one.role === 'os')).toBe(true);
        }
        if (given.request.transfer === 'worker') {
          expect(plan.workers.flatMap((worker) => worker.disks).sort()).toStrictEqual(
            plan.disks.map((one) => one.name).sort(),
          );
        }
      }),
      { numRuns: 700 },
    );
  });
});

describe('the hash of a plan', () => {
  it('is the same for the same facts, and another one for another plan', () => {
    const first = planRestore(planningFacts());
    expect(first.planHash).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(planRestore(planningFacts()).planHash).toBe(first.planHash);
    expect(planRestore(planningFacts({ request: { destination: { name: 'other' } } })).planHash).not.toBe(
      first.planHash,
    );
  });

  it('covers everything but itself and the estimates', () => {
    const { planHash, estimates, ...rest } = planRestore(planningFacts({ usedBytes: { sda: 5 } }));
    expect(estimates.readBytes).toBeGreaterThan(0);
    expect(canonicalHash(rest)).toBe(planHash);
  });

  it('survives a trip through JSON and any order of keys', () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, inner]) => [key, shuffled(inner)]),
      );
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value));
        expect(canonicalHash(JSON.parse(canonicalJson(value)))).toBe(canonicalHash(value));
      }),
    );
  });
});
