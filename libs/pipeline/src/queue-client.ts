import { randomUUID } from 'node:crypto';
import {
  PermanentError,
  RetryableError,
  WaitingError,
  type ErrorDetails,
  type ErrorKind,
  type JobQueues,
  type LandfallError,
  type NewOutboxMessage,
} from '@landfall/domain';
import { Queue, QueueEvents, type JobsOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { ANSWER } from './queues.js';
import { PutOffJobs } from './put-off-jobs.js';
import {
  patientConnection,
  promptConnection,
  queuePrefix,
  redisUnreachable,
  runIdIn,
  type RedisSettings,
} from './redis.js';

/** How long ended jobs stay to be looked at. Their ids hold an epoch, so none of them stands in a later job's way. */
export const KEEP_ENDED_JOBS = {
  removeOnComplete: { age: 3_600, count: 1_000 },
  removeOnFail: { age: 24 * 3_600, count: 1_000 },
} as const satisfies JobsOptions;

/** The sending side of all queues, on BullMQ; also waits for jobs that answer. */
export class QueueClient implements JobQueues {
  readonly #redis: RedisSettings;
  readonly #connection: Redis;
  readonly #queues = new Map<string, Queue>();
  readonly #putOff = new PutOffJobs();
  readonly #events = new Map<string, { connection: Redis; events: QueueEvents }>();

  constructor(redis: RedisSettings) {
    this.#redis = redis;
    this.#connection = promptConnection(redis);
  }

  /** BullMQ's own handle, for the dashboard and for metrics. */
  queue(name: string): Queue {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue = new Queue(name, {
      connection: this.#connection,
      prefix: queuePrefix(this.#redis),
      defaultJobOptions: KEEP_ENDED_JOBS,
      // Adding must fail and not wait while Redis is away: the outbox keeps the job, an API call answers 503.
      skipWaitingForReady: true,
    });
    queue.on('error', () => undefined);
    // One that was made while Redis was away has failed for good: BullMQ asks once what Redis it is, and keeps the refusal.
    queue.waitUntilReady().catch(() => {
      if (this.#queues.get(name) === queue) this.#queues.delete(name);
    });
    this.#queues.set(name, queue);
    return queue;
  }

  async enqueue(message: NewOutboxMessage): Promise<void> {
    const options = { jobId: message.jobId, ...(message.delayMs ? { delay: message.delayMs } : {}) };
    await this.#guarded(() => this.queue(message.queue).add(message.name, message.payload, options));
  }

  async isLive(queue: string, jobId: string): Promise<boolean> {
    const state = await this.#guarded(() => this.queue(queue).getJobState(jobId));
    if (state === 'delayed') return !(await this.#isOverdue(queue, jobId));
    return state !== 'completed' && state !== 'failed' && state !== 'unknown';
  }

  async #isOverdue(name: string, jobId: string): Promise<boolean> {
    const queue = this.queue(name);
    const [until, delay] = await this.#guarded(() =>
      Promise.all([
        this.#connection.zscore(queue.toKey('delayed'), jobId),
        this.#connection.hget(queue.toKey(jobId), 'delay'),
      ]),
    );
    return until !== null && this.#putOff.isOverdue(jobId, { until, delayMs: Number(delay ?? 0) });
  }

  async redisRunId(): Promise<string> {
    return runIdIn(await this.#guarded(() => this.#connection.info('server')));
  }

  async ping(): Promise<void> {
    await this.#guarded(() => this.#connection.ping());
  }

  /**
   * Sends a job to a service that answers it, and waits for the answer.
   * @throws the error that the service answered with, code and remedy as they were
   * @throws RetryableError `SERVICE_SILENT` when no answer came in time, `REDIS_UNREACHABLE`
   */
  async ask(queue: string, name: string, payload: Record<string, unknown>, timeoutMs: number): Promise<unknown> {
    const events = await this.#guarded(() => this.#eventsOf(queue));
    const ends = { removeOnComplete: { age: 60 }, removeOnFail: { age: 60 } };
    const job = await this.#guarded(() =>
      this.queue(queue).add(name, payload, { jobId: `${name}-${randomUUID()}`, ...ends }),
    );
    let raw: unknown;
    try {
      raw = await job.waitUntilFinished(events, timeoutMs);
    } catch (cause) {
      // Nobody waits for it any more. A job that is being worked on can't be removed and ends by itself.
      await job.remove().catch(() => undefined);
      throw silent(queue, timeoutMs, cause);
    }
    const answer = ANSWER.parse(raw);
    if (answer.ok) return answer.value;
    throw errorFrom(answer.kind, answer.error);
  }

  async close(): Promise<void> {
    await Promise.allSettled([
      ...[...this.#events.values()].map(({ events }) => withDeadline(events.close(), 2_000)),
      ...[...this.#queues.values()].map((queue) => withDeadline(queue.close(), 2_000)),
    ]);
    for (const { connection } of this.#events.values()) connection.disconnect();
    this.#connection.disconnect();
  }

  async #eventsOf(queue: string): Promise<QueueEvents> {
    let entry = this.#events.get(queue);
    if (!entry) {
      const connection = patientConnection(this.#redis);
      entry = { connection, events: new QueueEvents(queue, { connection, prefix: queuePrefix(this.#redis) }) };
      entry.events.on('error', () => undefined);
      this.#events.set(queue, entry);
    }
    await withDeadline(entry.events.waitUntilReady(), 5_000);
    return entry.events;
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw redisUnreachable(this.#redis, cause);
    }
  }
}

/** An error that has travelled as a value, thrown again with its kind, code and remedy. */
export function errorFrom(kind: ErrorKind, details: ErrorDetails): LandfallError {
  if (kind === 'permanent') return new PermanentError(details);
  if (kind === 'waiting') return new WaitingError(details, { retryAfterMs: 1_000 });
  return new RetryableError(details);
}

/** Rejects when `work` has not ended after `milliseconds`; `work` itself is left to itself. */
export async function withDeadline<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function silent(queue: string, timeoutMs: number, cause: unknown): RetryableError {
  return new RetryableError(
    {
      code: 'SERVICE_SILENT',
      message: `The ${queue} has not answered within ${Math.round(timeoutMs / 1_000)} s.`,
      fix: `See that the ${queue} runs, then try again.`,
    },
    { cause },
  );
}
