import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Report } from '@landfall/transfer';
import { type KeptReport, KeptReports } from './kept-reports.js';

async function inFolder(
  use: (folder: string, kept: KeptReports, unreadable: string[]) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'landfall-kept-'));
  const unreadable: string[] = [];
  try {
    await use(folder, await KeptReports.in(folder, (file) => void unreadable.push(file)), unreadable);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const reportOf = (mover: string, result: Report['result']): KeptReport => ({
  segmentId: 'r1-sda-move-0',
  report: { restoreId: 'r1', epoch: 1, mover, result },
});
const verdict = reportOf('w-0/a', { kind: 'failed', code: 'TARGET_FLUSH_FAILED' });
const notGone = reportOf('w-0/a', { kind: 'failed', code: 'WRITER_NOT_GONE' });
const done = reportOf('w-0/a', { kind: 'done', bytesRead: 1, bytesWritten: 1, bytesZero: 0, milliseconds: 1 });
const nobodys = (): boolean => false;

describe('reports that have not been answered', () => {
  it('are found by their mover’s name, verdicts by everybody', async () => {
    await inFolder(async (_folder, kept) => {
      await kept.keep(done);
      await kept.keep(verdict);
      assert.deepEqual(await kept.left(nobodys), [verdict]);
      assert.deepEqual(await kept.left((mover) => mover === 'w-0/a'), [done, verdict]);
      await kept.strike(done);
      await kept.strike(verdict);
      assert.deepEqual(await kept.left(() => true), []);
    });
  });

  it('leave a verdict as it is when another one says of the same grant that its holder could not be ended', async () => {
    await inFolder(async (_folder, kept) => {
      await kept.keep(verdict);
      await kept.keep(notGone);
      assert.deepEqual(await kept.left(nobodys), [verdict]);
      await kept.strike(notGone);
      assert.deepEqual(await kept.left(nobodys), [verdict]);
    });
  });

  it('that can’t be read are put aside and told of, and hold up no other', async () => {
    await inFolder(async (folder, kept, unreadable) => {
      await kept.keep(verdict);
      await writeFile(join(folder, 'verdict.r1-sda-move-1.1.json'), '{');
      assert.deepEqual(await kept.left(nobodys), [verdict]);
      assert.deepEqual(unreadable, ['verdict.r1-sda-move-1.1.json']);
      assert.ok((await readdir(folder)).includes('verdict.r1-sda-move-1.1.json.unreadable'));
    });
  });
});
