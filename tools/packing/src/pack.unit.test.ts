import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pack } from './pack.js';

describe('packed programs', () => {
  let folder: string;
  let packed: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall-packing-'));
    packed = join(folder, 'out/programs');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('start as they did, from their own files alone', async () => {
    await write('one/main.js', "import { told } from '../both/both.js'; console.log(told('one'));");
    await write('two/main.js', "import { told } from '../both/both.js'; console.log(told('two'));");
    await write('both/both.js', "import words from './words.cjs'; export const told = (name) => words.greeting(name);");
    await write('both/words.cjs', 'module.exports.greeting = (name) => `${name} is here`;');
    await packOf('one', 'two');
    await rm(join(folder, 'both'), { recursive: true });
    expect(await run('one')).toBe('one is here');
    expect(await run('two')).toBe('two is here');
  });

  it('hold once what several of them load', async () => {
    await write('common.js', "globalThis.loads = (globalThis.loads ?? 0) + 1; export const text = 'a'.repeat(3);");
    await write(
      'one/main.js',
      "import { text } from '../common.js'; const { again } = await import('./again.js'); console.log(text, again, loads);",
    );
    await write('one/again.js', "import { text } from '../common.js'; export const again = text.length;");
    await packOf('one');
    expect(await run('one')).toBe('aaa 3 1');
  });

  it('find beside their modules what was there before: files, threads, what the older kind of modules asks for', async () => {
    await write(
      'one/main.js',
      [
        "import { readFileSync } from 'node:fs'; import old from './deep/old.cjs';",
        "console.log(readFileSync(new URL('./note.txt', import.meta.url), 'utf8'), old.note, old.file, old.name);",
      ].join('\n'),
    );
    await write('one/note.txt', 'beside');
    await write('one/deep/note.txt', 'deeper');
    await write(
      'one/deep/old.cjs',
      [
        "const { readFileSync } = require('fs'); const { join } = require('path');",
        "module.exports.note = readFileSync(join(__dirname, 'note.txt'), 'utf8');",
        'module.exports.file = __filename;',
        "module.exports.name = require('node:path').basename(__filename);",
      ].join('\n'),
    );
    await packOf('one');
    expect(await run('one')).toBe(`beside deeper ${join(folder, 'one/deep/old.cjs')} old.cjs`);
  });

  it('call their classes and functions by their own names', async () => {
    await write('a.js', 'export class Books {} export function count() {}');
    await write('b.js', 'export class Books {} export function count() {}');
    await write(
      'one/main.js',
      "import * as a from '../a.js'; import * as b from '../b.js'; console.log(a.Books.name, b.Books.name, a.count.name, b.count.name);",
    );
    await packOf('one');
    expect(await run('one')).toBe('Books Books count count');
  });

  it('stay as they were when one can no longer be packed', async () => {
    await write('one/main.js', "console.log('as it was');");
    await packOf('one');
    await write('one/main.js', "import './gone.js';");
    await expect(packOf('one')).rejects.toThrow(/gone\.js/);
    expect(await run('one')).toBe('as it was');
  });

  it('leave nothing of the last time', async () => {
    await write('one/main.js', 'console.log(1);');
    await write('two/main.js', 'console.log(2);');
    await packOf('one', 'two');
    await packOf('two');
    expect(await readdir(packed)).toStrictEqual(['two.js']);
  });

  async function write(path: string, text: string): Promise<void> {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  }

  const packOf = (...names: string[]): Promise<void> =>
    pack(Object.fromEntries(names.map((name) => [name, join(folder, name, 'main.js')])), packed);

  async function run(name: string): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [join(packed, `${name}.js`)]);
    return stdout.trim();
  }
});
