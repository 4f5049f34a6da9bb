import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The program itself, because signals and what it is waiting for at its end are those of a process. */
const MAIN = new URL('./main.js', import.meta.url).pathname;

describe('a call', () => {
  let folder: string;
  let silent: Server;
  let accepted: () => void = () => undefined;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-signals-'));
    // Takes connections and never says a word.
    silent = createServer(() => accepted());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const certificate = join(folder, 'ca.pem');
    writeFileSync(certificate, '');
    const stack = { api: `http://127.0.0.1:${port}`, azure: `https://127.0.0.1:${port}`, azureCa: certificate };
    const rest = { token: 't', azureToken: 't', processes: [{ name: 'api', pid: process.pid }] };
    writeFileSync(join(folder, 'stack.json'), JSON.stringify({ ...stack, ...rest }));
    mkdirSync(join(folder, 'bin'));
    // In the place of a restic that waits for a server.
    writeFileSync(join(folder, 'bin', 'restic'), '#!/bin/sh\ntouch "$0.begun"\nexec sleep 600\n', { mode: 0o755 });
  });
  afterAll(() => {
    silent.close();
    rmSync(folder, { recursive: true });
  });

  function begin(words: readonly string[]) {
    const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}`, RESTIC_PASSWORD: 'x' };
    const child = spawn(process.execPath, [MAIN, ...words], { cwd: folder, env, stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, said }));
    return { child, ended };
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`ends at ${signal}, whatever it waits for`, async () => {
      for (const words of [['restores'], ['watch', 'r-1'], ['azure', 'list'], ['status']]) {
        const connected = new Promise<void>((resolve) => (accepted = resolve));
        const { child, ended } = begin([...words, '--data', folder]);
        await connected;
        const began = performance.now();
        child.kill(signal);
        expect(await ended).toMatchObject({ code: 130 });
        expect(performance.now() - began).toBeLessThan(5_000);
      }
    }, 60_000);

    it(`ends at ${signal} also while restic waits for the storage of a repository`, async () => {
      const disk = join(folder, 'waiting.raw');
      writeFileSync(disk, Buffer.alloc(4096, 1));
      const begun = join(folder, 'bin', 'restic.begun');
      rmSync(begun, { force: true });
      const { child, ended } = begin(['capture', '--repo', 'sftp:host:/r', '--machine', 'web', '--disk', disk]);
      while (!existsSync(begun)) await sleep(20);
      child.kill(signal);
      expect(await ended).toMatchObject({ code: 130 });
    }, 60_000);
  }

  it('refuses what is no plain file or block device at once, wherever it wants one', async () => {
    const [pipe, disk, socketPath] = [join(folder, 'pipe'), join(folder, 'disk.raw'), join(folder, 'socket')];
    execFileSync('mkfifo', [pipe]);
    writeFileSync(disk, Buffer.alloc(4096, 1));
    const listening = createServer().listen(socketPath);
    const capturing = ['capture', '--repo', join(folder, 'repo'), '--machine', 'web'];
    for (const special of [pipe, socketPath, '/dev/null', folder]) {
      for (const words of [
        ['inspect', special],
        [...capturing, '--disk', special],
        [...capturing, '--disk', disk, '--password-file', special],
      ]) {
        const { code, said } = await begin(words).ended;
        expect({ words, code, said }).toMatchObject({
          code: 2,
          said: expect.stringMatching(/^PA(TH|SSWORD_FILE)_UNREADABLE/),
        });
      }
    }
    mkdirSync(join(folder, 'piped'));
    execFileSync('mkfifo', [join(folder, 'piped', 'stack.json')]);
    expect(await begin(['restores', '--data', join(folder, 'piped')]).ended).toMatchObject({ code: 5 });
    listening.close();
  }, 60_000);

  it('takes one disk that is named twice for one', async () => {
    const disk = join(folder, 'once.raw');
    writeFileSync(disk, Buffer.alloc(4096, 1));
    symlinkSync(disk, join(folder, 'link.raw'));
    linkSync(disk, join(folder, 'hard.raw'));
    const { said } = await begin(['inspect', '--json', disk, join(folder, 'link.raw'), 'hard.raw', disk]).ended;
    expect((JSON.parse(said) as { disks: unknown[] }).disks.length).toBe(1);
    const captured = await begin(['capture', '--repo', './r', '--machine', 'm', '--disk', disk, '--disk', 'hard.raw'])
      .ended;
    expect(captured).toMatchObject({ code: 2, said: expect.stringMatching(/^DISK_TWICE/) });
  });
});
