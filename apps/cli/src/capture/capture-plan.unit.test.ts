import { describe, expect, it } from '@jest/globals';
import type { InspectedDisk, Inspection } from '@landfall/disk';
import type { CaptureOptions } from './capture-options.js';
import { diskPaths, planCapture } from './capture-plan.js';

function options(given: Partial<CaptureOptions>): CaptureOptions {
  return { repo: 'r', machine: 'web', level: 'computer', ...given };
}

function inspected(...disks: readonly (readonly [number, string][])[]): Inspection {
  return {
    disks: disks.map((partitions, index): InspectedDisk => ({
      path: `disk ${index}`,
      sizeBytes: 1000,
      sectorBytes: 512,
      table: 'mbr',
      content: null,
      state: null,
      partitions: partitions.map(([number, type]) => ({
        ...{ number, type, typeName: null, name: null, content: null, inner: null, state: 'empty' as const },
        startByte: number * 100,
        sizeBytes: 50,
      })),
    })),
    volumeGroups: [],
    os: null,
    firmware: null,
    boots: [],
    bootEvidence: [],
    problems: [],
  };
}

describe('the plan of a capture', () => {
  it('names the disks after their files, and never two alike', () => {
    const disk = ['/a/os.raw', '/b/os.img', '/dev/sd b', '/c/OS'];
    const plan = planCapture(options({ disk }), inspected([], [], [], []));
    expect(plan.disks.map(({ name, fileName }) => [name, fileName])).toStrictEqual([
      ['os', 'os.raw'],
      ['os-2', 'os-2.raw'],
      ['sd-b', 'sd-b.raw'],
      ['OS-3', 'OS-3.raw'],
    ]);
    expect(new Set(plan.disks.map(({ name }) => name.toLowerCase())).size).toBe(4);
    expect(plan.tags).toStrictEqual([`landfall-point=${plan.pointId}`]);
  });

  it('leaves out the partitions that were not asked for, but no extended one', () => {
    const given = options({ level: 'volume', volume: ['/a/d.raw:1', '/a/d.raw:5'] });
    const plan = planCapture(
      given,
      inspected([
        [1, '83'],
        [2, '82'],
        [4, '5'],
        [5, '83'],
        [6, '83'],
      ] as const),
    );
    expect(plan.disks[0]!.volumes).toStrictEqual([1, 5]);
    expect(plan.disks[0]!.leftOut).toStrictEqual([
      { startByte: 200, sizeBytes: 50 },
      { startByte: 600, sizeBytes: 50 },
    ]);
  });

  it('keeps nothing of a disk of which no volume was asked for', () => {
    const given = options({ level: 'volume', disk: ['/a', '/b'], volume: ['/a:1'] });
    const plan = planCapture(given, inspected([[1, '83']], [[1, '83']]));
    expect(plan.disks[1]!.volumes).toStrictEqual([]);
    expect(plan.disks[1]!.leftOut).toStrictEqual([{ startByte: 100, sizeBytes: 50 }]);
  });

  it('takes the disks from the volumes where no disk is named', () => {
    expect(diskPaths(options({ level: 'volume', volume: ['/b:1', '/a:2', '/b:3'] }))).toStrictEqual(['/b', '/a']);
  });

  const refused: readonly [string, Partial<CaptureOptions>, string][] = [
    ['no disk', {}, 'DISK_MISSING'],
    ['a disk twice', { disk: ['/a/../b', '/b'] }, 'DISK_TWICE'],
    ['volumes of a whole computer', { disk: ['/a'], volume: ['/a:1'] }, 'CONTRADICTION'],
    ['level volume without a volume', { disk: ['/a'], level: 'volume' }, 'CONTRADICTION'],
    ['a volume without a number', { level: 'volume', volume: ['/a'] }, 'VOLUME_INVALID'],
    ['a volume of another disk', { level: 'volume', disk: ['/a'], volume: ['/b:1'] }, 'CONTRADICTION'],
    ['a volume that is not there', { level: 'volume', volume: ['/a:7'] }, 'VOLUME_NOT_FOUND'],
    ['a machine without a name', { disk: ['/a'], machine: ' ' }, 'MACHINE_NAME_INVALID'],
  ];
  for (const [what, given, code] of refused) {
    it(`is refused for ${what}`, () => {
      expect(() => planCapture(options(given), inspected([[1, '83']]))).toThrow(expect.objectContaining({ code }));
    });
  }
});
