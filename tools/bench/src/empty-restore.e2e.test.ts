import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

describe('The benchmarks of restores through all services', () => {
  it('start a stack of a build, restore by it, report what they have measured, and leave nothing behind', async () => {
    const { stdout, stderr } = await run(process.execPath, [MAIN, 'empty-restore', '--repeat', '1', '--json']);
    const report = JSON.parse(stdout) as {
      readonly results: readonly { readonly seconds: number }[];
      readonly medianSeconds: number;
      readonly steps: Readonly<Record<string, number>>;
    };
    expect(report.results).toStrictEqual([{ seconds: report.medianSeconds }]);
    expect(report.medianSeconds).toBeGreaterThan(0);
    expect(Object.keys(report.steps)).toStrictEqual(expect.arrayContaining(['plan', 'launch-worker', 'create-vm']));
    const folder = /^Working in (\S+),/m.exec(stderr)![1]!;
    await expect(access(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
