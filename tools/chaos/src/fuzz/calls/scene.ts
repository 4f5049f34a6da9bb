import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROUTES } from '@landfall/contract';

/*
 * Where calls are made: a folder with all sorts of files, an API that knows nothing of what it is asked for, and a restic that
 * fails. Nothing in it does anything; what a call makes of its words is all that counts.
 */
export interface Scene {
  readonly folder: string;
  readonly disk: string;
  readonly password: string;
  /** Paths that are there, of every kind of file, and some that are not. */
  readonly paths: readonly string[];
  /** Addresses that the API was asked for and does not have. */
  readonly strayed: string[];
  close(): Promise<void>;
}

/** Of the stack; in every password, too. */
export const SECRET = 'canary4711';

export async function makeScene(): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-calls-'));
  const at = (name: string): string => join(folder, name);
  const strayed: string[] = [];
  const server = await apiThatKnowsNothing(strayed);
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  writeFileSync(at('ca.pem'), SECRET);
  const stack = {
    api: url,
    azure: url.replace('http:', 'https:'),
    azureCa: at('ca.pem'),
    azureToken: SECRET,
    token: SECRET,
  };
  writeFileSync(at('stack.json'), JSON.stringify({ ...stack, processes: [{ name: 'api', pid: process.pid }] }));

  writeFileSync(at('disk.raw'), Buffer.alloc(64 * 1024, 1));
  writeFileSync(at('empty.raw'), '');
  writeFileSync(at('two\nlines \u001b[31m.raw'), 'x');
  writeFileSync(at('password'), SECRET);
  mkdirSync(at('folder'));
  mkdirSync(at('bin'));
  writeFileSync(
    at('bin/restic'),
    '#!/bin/sh\nprintf "%s\\n" "$RESTIC_PASSWORD $RESTIC_REPOSITORY: is there a repository?" >&2\nexit 1\n',
    {
      mode: 0o755,
    },
  );
  execFileSync('mkfifo', [at('pipe')]);
  symlinkSync(at('loop'), at('loop'));
  symlinkSync(at('disk.raw'), at('link.raw'));
  const socket = createSocket();
  await new Promise<void>((resolve) => socket.listen(at('socket'), resolve));
  const names = [
    'disk.raw',
    'link.raw',
    'empty.raw',
    'two\nlines \u001b[31m.raw',
    'folder',
    'pipe',
    'loop',
    'socket',
    'none',
    'disk.raw/x',
  ];
  return {
    folder,
    disk: at('disk.raw'),
    password: at('password'),
    paths: [
      ...names.map(at),
      folder,
      '/dev/null',
      '/dev/zero',
      '/dev/tty',
      '/proc/self/mem',
      '.',
      '..',
      '',
      '/',
      'a:b',
      '//x/y',
    ],
    strayed,
    close: async () => {
      server.closeAllConnections();
      await Promise.all([server, socket].map((each) => new Promise((resolve) => each.close(resolve))));
      rmSync(folder, { recursive: true });
    },
  };
}

/** Answers as the API does to a name that it does not know, wherever it has an address. */
async function apiThatKnowsNothing(strayed: string[]): Promise<Server> {
  const addresses = Object.values(ROUTES).map(({ method, path }) => {
    const pattern = path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '(?!\\.{1,2}/|\\.{1,2}$)[^/]+');
    return { method, pattern: new RegExp(`^${pattern}$`) };
  });
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://api');
    const known = addresses.some(({ method, pattern }) => method === request.method && pattern.test(pathname));
    if (!known) strayed.push(`${request.method} ${pathname}`);
    request.resume();
    response.writeHead(404, { 'content-type': 'application/problem+json' });
    response.end(
      JSON.stringify({ code: 'NOT_KNOWN', title: 'Not found', detail: 'There is no such thing.', fix: 'List them.' }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
