import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';

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
  expect([status, stderr]).toStrictEqual([0, '']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line | string);
}

describe('a process that asks for steady memory', () => {
  it('starts anew once, under its number and with its arguments', () => {
    const lines = run({});
    const [first, second, end] = lines as [Line, Line, string];
    expect(lines.length).toBe(3);
    expect(end).toBe('there');
    expect(first.arenas).toBe(undefined);
    expect([second.arenas, second.trim]).toStrictEqual(['2', String(128 * 1024 * 1024)]);
    expect({ pid: second.pid, arguments: second.arguments, flags: second.flags }).toStrictEqual({
      pid: first.pid,
      arguments: ['one', 'two words'],
      flags: first.flags,
    });
  });

  it('goes on as it is where the user has set the allocator', () => {
    const lines = run({ MALLOC_ARENA_MAX: '4' });
    const [only, end] = lines as [Line, string];
    expect([lines.length, only.arenas, only.trim, end]).toStrictEqual([2, '4', undefined, 'there']);
  });
});
