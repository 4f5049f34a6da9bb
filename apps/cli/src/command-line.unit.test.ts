import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { LandfallCommand, runProgram } from './command-line.js';
import { describeCommands } from './commands/index.js';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function landfall(...words: readonly string[]): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const code = await runProgram(describeCommands, words, {
    terminal: {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
    },
    signal: new AbortController().signal,
  });
  return { code, stdout, stderr };
}

describe('the command line', () => {
  let empty: string;
  beforeAll(() => {
    empty = mkdtempSync(join(tmpdir(), 'landfall-cli-'));
  });
  afterAll(() => rmSync(empty, { recursive: true }));

  it('shows its commands and exit codes on standard output with --help', async () => {
    const { code, stdout, stderr } = await landfall('--help');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const command of ['demo', 'up', 'repo', 'capture', 'plan', 'restore', 'rollback', 'azure']) {
      expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    }
    expect(stdout).toMatch(/Exit codes: 0 done/);
  });

  it('takes the folder of the stack, and --json, before the name of the command as well as behind it', async () => {
    const folder = join(empty, 'nowhere');
    for (const words of [
      ['--data', folder, '--json', 'restores'],
      ['restores', '--data', folder, '--json'],
      ['--data', folder, 'restores', '--json'],
    ]) {
      const { code, stderr } = await landfall(...words);
      expect(code).toBe(5);
      const { error } = JSON.parse(stderr) as { error: { message: string } };
      assert.ok(error.message.includes(folder), stderr);
    }
  });

  const wrong: readonly [string, readonly string[], RegExp][] = [
    ['an unknown command', ['frobnicate'], /unknown command 'frobnicate'/],
    ['a command of a later version', ['settle', 'r123'], /unknown command 'settle'/],
    ['an unknown option', ['restores', '--nope'], /unknown option '--nope'/],
    ['too many words', ['show', 'a', 'b'], /too many arguments/],
    ['a missing word', ['show'], /missing required argument 'id'/],
    ['a missing option', ['plan', '--to', 'new'], /--point <id>/],
    ['a place that does not exist', ['plan', '--point', 'p', '--to', 'moon'], /new, original/],
    ['a generation that does not exist', restoring('--generation', '3'), /auto, 1, 2/],
    ['a verification that does not exist', restoring('--verify', 'sometimes'), /none, sampled, full/],
    ['a transfer that does not exist', restoring('--transfer', 'carrier-pigeon'), /worker, direct/],
    ['an address that is none', restoring('--private-ip', '10.20.1.300'), /IPv4 address/],
    ['a boot check that does not exist', restoring('--boot-check', 'maybe'), /none, running, serial/],
    ['a number that is none', ['up', '--movers', 'many'], /whole number from 0 to 32/],
    [
      'a kind of repository that does not exist',
      ['repo', 'add', 'x', '--url', '/x', '--kind', 'tape'],
      /restic, images/,
    ],
    ['a role that does not exist', ['token', 'create', 'bob', '--role', 'king'], /viewer, operator, approver, admin/],
    ['days that are none', ['token', 'create', 'bob', '--role', 'viewer', '--days', '1.5'], /whole number from 1 to/],
    ['a level that can not be captured', capturing('--level', 'file'), /computer, volume/],
  ];
  for (const [what, words, message] of wrong) {
    it(`refuses ${what} with exit code 2 and nothing on standard output`, async () => {
      const { code, stdout, stderr } = await landfall(...words);
      assert.equal(code, 2, stderr);
      expect(stdout).toBe('');
      expect(stderr).toMatch(message);
    });

    it(`refuses ${what} as JSON where --json is given`, async () => {
      const { code, stdout, stderr } = await landfall(...words, '--json');
      expect(code).toBe(2);
      expect(stdout).toBe('');
      const { error } = JSON.parse(stderr) as { error: Record<string, string> };
      expect(Object.keys(error)).toStrictEqual(['code', 'message', 'fix']);
      expect(error.code).toBe('USAGE');
    });
  }

  it('takes no empty word, "." or ".." for an id or a name, in any command', async () => {
    const withWords = [
      ...[
        'show',
        'watch',
        'events',
        'cancel',
        'resume',
        'rollback',
        'purge',
        'approve',
        'point show',
        'point list',
        'repo rescan',
        'repo remove',
      ],
      ...['azure show', 'azure disk-path', 'azure faults clear', 'repo add --kind restic --url /x'],
      ...['restore --to new --point', 'plan --to new --point', 'token create --role viewer', 'token revoke'],
    ];
    const known = new Set(withWords.map((words) => words.replace(/ --.*$/, '')));
    expect(argumentsOf().filter((name) => !known.has(name))).toStrictEqual(['test', 'inspect', 'azure delay']);
    for (const words of withWords) {
      for (const id of ['', '.', '..', ' ', '../machines', 'a\nb', '-']) {
        if (id === '../machines' && /azure (show|disk)|point list/.test(words)) continue;
        if (id === '-' && /azure (show|disk)|point list/.test(words)) continue;
        const { code, stdout, stderr } = await landfall(...words.split(' '), id, '--data', empty);
        expect({ words, id, code, stdout }).toStrictEqual({ words, id, code: 2, stdout: '' });
        expect(stderr).toMatch(/^ID_INVALID: ".*" is not the (id|name)/);
      }
    }
  });

  it('refuses an empty --data, which would be the working directory', async () => {
    expect(await landfall('restores', '--data', '')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^USAGE/),
    });
  });

  it('ends with 5 where no stack runs, and says how to start one', async () => {
    const { code, stdout, stderr } = await landfall('restores', '--data', empty);
    expect(code).toBe(5);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^STACK_NOT_RUNNING: /);
    expect(stderr).toContain(`./landfall up --detach --data ${empty}`);
  });

  it('ends with 5 where the stack does not answer', async () => {
    const dead = { api: 'http://127.0.0.1:9', azure: 'https://127.0.0.1:9', token: 't', processes: [] };
    writeFileSync(join(empty, 'stack.json'), JSON.stringify(dead));
    const { code, stderr } = await landfall('restores', '--json', '--data', empty);
    expect(code).toBe(5);
    expect((JSON.parse(stderr) as { error: { code: string } }).error.code).toBe('STACK_UNREACHABLE');
    writeFileSync(join(empty, 'stack.json'), '{"api":');
    expect((await landfall('restores', '--data', empty)).code).toBe(5);
  });
});

/** The commands that take words besides options. */
function argumentsOf(): string[] {
  const quiet = { write: () => undefined };
  const runtime = { terminal: { stdout: quiet, stderr: quiet }, signal: new AbortController().signal };
  const program = new LandfallCommand('landfall', runtime, () => undefined);
  describeCommands(program);
  const below = (command: Command, path: readonly string[]): string[] => [
    ...(command.registeredArguments.length > 0 ? [path.join(' ')] : []),
    ...command.commands.flatMap((child) => below(child, [...path, child.name()])),
  ];
  return below(program, []);
}

function restoring(...words: readonly string[]): readonly string[] {
  return ['restore', '--point', 'p', '--to', 'new', ...words];
}

function capturing(...words: readonly string[]): readonly string[] {
  return ['capture', '--repo', 'r', '--machine', 'm', '--disk', 'd', ...words];
}
