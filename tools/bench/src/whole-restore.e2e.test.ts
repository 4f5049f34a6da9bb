import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
const THIS = fileURLToPath(new URL('../../..', import.meta.url));

describe('The benchmark of whole restores', () => {
  it('restores a disk by both builds, reports the pair, and leaves nothing behind', async () => {
    const parameters = ['whole-restore', '--against', THIS, '--size', '32MiB', '--pairs', '1', '--json'];
    const { stdout, stderr } = await run(process.execPath, [MAIN, ...parameters]);
    const report = JSON.parse(stdout) as {
      readonly results: readonly { readonly thisSeconds: number; readonly otherSeconds: number }[];
      readonly medianRatio: number;
    };
    expect(report.results.length).toBe(1);
    const [pair] = report.results;
    expect(pair!.thisSeconds > 0 && pair!.otherSeconds > 0).toBe(true);
    expect(Math.abs(report.medianRatio - pair!.otherSeconds / pair!.thisSeconds)).toBeLessThan(0.02);
    const folder = /^Working in (\S+),/m.exec(stderr)![1]!;
    await expect(access(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
