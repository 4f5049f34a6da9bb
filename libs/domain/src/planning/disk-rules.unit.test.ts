import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { planRestore, type RestorePlan } from '../index.js';
import { aPointDisk, GIB, planningFacts, type FactChanges } from '../builders/index.js';

const plan = (changes: FactChanges = {}): RestorePlan => planRestore(planningFacts(changes));
const codes = (made: RestorePlan): readonly string[] =>
  made.problems.map(({ severity, code }) => `${severity} ${code}`);

describe('the OS disk of a plan', () => {
  const disks = [aPointDisk({ name: 'a' }), aPointDisk({ name: 'b' }), aPointDisk({ name: 'c' })];
  const osOf = (made: RestorePlan): readonly string[] =>
    made.disks.filter((disk) => disk.role === 'os').map((disk) => disk.name);

  it('is the one that the manifest names', () => {
    const named = [disks[0]!, disks[1]!, aPointDisk({ name: 'c', role: 'os' })];
    expect(osOf(plan({ point: { disks: named }, machine: { bootDisk: 'b' } }))).toStrictEqual(['c']);
  });

  it('else the one that something boots from, else the first', () => {
    expect(osOf(plan({ point: { disks }, machine: { bootDisk: 'b' } }))).toStrictEqual(['b']);
    expect(osOf(plan({ point: { disks }, machine: { bootDisk: null } }))).toStrictEqual(['a']);
  });

  it('is the first of several that a manifest names, with a warning', () => {
    const two = disks.map((disk) => ({ ...disk, role: 'os' as const }));
    const made = plan({ point: { disks: two } });
    expect(osOf(made)).toStrictEqual(['a']);
    expect(codes(made)).toContain('warning CONTRADICTION');
  });

  it('has no LUN, and its cache writes', () => {
    const [os] = plan().disks;
    expect(os?.lun).toBe(null);
    expect(os?.caching).toBe('ReadWrite');
  });

  it('may have 2 TiB on Generation 1 and 4 TiB on Generation 2', () => {
    const sized = (sizeBytes: number, boots: 'bios' | 'uefi', disksOnly = false): readonly string[] =>
      codes(
        plan({ point: { disks: [aPointDisk({ sizeBytes })] }, machine: { boots: [boots] }, request: { disksOnly } }),
      );
    expect(sized(2048 * GIB, 'bios')).toStrictEqual([]);
    expect(sized(2048 * GIB + 1, 'bios')).toStrictEqual(['error GEN1_OS_DISK_TOO_LARGE']);
    expect(sized(2048 * GIB + 1, 'bios', true)).toStrictEqual(['warning GEN1_OS_DISK_TOO_LARGE']);
    expect(sized(4096 * GIB, 'uefi')).toStrictEqual([]);
    expect(sized(4096 * GIB + 1, 'uefi')).toStrictEqual(['error DISK_SKU']);
  });
});

describe('what a plan reads', () => {
  const found = (location: string, reference = 'nightly-7') =>
    plan({ point: { reference, disks: [aPointDisk({ location, sizeBytes: 3 * GIB })] } });

  it('is in the plan: the point and where each disk lies in the repository, with its size there', () => {
    const made = found('snapshot-a:/sda.img');
    expect(made.restorePoint.reference).toBe('nightly-7');
    const [disk] = made.disks;
    expect([disk?.sourceLocation, disk?.sourceBytes]).toStrictEqual(['snapshot-a:/sda.img', 3 * GIB]);
  });

  it('is part of its hash: another backup under the same name makes another plan', () => {
    const first = found('snapshot-a:/sda.img');
    expect(found('snapshot-b:/sda.img').planHash).not.toBe(first.planHash);
    expect(found('snapshot-a:/sda.img', 'nightly-8').planHash).not.toBe(first.planHash);
    expect(found('snapshot-a:/sda.img').planHash).toBe(first.planHash);
  });
});

describe('the data disks of a plan', () => {
  const os = aPointDisk({ name: 'os', role: 'os' });
  const luns = (made: RestorePlan): Readonly<Record<string, number | null>> =>
    Object.fromEntries(made.disks.map((disk) => [disk.name, disk.lun]));

  it('keep the LUNs of the manifest, and fill the gaps from 0', () => {
    const disks = [os, aPointDisk({ name: 'a' }), aPointDisk({ name: 'b', lun: 0 }), aPointDisk({ name: 'c', lun: 3 })];
    expect(luns(plan({ point: { disks: [...disks, aPointDisk({ name: 'd' })] } }))).toStrictEqual({
      os: null,
      a: 1,
      b: 0,
      c: 3,
      d: 2,
    });
  });

  it('get another LUN where the manifest gives one twice or one that does not exist, with a warning', () => {
    const disks = [
      os,
      aPointDisk({ name: 'a', lun: 1 }),
      aPointDisk({ name: 'b', lun: 1 }),
      aPointDisk({ name: 'c', lun: 64 }),
    ];
    const made = plan({ point: { disks } });
    expect(luns(made)).toStrictEqual({ os: null, a: 1, b: 0, c: 2 });
    expect(codes(made)).toStrictEqual(['warning CONTRADICTION', 'warning CONTRADICTION']);
  });

  it('are never cached for writing', () => {
    const disks = [os, aPointDisk({ name: 'a', caching: 'ReadWrite' }), aPointDisk({ name: 'b', caching: 'ReadOnly' })];
    expect(plan({ point: { disks } }).disks.map((disk) => disk.caching)).toStrictEqual([
      'ReadWrite',
      'None',
      'ReadOnly',
    ]);
  });

  it('may have 32,767 GiB', () => {
    const sized = (sizeBytes: number): readonly string[] =>
      codes(plan({ point: { disks: [os, aPointDisk({ name: 'a', sizeBytes })] } }));
    expect(sized(32_767 * GIB)).toStrictEqual([]);
    expect(sized(32_767 * GIB + 512)).toStrictEqual(['error DISK_SKU']);
  });
});

describe('the size of a planned disk', () => {
  it('is the source in whole GiB, rounded up', () => {
    for (const [source, planned] of [
      [1, 1],
      [GIB, 1],
      [GIB + 1, 2],
      [10 * GIB - 511, 10],
    ] as const) {
      const [disk] = plan({ point: { disks: [aPointDisk({ sizeBytes: source })] } }).disks;
      assert.equal(disk?.sizeBytes, planned * GIB, `${source} bytes`);
      expect(disk?.sourceBytes).toBe(source);
    }
  });

  it('goes with what is used of it, where that is known', () => {
    expect(plan({ usedBytes: { sda: 123 } }).disks[0]?.usedBytes).toBe(123);
    const unmeasured = planRestore({ ...planningFacts(), disks: [{ name: 'sda', usedBytes: null }] });
    expect(unmeasured.disks[0]?.usedBytes).toBe(10 * GIB);
  });
});

describe('the SKU of a planned disk', () => {
  const skus = (made: RestorePlan): readonly string[] => made.disks.map((disk) => disk.sku);

  it('is StandardSSD_LRS unless manifest or request say otherwise', () => {
    expect(skus(plan())).toStrictEqual(['StandardSSD_LRS']);
    expect(skus(plan({ point: { disks: [aPointDisk({ sku: 'Premium_LRS' })] } }))).toStrictEqual(['Premium_LRS']);
    const asked = { destination: { diskSku: 'standard_lrs' } };
    expect(skus(plan({ point: { disks: [aPointDisk({ sku: 'Premium_LRS' })] }, request: asked }))).toStrictEqual([
      'Standard_LRS',
    ]);
  });

  it('is refused where the user asks for one that does not exist or that an OS disk can not have', () => {
    for (const diskSku of ['Golden_LRS', 'PremiumV2_LRS', 'UltraSSD_LRS']) {
      const made = plan({ request: { destination: { diskSku } } });
      expect(codes(made)).toStrictEqual(['error DISK_SKU']);
      expect(made.problems[0]?.message.includes(diskSku)).toBeTruthy();
    }
  });

  it('that exists in zones only needs a zone', () => {
    const disks = [aPointDisk({ name: 'os', role: 'os' }), aPointDisk({ name: 'data' })];
    const request = { disksOnly: true, excludeDisks: ['os'], destination: { diskSku: 'UltraSSD_LRS' } };
    expect(codes(plan({ point: { disks }, request }))).toStrictEqual(['error DISK_SKU']);
    const zoned = plan({
      point: { disks },
      request: { ...request, destination: { ...request.destination, zone: '1' } },
    });
    expect(codes(zoned)).toStrictEqual([]);
    expect(zoned.disks[0]?.caching).toBe('None');
  });

  it('of the manifest is replaced with a warning where it can not be had', () => {
    const made = plan({ point: { disks: [aPointDisk({ sku: 'UltraSSD_LRS' })] } });
    expect(skus(made)).toStrictEqual(['Premium_LRS']);
    expect(codes(made)).toStrictEqual(['warning DISK_SKU']);
  });

  it('can not be premium on a size without premium disks', () => {
    const destination = { size: 'Standard_D2_v2', diskSku: 'Premium_LRS' };
    expect(codes(plan({ request: { destination } }))).toStrictEqual(['error DISK_SKU']);
    const manifest = plan({
      point: { disks: [aPointDisk({ sku: 'Premium_LRS' })] },
      request: { destination: { size: 'Standard_D2_v2' } },
    });
    expect(codes(manifest)).toStrictEqual(['warning DISK_SKU']);
    expect(skus(manifest)).toStrictEqual(['StandardSSD_LRS']);
  });
});

describe('the names of the new disks', () => {
  it('come from the VM and the LUN, and leave room for the suffix of the restore', () => {
    const disks = [aPointDisk({ name: 'x', role: 'os' }), aPointDisk({ name: 'y', lun: 4 })];
    const named = plan({
      point: { disks, machineName: 'ignored' },
      request: { destination: { name: 'n'.repeat(64) } },
    });
    expect(named.disks.map((disk) => disk.azureName)).toStrictEqual([
      `${'n'.repeat(48)}-os`,
      `${'n'.repeat(48)}-data-4`,
    ]);
  });

  it('are fit for Azure even where the name of the machine is not', () => {
    const made = plan({ point: { machineName: '../../etc/ü srv' }, request: { disksOnly: true } });
    expect(made.disks[0]!.azureName).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.-]*-os$/);
  });
});
