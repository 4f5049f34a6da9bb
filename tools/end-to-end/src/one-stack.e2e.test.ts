import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { restoresOfArchivedBackups } from './archived-repository.fixture.test.js';
import { badInputLeavesNothing } from './bad-input.fixture.test.js';
import { Stack, type DemoView, type OriginalDemoView } from './landfall.js';
import { restoresOfPlainImages } from './restic-to-vm.fixture.test.js';
import { takenOverWorker } from './taken-over-worker.fixture.test.js';

/*
 * Whatever needs no stack of its own, one after another on one: to start one takes longer than most of what is tried on it.
 */
let stack: Stack;
beforeAll(async () => {
  // Nobody may do alone what takes two.
  stack = await Stack.up({ LANDFALL_SELF_APPROVAL: 'no' });
});
afterAll(() => stack.down());

badInputLeavesNothing(() => stack);
restoresOfPlainImages(() => stack);
restoresOfArchivedBackups(() => stack);

describe('the demonstration on a stack that runs', () => {
  it('leaves what it has made with --keep: a restore, and a disk that hashes to what it says', async () => {
    // Its own folder lies in the stack's, and goes with that.
    const { code, stdout, stderr } = await stack.run(['demo', '--keep', '--disks', '1', '--json'], {
      TMPDIR: stack.folder,
    });
    assert.equal(code, 0, stderr);
    const shown = JSON.parse(stdout) as DemoView;
    const { api, token } = await stack.file();
    const answer = await fetch(`${api}/v1/restores/${shown.restore.id}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(200);
    const [disk] = shown.disks;
    const file = await stack.restoredFile(shown.restore.disks[0]?.azureId ?? '');
    assert.ok(disk);
    expect(await sha256(file, disk.sizeBytes)).toBe(disk.sha256);
    expect(stderr).toMatch(/The sample machine and its backup stay in/);
  });

  it('brings a VM back to its original place, which somebody else approves, and rolls that back', async () => {
    const { code, stdout, stderr } = await stack.run(['demo', '--original', '--disks', '2', '--json'], {
      TMPDIR: stack.folder,
    });
    assert.equal(code, 0, stderr);
    const shown = JSON.parse(stdout) as OriginalDemoView;
    expect(shown.equal).toBe(true);
    expect(shown.power).toBe('running');
    expect(shown.restore.state).toBe('rolled-back');
    expect(shown.disks.map(({ equal }) => equal)).toStrictEqual([true, true]);
    expect(shown.back.map(({ equal }) => equal)).toStrictEqual([true, true]);
    expect(shown.fidelity.length).toBeGreaterThan(0);
    expect(shown.fidelity.filter(({ why }) => why.startsWith('Not known'))).toStrictEqual([]);
    expect(stderr).toMatch(/is stopped: from here on it is out of use/);
  });
});

// Last: it makes every worker slow.
takenOverWorker(() => stack);

/** Of the first bytes of a file: behind a disk's content are zeros up to the next GiB. */
async function sha256(path: string, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path);
  for await (const chunk of file.createReadStream({ end: bytes - 1, highWaterMark: 1 << 20 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
