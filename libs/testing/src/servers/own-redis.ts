import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Secret } from '@landfall/domain';

const ANSWERS_WITHIN_MS = 20_000;

/**
 * A Redis for one test alone, which may be stopped, held up and started again. It keeps its keys over a restart, and
 * as any does that has no file for them, not its users.
 */
export class OwnRedis {
  #process: ChildProcess | null = null;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly password: string,
  ) {}

  /** @param settings further lines of its configuration */
  static async start(settings: readonly string[] = []): Promise<OwnRedis> {
    const folder = await mkdtemp(join(tmpdir(), 'landfall-redis-'));
    const own = new OwnRedis(folder, await freePort(), randomBytes(12).toString('hex'));
    const always = ['bind 127.0.0.1', `port ${own.port}`, `dir "${folder}"`, `requirepass "${own.password}"`];
    const keeps = ['save ""', 'appendonly yes', 'appendfsync always'];
    await writeFile(own.#configuration, [...always, ...keeps, ...settings, ''].join('\n'), { mode: 0o600 });
    await own.resume();
    return own;
  }

  get url(): Secret {
    return new Secret(`redis://:${this.password}@127.0.0.1:${this.port}`);
  }

  /** Starts it again after `stop`, on what it has kept. One that runs is left as it is. */
  async resume(): Promise<void> {
    if (this.#process !== null) return;
    const child = spawn('redis-server', [this.#configuration], { stdio: 'ignore' });
    this.#process = child;
    const deadline = performance.now() + ANSWERS_WITHIN_MS;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || performance.now() > deadline) throw new Error('redis-server did not start.');
      await pause(20);
    }
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async dispose(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  get #configuration(): string {
    return join(this.folder, 'redis.conf');
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = createConnection({ host: '127.0.0.1', port: this.port });
      const end = (answer: boolean) => {
        socket.destroy();
        resolve(answer);
      };
      socket.once('connect', () => socket.write(`AUTH ${this.password}\r\nPING\r\n`));
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk.toString();
        if (heard.includes('PONG') || heard.includes('-')) end(heard.includes('PONG'));
      });
      socket.once('error', () => end(false));
      socket.setTimeout(1_000, () => end(false));
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
