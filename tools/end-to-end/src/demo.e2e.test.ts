import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { landfall, type DemoView } from './landfall.js';

describe('the demonstration', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'landfall-demo-test-'))));
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('brings three disks of a sample machine to a running VM, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await landfall(['demo', '--json'], folder);
    assert.equal(code, 0, stderr);
    const shown = JSON.parse(stdout) as DemoView;
    expect(shown.equal).toBe(true);
    expect(shown.power).toBe('running');
    expect(shown.restore.state).toBe('completed');
    expect(shown.restore.disks.map(({ role, lun }) => [role, lun])).toStrictEqual([
      ['os', null],
      ['data', 0],
      ['data', 1],
    ]);
    expect(shown.phases.map(({ name }) => name)).toStrictEqual([
      'sample machine',
      'restic backup',
      'stack up',
      'repo add',
      'plan',
      'restore',
      'virtual machine',
      'compare',
    ]);
    assert.equal(existsSync(dirname(shown.data)), false, 'the sample machine and the stack are still there');
  });
});
