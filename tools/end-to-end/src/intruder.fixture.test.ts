import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { REGISTERED } from '@landfall/transfer';
import { Redis } from 'ioredis';
import type { z } from 'zod';

/*
 * Somebody who has come into a worker and has what lies there: the session that its data-movers share, with the way into
 * Redis. What else he knows (names, epochs, keys) costs him nothing: none of it is a secret.
 */
export type Session = z.infer<typeof REGISTERED>;

/** What the API answered. */
export interface Answer {
  readonly status: number;
  readonly code: string | null;
}

/** Reads the session of a worker where its VM keeps it, once it has one. */
export async function sessionOf(dataDirectory: string, workerId: string): Promise<Session> {
  const files = join(dataDirectory, 'azure', 'vms', '*', '*', 'state', 'session.json');
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await pause(100)) {
    const sessions = globSync(files).map((file) => REGISTERED.parse(JSON.parse(readFileSync(file, 'utf8'))));
    const own = sessions.find(({ queue }) => queue.endsWith(workerId));
    if (own !== undefined) return own;
  }
  throw new Error(`The worker ${workerId} keeps no session.`);
}

export class Intruder {
  readonly #redis: Redis;

  constructor(
    private readonly api: string,
    readonly session: Session,
  ) {
    this.#redis = new Redis(session.redisUrl, { maxRetriesPerRequest: 0, retryStrategy: null });
    this.#redis.on('error', () => undefined);
  }

  async ask(path: string, body: object, token = this.session.sessionToken): Promise<Answer> {
    const answer = await fetch(`${this.api}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { code } = (await answer.json()) as { code?: string };
    return { status: answer.status, code: code ?? null };
  }

  /** Runs a command in Redis. Returns how it was refused; null when it was not. */
  async tryInRedis(command: string, ...parameters: readonly string[]): Promise<string | null> {
    try {
      await this.#redis.call(command, ...parameters);
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  }

  leave(): void {
    this.#redis.disconnect();
  }
}
