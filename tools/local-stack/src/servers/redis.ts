import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createConnection } from 'node:net';
import { PermanentError } from '@landfall/domain';
import type { ServerSpec } from './server.js';

export interface RedisOptions {
  readonly dataDirectory: string;
  readonly port: number;
  readonly password: string;
  /** Keep nothing on disk: for tests only. */
  readonly throwaway?: boolean;
}

/** @throws PermanentError `REDIS_MISSING` when there is no server program on PATH */
export function redis(options: RedisOptions): ServerSpec {
  const command = onPath('redis-server') ?? onPath('valkey-server');
  if (command === null) {
    throw new PermanentError({
      code: 'REDIS_MISSING',
      message: 'There is no redis-server and no valkey-server on PATH.',
      fix: 'Install one (Debian: apt-get install redis-server), or give a running server with REDIS_URL.',
    });
  }
  // In a file and not on the command line, which every user of the machine can read.
  const configuration = join(options.dataDirectory, 'redis.conf');
  mkdirSync(options.dataDirectory, { recursive: true });
  writeFileSync(
    configuration,
    [
      'bind 127.0.0.1',
      `port ${options.port}`,
      `dir "${options.dataDirectory}"`,
      `requirepass "${options.password}"`,
      'maxmemory-policy noeviction',
      'daemonize no',
      ...(options.throwaway === true ? ['save ""', 'appendonly no'] : ['appendonly yes']),
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  return {
    name: 'redis',
    command,
    args: [configuration],
    env: { PATH: process.env.PATH },
    port: options.port,
    url: `redis://:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}`,
    stopSignal: 'SIGTERM',
    ready: () => pong(options.port, options.password),
  };
}

/** PING in Redis' inline form; a server that still loads its file answers with an error. */
function pong(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    let heard = '';
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    socket.on('data', (chunk) => {
      heard += chunk.toString();
      if (heard.includes('PONG')) answer(true);
      else if (heard.includes('-')) answer(false);
    });
    socket.once('error', () => answer(false));
    socket.setTimeout(1_000, () => answer(false));
  });
}

export function onPath(program: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const candidate = join(folder, program);
    if (folder !== '' && existsSync(candidate)) return candidate;
  }
  return null;
}
