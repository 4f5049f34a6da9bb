import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CANARIES, givenAway } from '@landfall/testing';
import { writeStackFile, type StackFile } from '@landfall/local-stack/stack-file';
import { Command } from 'commander';
import { LandfallCommand, runProgram } from './command-line.js';
import { describeCommands } from './commands/index.js';

/* No command shows a secret that it was given, whatever it holds and whatever goes wrong with it. */

/** They begin other programs, and are given no secret but the stack's own. */
const STARTS_PROGRAMS = ['up', 'down', 'demo', 'test', 'check', 'doctor'];

describe('a secret that a command was given', () => {
  let folder: string;
  let disk: string;
  let server: Server;
  const environment = { ...process.env };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-canary-'));
    disk = join(folder, 'disk.raw');
    writeFileSync(disk, Buffer.alloc(1024 * 1024, 1));
    // In the place of restic: says all that it was told, and fails.
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin', 'restic'), '#!/bin/sh\nenv\nenv >&2\nenv -0 >&2\nexit 1\n', { mode: 0o755 });
    process.env.PATH = `${join(folder, 'bin')}:${process.env.PATH}`;
    // In the place of API and Azure: answers with all that it was asked.
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.writeHead(500, { 'content-type': 'text/plain' });
        response.end(`${JSON.stringify(request.headers)} ${Buffer.concat(chunks).toString()}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    process.env = environment;
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  function stackWith(token: string): string {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const certificate = join(folder, 'ca.pem');
    writeFileSync(certificate, token);
    const stack = { api: url, azure: url.replace('http:', 'https:'), azureCa: certificate, azureToken: token, token };
    writeStackFile(folder, { ...stack, processes: [] } as unknown as StackFile);
    return folder;
  }

  async function said(words: readonly string[]): Promise<string> {
    let text = '';
    const write = (more: string): void => void (text += more);
    const terminal = { stdout: { write }, stderr: { write } };
    const code = await runProgram(describeCommands, words, { terminal, signal: new AbortController().signal });
    expect({ words, code }).not.toMatchObject({ code: 0 });
    return text;
  }

  async function expectKept(words: readonly string[]): Promise<void> {
    for (const more of [[], ['--json']]) expect(givenAway(await said([...words, ...more]))).toBe(null);
  }

  /** Every command of the tree, with something for each of its arguments and its options that have to be given. */
  function commands(): { name: string; words: string[]; takesPassword: boolean }[] {
    let root: Command | undefined;
    const quiet = { write: () => undefined };
    const program = new LandfallCommand(
      'landfall',
      { terminal: { stdout: quiet, stderr: quiet }, signal: new AbortController().signal },
      () => undefined,
    );
    describeCommands((root = program) as LandfallCommand);
    const below = (command: Command, path: readonly string[]): ReturnType<typeof commands> =>
      command.commands.length > 0
        ? command.commands.flatMap((child) => below(child, [...path, child.name()]))
        : [
            {
              name: path.join(' '),
              words: [
                ...path,
                ...command.registeredArguments.filter((argument) => argument.required).map(() => 'nightly'),
                ...command.options
                  .filter((option) => option.mandatory)
                  .flatMap((option) => [option.long!, sample(option)]),
              ],
              takesPassword: command.options.some((option) => option.long === '--password-file'),
            },
          ];
    return below(root, []);
  }

  function sample({
    long,
    argChoices,
  }: {
    long?: string | undefined;
    argChoices?: readonly string[] | undefined;
  }): string {
    if (long === '--disk' || long === '--os-disk') return disk;
    if (long === '--repo') return join(folder, 'repo');
    if (long === '--url') return folder;
    return argChoices?.[0] ?? 'nightly';
  }

  it('is not shown as the password of a repository, in a file or in the environment', async () => {
    const takers = commands().filter(({ takesPassword }) => takesPassword);
    expect(takers.map(({ name }) => name)).toStrictEqual(['repo add', 'capture']);
    stackWith('token');
    const file = join(folder, 'password');
    for (const canary of CANARIES) {
      writeFileSync(file, canary);
      for (const { words, name } of takers) {
        const call = [...words, ...(name === 'capture' ? ['--disk', disk] : []), '--data', folder];
        await expectKept([...call, '--password-file', file]);
        if (canary.includes('\0')) continue; // no environment can hold it
        process.env.RESTIC_PASSWORD = canary;
        await expectKept(call);
        delete process.env.RESTIC_PASSWORD;
      }
    }
  }, 120_000);

  it('is not shown as a part of the place where a repository lies', async () => {
    const place = 'rest:https://me:canary4711@host:8000/?sig=canary4711';
    stackWith('token');
    await expectKept(['capture', '--repo', place, '--machine', 'web', '--disk', disk]);
    await expectKept(['repo', 'add', 'x', '--kind', 'restic', '--url', place, '--data', folder]);
  });

  it('is not shown as the token of the stack, by any command', async () => {
    for (const { name, words } of commands()) {
      if (STARTS_PROGRAMS.includes(name) || name === 'inspect') continue;
      for (const canary of CANARIES) {
        stackWith(canary);
        const call = [...words, ...(name === 'capture' ? ['--disk', disk] : [])];
        const end = AbortSignal.timeout(300);
        let text = '';
        const write = (more: string): void => void (text += more);
        await runProgram(describeCommands, [...call, '--data', folder], {
          terminal: { stdout: { write }, stderr: { write } },
          signal: end,
        });
        expect({ name, gives: givenAway(text) }).toStrictEqual({ name, gives: null });
      }
    }
  }, 120_000);

  it('is not shown where the file of the stack is no JSON', async () => {
    for (const text of ['{"token": canary4711}', '{"token":"canary4711', 'canary4711']) {
      writeFileSync(join(folder, 'stack.json'), text);
      await expectKept(['machine', 'list', '--data', folder]);
    }
  });
});
