import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

function bench(...parameters: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...parameters], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('The benchmark of restic restore', () => {
  for (const [kind, size] of [
    [[], '144MiB'],
    [['--half-empty'], '32MiB'],
  ] as const) {
    test(`restores ${kind.length > 0 ? 'a half-empty' : 'a dense'} disk alike with both, reports both, and leaves nothing behind`, async () => {
      const { code, stdout, stderr } = await bench(
        'restic-restore',
        '--size',
        size,
        '--repeat',
        '1',
        '--json',
        ...kind,
      );
      assert.equal(code, 0, stderr);
      const report = JSON.parse(stdout) as Record<string, Record<string, number>>;
      for (const name of ['restic', 'landfall']) {
        for (const measure of ['wallSeconds', 'cpuSeconds', 'peakBytes']) {
          assert.ok(report[name]![measure]! > 0, `${name} ${measure}`);
        }
      }
      const speed = report['restic']!['wallSeconds']! / report['landfall']!['wallSeconds']!;
      expect(Math.abs(report['ratios']!['speed']! - speed)).toBeLessThan(0.01);
      const folder = /^Working in (\S+),/m.exec(stderr)![1]!;
      await expect(access(folder)).rejects.toMatchObject({ code: 'ENOENT' });
    });
  }
});

describe('The benchmark of the page-blob endpoint', () => {
  test('writes the same disk in three ways, reports each against the plain file, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await bench('page-blob', '--size', '24MiB', '--repeat', '1', '--json');
    assert.equal(code, 0, stderr);
    const report = JSON.parse(stdout) as Record<string, Record<string, number>>;
    for (const way of ['file', 'https', 'client']) {
      const { megabytesPerSecond, ratioToFile } = report[way]!;
      assert.ok(megabytesPerSecond! > 0, way);
      const ratio = megabytesPerSecond! / report['file']!['megabytesPerSecond']!;
      assert.ok(Math.abs(ratioToFile! - ratio) < 0.011, way);
    }
    const folder = /^Working in (\S+),/m.exec(stderr)![1]!;
    await expect(access(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('The benchmarks', () => {
  test('say how they are used when they are called wrongly', async () => {
    const calls = [
      [],
      ['other'],
      ['restic-restore', '--size', '2'],
      ['restic-restore', '--repeat', '0'],
      ['restic-restore', '--no'],
      ['page-blob', 'restic-restore'],
      ['whole-restore'],
      ['whole-restore', '--against', '.', '--pairs', '0'],
      ['page-blob', '--against', '.'],
    ];
    for (const parameters of calls) {
      const { code, stderr } = await bench(...parameters);
      assert.equal(code, 2, parameters.join(' '));
      expect(stderr).toMatch(/Usage/);
    }
  });

  test('compare with a built checkout only', async () => {
    const { code, stderr } = await bench('whole-restore', '--against', '/nowhere');
    expect(code).toBe(1);
    expect(stderr).toMatch(/CHECKOUT_NOT_BUILT: \/nowhere holds no built checkout/);
  });
});
