import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROBLEM, USER_ROLES } from '@landfall/contract';
import { type LandfallError, PermanentError, type Secret } from '@landfall/domain';
import { createLogger, createMetrics } from '@landfall/observability';
import { temporaryDatabase } from '@landfall/persistence/temporary-database';
import { PLANNER_JOBS, QUEUES } from '@landfall/pipeline';
import { type Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { hashOf } from '../access/session.js';
import type { Role } from '../access/roles.js';
import { connect, type Connections } from '../connect.js';
import { API_ENVIRONMENT, type ApiEnvironment } from '../environment.js';
import { type RunningApi, startApi } from '../server.js';
import { exactly, holdAgainstContract } from './contract.fixture.test.js';

/*
 * The whole API over a database, a queue prefix and a port of its own. Only the services behind the queues are stand-ins,
 * which answer what a test tells them to.
 */

const STOOD_IN_FOR = [QUEUES.planner, QUEUES.finalizer];

export const ROLES: readonly Role[] = [...USER_ROLES, 'mover'];

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: unknown;
}

export interface CallOptions {
  readonly role?: Role;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Sent as it is instead of `body`. */
  readonly raw?: string;
}

export class ApiUnderTest {
  /** Lines of the log, as they were written. */
  readonly log: string[] = [];
  /** What the stand-ins for planner and finalizer do with a question, by the job's name. */
  readonly planner: Record<string, (payload: Record<string, unknown>) => Promise<unknown>> = {};
  environment!: ApiEnvironment;
  connections!: Connections;
  running!: RunningApi;
  #workers: Worker[] = [];
  #connection!: Redis;

  /** @param changes of its environment */
  static async start(changes: Record<string, string> = {}): Promise<ApiUnderTest> {
    const api = new ApiUnderTest();
    const name = `api_${randomBytes(6).toString('hex')}`;
    api.environment = API_ENVIRONMENT.parse({
      DATABASE_URL: (await temporaryDatabase(given('LANDFALL_TEST_DATABASE_URL'))).url.reveal(),
      REDIS_URL: given('LANDFALL_TEST_REDIS_URL'),
      LANDFALL_QUEUE_PREFIX: name.replace('_', '-'),
      LANDFALL_SECRET_KEY: 'ab'.repeat(32),
      LANDFALL_API_TOKEN: tokenOf('admin'),
      LANDFALL_PORT: '0',
      LANDFALL_BLOB_ACCOUNTS: JSON.stringify({
        devaccount1: {
          endpoint: 'http://127.0.0.1:1/devaccount1',
          key: Buffer.from('canary-account-key').toString('base64'),
        },
      }),
      ...changes,
    });
    const logger = createLogger('api', 'trace', { write: (line) => void api.log.push(line) });
    api.connections = await connect(api.environment, logger, createMetrics('api'));
    for (const role of ROLES) {
      const token = { name: role, role, tokenHash: hashOf(tokenOf(role)), expiresAt: null };
      await api.connections.ports.tokens.put(token);
    }
    api.running = await startApi(api.connections.ports, { host: '127.0.0.1', port: 0 });
    api.#standInPlanner();
    return api;
  }

  get url(): string {
    return this.running.url;
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const payload = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const response = await fetch(this.url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(options.role === undefined ? {} : { authorization: `Bearer ${tokenOf(options.role)}` }),
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(payload === undefined ? {} : { body: payload }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const answer = { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : text };
    holdAgainstContract(method, path, answer);
    return answer;
  }

  /** Calls as an operator and gives the problem that comes back. */
  async problem(method: string, path: string, options: CallOptions = {}) {
    const answer = await this.call(method, path, { role: 'operator', ...options });
    return { ...exactly(PROBLEM, answer.body), contentType: answer.headers.get('content-type') };
  }

  #standInPlanner(): void {
    this.#connection = new Redis(this.environment.REDIS_URL.reveal(), { maxRetriesPerRequest: null });
    this.#workers = STOOD_IN_FOR.map(
      (queue) =>
        new Worker(
          queue,
          async (job: Job<Record<string, unknown>>) => {
            const answer = this.planner[job.name];
            if (answer === undefined) return null;
            try {
              return { ok: true, value: await answer(job.data) };
            } catch (error) {
              const { code, message, fix, kind } = error as LandfallError;
              return { ok: false, error: { code, message, fix }, kind };
            }
          },
          { connection: this.#connection, prefix: this.environment.LANDFALL_QUEUE_PREFIX },
        ),
    );
  }

  async close(): Promise<void> {
    for (const worker of this.#workers) await worker.close();
    for (const name of STOOD_IN_FOR) {
      const queue = new Queue(name, {
        connection: this.#connection,
        prefix: this.environment.LANDFALL_QUEUE_PREFIX,
      });
      await queue.obliterate({ force: true });
      await queue.close();
    }
    this.#connection.disconnect();
    await this.running.close();
    await this.connections.close();
    await dropDatabase(this.environment.DATABASE_URL);
  }
}

export function tokenOf(role: Role): string {
  return `token-of-${role}-0123456789abcdef0123456789abcdef`;
}

/** Tells the stand-in planner what a scan of any repository finds. */
export function scanFinds(api: ApiUnderTest, points: Parameters<typeof replace>[2] = []): void {
  api.planner[PLANNER_JOBS.scan] = ({ name }) => replace(api, String(name), points);
}

async function replace(
  api: ApiUnderTest,
  name: string,
  points: Parameters<ApiUnderTest['connections']['ports']['catalogue']['replacePoints']>[1],
) {
  const found = await api.connections.ports.catalogue.replacePoints(name, points);
  return { format: 'restic, format version 2', ...found, skipped: [] };
}

export function scanFails(api: ApiUnderTest, code: string): void {
  api.planner[PLANNER_JOBS.scan] = async () => {
    throw new PermanentError({ code, message: `The scan ended in ${code}.`, fix: 'Mend it.' });
  };
}

/** Waits for something that another process or a timer brings about. */
export async function until<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  const deadline = performance.now() + 15_000;
  while (performance.now() < deadline) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    await sleep(20);
  }
  throw new Error(`Waited 15 s in vain for ${what}.`);
}

export async function dropDatabase(databaseUrl: Secret): Promise<void> {
  const name = new URL(databaseUrl.reveal()).pathname.slice(1);
  await administer(given('LANDFALL_TEST_DATABASE_URL'), `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function given(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) {
    throw new Error(`${variable} is not set: run these tests with "./landfall test int", which starts the servers.`);
  }
  return value;
}
