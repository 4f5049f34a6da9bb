import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Secret, type Restore, type RestoreState, type StepId } from '@landfall/domain';
import { connectBooks, type Books } from '@landfall/persistence';
import { temporaryDatabase, type TemporaryDatabase } from '@landfall/persistence/temporary-database';
import { aRestorePlan, aRestoreRequest } from '@landfall/testing';
import { Redis } from 'ioredis';
import {
  QueueClient,
  type RedisSettings,
  requestRestore,
  type ServiceName,
  type StepContext,
  type StepHandlers,
} from '@landfall/pipeline';
import { OUTPUTS } from '@landfall/pipeline/fixtures/step-outputs';
import { until } from '@landfall/pipeline/fixtures/until';
import { startTestService, type TestService, type TestServiceOptions } from './test-service.fixture.test.js';

/** Real Postgres and Redis with a database and a prefix of their own, and services whose steps do nothing. */
export class ServiceStack {
  /** Every run of a handler, in order. */
  readonly runs: { step: StepId; epoch: number; restoreId: string }[] = [];
  readonly queues: QueueClient;
  readonly #services: TestService[] = [];

  private constructor(
    readonly database: TemporaryDatabase,
    readonly all: Books,
    readonly redis: RedisSettings,
  ) {
    this.queues = new QueueClient(redis);
  }

  static async start(redisUrl = process.env.LANDFALL_TEST_REDIS_URL ?? ''): Promise<ServiceStack> {
    const server = process.env.LANDFALL_TEST_DATABASE_URL ?? '';
    assert.ok(server && redisUrl, 'the test servers are not known: run this through the test runner');
    const database = await temporaryDatabase(server);
    const books = connectBooks({ databaseUrl: database.url });
    const prefix = `landfall-test-${randomBytes(6).toString('hex')}`;
    return new ServiceStack(database, books, { url: new Secret(redisUrl), prefix });
  }

  get books() {
    return this.all.books;
  }

  async service(service: ServiceName, changes: Partial<TestServiceOptions> = {}): Promise<TestService> {
    const started = await startTestService({
      service,
      books: this.books,
      redis: this.redis,
      ...changes,
      handlers: { ...this.handlers(), 'remove-created': async () => undefined, ...changes.handlers },
    });
    this.#services.push(started);
    return started;
  }

  async allServices(changes: Partial<TestServiceOptions> = {}): Promise<void> {
    await Promise.all(
      (['planner', 'provisioner', 'finalizer'] as const).map((service) => this.service(service, changes)),
    );
  }

  /** Handlers that note their run and end at once; `own` take the place of some. */
  handlers(own: StepHandlers = {}): StepHandlers {
    const noted = Object.entries(OUTPUTS).map(([id, output]) => {
      const step = id as StepId;
      return [
        step,
        async (context: StepContext) => {
          this.runs.push({ step, epoch: context.epoch, restoreId: context.restore.id });
          if (step === 'plan') await this.books.transaction((tx) => tx.storePlan(context.restore.id, aRestorePlan()));
          return { kind: 'done', output };
        },
      ];
    });
    return { ...(Object.fromEntries(noted) as StepHandlers), ...own };
  }

  async request(): Promise<string> {
    const { restoreId } = await requestRestore(this.books, { request: aRestoreRequest(), requestedBy: 'olivia' });
    return restoreId;
  }

  async reaches(restoreId: string, state: RestoreState, withinMs = 20_000): Promise<Restore> {
    const restore = await until(
      `restore ${restoreId} to be ${state}`,
      async () => {
        const now = await this.books.restore(restoreId);
        return now?.state === state ? now : null;
      },
      withinMs,
    );
    return restore;
  }

  async eventTypes(restoreId: string): Promise<string[]> {
    return (await this.books.events(restoreId)).map((event) => event.type);
  }

  /** What FLUSHALL does, to this stack's keys alone. */
  async loseAllJobs(): Promise<void> {
    const connection = new Redis(this.redis.url.reveal());
    const keys = await connection.keys(`${this.redis.prefix}:*`);
    if (keys.length > 0) await connection.del(keys);
    connection.disconnect();
  }

  async close(): Promise<void> {
    await Promise.all(this.#services.map((service) => service.close()));
    await this.queues.close();
    await this.all.close();
    await this.database.drop();
  }
}
