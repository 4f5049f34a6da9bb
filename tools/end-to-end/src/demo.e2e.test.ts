import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { landfall, Stack, type RestoreView, type StackFile } from './landfall.js';

interface DemoView {
  readonly equal: boolean;
  readonly data: string;
  readonly power: string;
  readonly restore: RestoreView;
  readonly disks: readonly { readonly name: string; readonly sizeBytes: number; readonly sha256: string }[];
  readonly phases: readonly { readonly name: string; readonly seconds: number }[];
}

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

  it('leaves its stack up with --keep, with disks that hash to what it says', async () => {
    const { code, stdout, stderr } = await landfall(['demo', '--keep', '--disks', '1', '--json'], folder);
    assert.equal(code, 0, stderr);
    const shown = JSON.parse(stdout) as DemoView;
    const kept = Stack.at(folder, shown.data);
    try {
      const { api, token } = (await kept.file()) satisfies StackFile;
      const answer = await fetch(`${api}/v1/restores/${shown.restore.id}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(answer.status).toBe(200);
      const [disk] = shown.disks;
      const file = await kept.restoredFile(shown.restore.disks[0]?.azureId ?? '');
      assert.ok(disk);
      expect(await sha256(file, disk.sizeBytes)).toBe(disk.sha256);
    } finally {
      await kept.run(['down']);
      await rm(dirname(shown.data), { recursive: true, force: true });
    }
  });
});

/** Of the first bytes of a file: behind a disk's content are zeros up to the next GiB. */
async function sha256(path: string, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path);
  for await (const chunk of file.createReadStream({ end: bytes - 1, highWaterMark: 4 << 20 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
