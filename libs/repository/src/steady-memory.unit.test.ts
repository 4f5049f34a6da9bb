import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';

const MODULE = new URL('./steady-memory.js', import.meta.url).href;
/** Prints a line before it asks for the new start, and one when it is there. */
const PROGRAM = `
  import { startWithSteadyMemory } from ${JSON.stringify(MODULE)};
  const { MALLOC_ARENA_MAX: arenas, MALLOC_TRIM_THRESHOLD_: trim } = process.env;
  console.log(JSON.stringify({ pid: process.pid, arguments: process.argv.slice(1), flags: process.execArgv.length, arenas, trim }));
  startWithSteadyMemory();
  console.log('"there"');`;

interface Line {
  readonly pid: number;
  readonly arguments: readonly string[];
  readonly flags: number;
  readonly arenas?: string;
  readonly trim?: string;
}

function run(environment: NodeJS.ProcessEnv): readonly (Line | string)[] {
  const words = ['--input-type=module', '--eval', PROGRAM, '--', 'one', 'two words'];
  const env = { PATH: process.env['PATH'], ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { env, encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line | string);
}

describe('a process that asks for steady memory', () => {
  it('starts anew once, under its number and with its arguments', () => {
    const lines = run({});
    const [first, second, end] = lines as [Line, Line, string];
    assert.equal(lines.length, 3);
    assert.equal(end, 'there');
    assert.equal(first.arenas, undefined);
    assert.deepEqual([second.arenas, second.trim], ['2', String(128 * 1024 * 1024)]);
    assert.deepEqual(
      { pid: second.pid, arguments: second.arguments, flags: second.flags },
      { pid: first.pid, arguments: ['one', 'two words'], flags: first.flags },
    );
  });

  it('goes on as it is where the user has set the allocator', () => {
    const lines = run({ MALLOC_ARENA_MAX: '4' });
    const [only, end] = lines as [Line, string];
    assert.deepEqual([lines.length, only.arenas, only.trim, end], [2, '4', undefined, 'there']);
  });
});
