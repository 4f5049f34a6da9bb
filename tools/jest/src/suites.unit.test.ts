import { expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inOrder, LONGEST_FIRST } from './suites.js';

const workspace = new URL('../../../', import.meta.url);

test('what takes longest comes first, whatever its suite, then whole stacks, and last what needs no server', () => {
  const [matrix, restic] = LONGEST_FIRST;
  const files = ['a/z.int.test.js', 'a/b.e2e.test.js', restic!, 'c/d.unit.test.js', 'a/a.int.test.js', matrix!];
  expect(files.sort(inOrder)).toStrictEqual([
    ...[matrix, restic, 'a/b.e2e.test.js'],
    ...['a/a.int.test.js', 'a/z.int.test.js', 'c/d.unit.test.js'],
  ]);
});

test('every file that is named as long is there', () => {
  expect(LONGEST_FIRST.filter((file) => !existsSync(fileURLToPath(new URL(file, workspace))))).toStrictEqual([]);
});
