import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { aRestorePlan } from '@landfall/testing';
import { describeStruck, DISK_FAULTS, parseStruck } from '../afflictions/plan.js';
import { failedForGood } from './failed-disks.js';

const WORKER = 'landfall-worker-r1-0';

describe('what has struck a disk', () => {
  it('is read as it was written, and nothing else is', () => {
    for (const kind of DISK_FAULTS) {
      const struck = { kind, workerId: WORKER, lun: 3 };
      expect(parseStruck(`worker: ${describeStruck(struck)}`)).toStrictEqual(struck);
    }
    for (const line of [
      'planner: clock 3600000',
      'worker: EIO',
      'worker: EIO of LUN x of w',
      'worker: odd of LUN 1 of w',
    ]) {
      assert.equal(parseStruck(line), null, line);
    }
  });
});

describe('disks that have failed for good', () => {
  const plan = { ...aRestorePlan(), workers: [{ size: 'S', disks: ['sda', 'sdb'] }] };
  const restore = { id: 'r1', plan };
  const line = (kind: (typeof DISK_FAULTS)[number], lun = 1, workerId = WORKER): string =>
    `worker: ${describeStruck({ kind, lun, workerId })}`;

  it('are those of this restore, by their names in its plan, with the code that they stand for', () => {
    const struck = [line('EIO'), line('failed flush', 0, `${WORKER}-2`), line('ENOSPC', 0, 'landfall-worker-r2-0')];
    expect(failedForGood([...struck, 'planner: clock 5'], restore)).toStrictEqual([
      { restoreId: 'r1', diskName: 'sdb', code: 'TARGET_FAILED' },
      { restoreId: 'r1', diskName: 'sda', code: 'TARGET_FLUSH_FAILED' },
    ]);
  });

  it('are not those that a restore gets over', () => {
    expect(failedForGood([line('short write'), line('lost write')], restore)).toStrictEqual([]);
  });
});
