import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import type { PointDisk, RestorePoint } from '@landfall/domain';
import { viewOfPoint } from './point-view.js';

describe('the view of a restore point', () => {
  it('takes the first disk for the OS disk where nothing else is said', () => {
    const view = viewOfPoint(point({ disks: [disk('sda'), disk('sdb')] }), false);
    expect(view.disks.map(({ name, role, lun }) => [name, role, lun])).toStrictEqual([
      ['sda', 'os', null],
      ['sdb', 'data', null],
    ]);
  });

  it("keeps the manifest's roles and LUNs", () => {
    const disks = [disk('logs', { role: 'data', lun: 4 }), disk('root', { role: 'os' }), disk('extra')];
    expect(viewOfPoint(point({ disks }), false).disks.map(({ role, lun }) => [role, lun])).toStrictEqual([
      ['data', 4],
      ['os', null],
      ['data', null],
    ]);
  });

  it('gives away nothing of where the images lie', () => {
    const text = JSON.stringify(viewOfPoint(point({ disks: [disk('sda')] }), false));
    expect(text).not.toMatch(/opaque-location|secret-of-azure/);
  });

  it('is restorable unless it can never be', () => {
    const error = { severity: 'error', code: 'CHAIN_BROKEN', message: 'm', fix: 'f' } as const;
    const cases: [string, boolean, Partial<RestorePoint>, boolean][] = [
      ['as it is', true, {}, false],
      ['of files', false, { level: 'file' }, false],
      ['of volumes', true, { level: 'volume' }, false],
      ['without disks', false, { disks: [] }, false],
      ['with an error', false, { problems: [error] }, false],
      ['with a warning', true, { problems: [{ ...error, severity: 'warning' }] }, false],
      ['at a service provider', false, {}, true],
    ];
    for (const [name, restorable, change, hosted] of cases) {
      assert.equal(viewOfPoint(point(change), hosted).restorable, restorable, name);
    }
  });
});

function disk(name: string, change: Partial<PointDisk> = {}): PointDisk {
  return { name, location: `opaque-location/${name}`, sizeBytes: 1024, ...change };
}

function point(change: Partial<RestorePoint>): RestorePoint {
  return {
    id: 'rp-0123456789',
    repositoryName: 'nightly',
    machineId: 'm-1',
    reference: 'ab'.repeat(32),
    machineKey: 'host /disk.raw',
    machineName: 'web',
    aliases: [],
    takenAt: new Date('2026-01-02T03:04:05Z'),
    kind: 'image',
    level: 'computer',
    disks: [disk('sda')],
    azure: { note: 'secret-of-azure' },
    hasManifest: false,
    problems: [],
    ...change,
  };
}
