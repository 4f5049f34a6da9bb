import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as planted from '../planted/parsers.js';
import { fuzzTarget } from './campaign.js';
import { judge } from './judge.js';
import { sentenceOf } from './report.js';
import { inputOf, shareOut } from './target.js';
import { TARGETS } from './targets/all.js';

const SEED = 13;
const RUNS = 250;

describe(`Fuzzing with seed ${SEED}`, () => {
  const shares = shareOut(TARGETS, RUNS);
  for (const [index, target] of TARGETS.entries()) {
    const runs = shares[index]!;
    test(`finds that ${target.name} is read or refused, and accepted where it is valid, in ${runs} runs`, async () => {
      const fuzzed = target.make();
      const valid = fuzzed.inputs.length;
      for (let run = 0; run < runs; run += 1) {
        // What is made to take time and memory is left to the command, which measures both.
        const number = run < valid ? run : run + (fuzzed.hostile?.length ?? 0);
        const { violations } = await judge(fuzzed, inputOf(target, fuzzed, SEED, number));
        assert.deepEqual(violations, [], `run ${number}`);
      }
    });
  }

  test('makes the same input for the same run each time, and another one for another seed', () => {
    for (const target of TARGETS.slice(0, 2)) {
      const input = (seed: number) => inputOf(target, target.make(), seed, 999).bytes;
      expect(input(SEED)).toStrictEqual(input(SEED));
      expect(input(SEED)).not.toStrictEqual(input(SEED + 1));
    }
  });

  test('makes exactly as many runs as were asked for', () => {
    for (const runs of [0, 1, 17, 100_000]) {
      expect(shareOut(TARGETS, runs).reduce((sum, share) => sum + share, 0)).toBe(runs);
    }
  });
});

test('A process that fuzzes waits for a reader who is late, and tells of every run', async () => {
  const module = new URL('./targets/all.js', import.meta.url).href;
  // More lines than a pipe holds.
  const order = { module, target: 'manifest', seed: SEED, from: 0, to: 6_000 };
  const program = fileURLToPath(new URL('./fuzz-process.js', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await Promise.race([ended, untilIdle(child.pid!)]);
  let text = '';
  for await (const part of child.stdout.setEncoding('utf8')) text += String(part);
  expect(await ended).toStrictEqual([0, null]);
  const runs = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { run: number }).run);
  expect(runs).toStrictEqual([...Array(6_000).keys()]);
});

/** It has begun, and takes hardly any processor time any more. */
async function untilIdle(pid: number): Promise<void> {
  for (let before = 0, idle = 0; idle < 5;) {
    await pause(200);
    // Behind the name, which may hold anything: state, and 10 fields on user and system time.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    idle = ticks > 50 && ticks - before < 4 ? idle + 1 : 0;
    before = ticks;
  }
}

describe('A planted parser', () => {
  const module = new URL('../planted/parsers.js', import.meta.url).href;
  const expected: Readonly<Record<string, RegExp>> = {
    throws: /no error of the product was thrown, but TypeError/,
    'takes-memory': /it took (?:39|40)\d MiB of memory/,
    'takes-all-memory': /heap out of memory|MiB of memory/,
    'never-ends': /did not end within 1 s of processor time/,
    'never-answers': /the process ended with 13/,
  };
  for (const target of planted.TARGETS) {
    test(`that ${target.name} is told with its run and its input, and the runs go on`, async () => {
      // Only the endless one is to be ended for its time: to fill memory takes seconds on a slow machine.
      const hangMs = target.name === 'never-ends' ? 1_000 : 60_000;
      const report = await fuzzTarget(target, { seed: SEED, runs: 6, module, hangMs });
      expect(report.runs).toBe(6);
      expect(report.violations.map(({ run }) => run)).toStrictEqual([2]);
      const sentence = sentenceOf(report.violations[0]!);
      expect(sentence).toMatch(expected[target.name]!);
      assert.ok(sentence.includes(Buffer.from('hostile').toString('hex')), sentence);
    });
  }
});
