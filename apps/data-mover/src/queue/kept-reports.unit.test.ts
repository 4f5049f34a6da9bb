import { describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
      expect(await kept.left(nobodys)).toStrictEqual([verdict]);
      expect(await kept.left((mover) => mover === 'w-0/a')).toStrictEqual([done, verdict]);
      await kept.strike(done);
      await kept.strike(verdict);
      expect(await kept.left(() => true)).toStrictEqual([]);
    });
  });

  it('leave a verdict as it is when another one says of the same grant that its holder could not be ended', async () => {
    await inFolder(async (_folder, kept) => {
      await kept.keep(verdict);
      await kept.keep(notGone);
      expect(await kept.left(nobodys)).toStrictEqual([verdict]);
      await kept.strike(notGone);
      expect(await kept.left(nobodys)).toStrictEqual([verdict]);
    });
  });

  it('that can’t be read are put aside and told of, and hold up no other', async () => {
    await inFolder(async (folder, kept, unreadable) => {
      await kept.keep(verdict);
      await writeFile(join(folder, 'verdict.r1-sda-move-1.1.json'), '{');
      expect(await kept.left(nobodys)).toStrictEqual([verdict]);
      expect(unreadable).toStrictEqual(['verdict.r1-sda-move-1.1.json']);
      expect(await readdir(folder)).toContain('verdict.r1-sda-move-1.1.json.unreadable');
    });
  });
});
