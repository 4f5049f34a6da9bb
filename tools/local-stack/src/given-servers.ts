import { createConnection } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { outlineOf, RetryableError } from '@landfall/domain';
import pg from 'pg';
import type { ServerSpec } from './servers/index.js';

/*
 * DATABASE_URL and REDIS_URL name servers of the user's own, which are then used instead of ones that the stack
 * starts. They are asked once, before anything else is started, so that a wrong address is told at once and by name.
 */
export interface ChosenServer {
  readonly url: string;
  /** Null when the server is the user's. */
  readonly spec: ServerSpec | null;
}

/** @throws RetryableError `POSTGRES_UNREACHABLE` */
export async function givenDatabase(own: () => Promise<ServerSpec>): Promise<ChosenServer> {
  const url = process.env.DATABASE_URL;
  if (url === undefined || url === '') return chosen(await own());
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    throw new RetryableError(
      {
        code: 'POSTGRES_UNREACHABLE',
        message: `The Postgres that DATABASE_URL names (${withoutPassword(url)}) can't be reached: ${outlineOf(cause)}.`,
        fix: 'Correct DATABASE_URL or start that server; unset the variable to let the stack start one of its own.',
      },
      { cause },
    );
  } finally {
    await client.end().catch(() => undefined);
  }
  return { url, spec: null };
}

/** @throws RetryableError `REDIS_UNREACHABLE` */
export async function givenRedis(own: () => ServerSpec): Promise<ChosenServer> {
  const url = process.env.REDIS_URL;
  if (url === undefined || url === '') return chosen(own());
  const problem = await redisProblem(url);
  if (problem === null) return { url, spec: null };
  throw new RetryableError({
    code: 'REDIS_UNREACHABLE',
    message: `The Redis that REDIS_URL names (${withoutPassword(url)}) can't be reached: ${problem}.`,
    fix: 'Correct REDIS_URL or start that server; unset the variable to let the stack start one of its own.',
  });
}

/** For messages. */
export function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url);
    if (parsed.password !== '') parsed.password = '***';
    return parsed.toString();
  } catch {
    return 'not a URL';
  }
}

/** Signs in and pings in Redis' own words; null when it answers. */
function redisProblem(url: string): Promise<string | null> {
  return new Promise((resolve) => {
    let address: URL;
    try {
      address = new URL(url);
    } catch {
      return resolve('it is not a URL');
    }
    const target = { host: address.hostname, port: Number(address.port || 6379) };
    const socket = address.protocol === 'rediss:' ? connectTls(target) : createConnection(target);
    let heard = '';
    const answer = (problem: string | null) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once(address.protocol === 'rediss:' ? 'secureConnect' : 'connect', () => {
      const [user, password] = [decodeURIComponent(address.username), decodeURIComponent(address.password)];
      if (password !== '') socket.write(command('AUTH', ...(user === '' ? [] : [user]), password));
      socket.write(command('PING'));
    });
    socket.on('data', (chunk) => {
      heard += chunk.toString();
      if (heard.includes('+PONG')) answer(null);
      else if (heard.startsWith('-') && heard.includes('\r\n')) answer(/^-(\w+)/.exec(heard)?.[1] ?? 'refused');
    });
    socket.once('error', (error) => answer(outlineOf(error)));
    socket.once('close', () => answer('the connection was closed'));
    socket.setTimeout(5_000, () => answer('no answer within 5 seconds'));
  });
}

/** A command in Redis' protocol (RESP arrays of bulk strings). */
function command(...words: readonly string[]): string {
  const bulk = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${bulk.join('')}`;
}

function chosen(spec: ServerSpec): ChosenServer {
  return { url: spec.url, spec };
}
