import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { PermanentError, RetryableError, Secret, type StepId, stepsOf } from '@landfall/domain';
import { requestCancel, requestResume, requestRollback, type StepContext, type StepOutcome } from '@landfall/pipeline';
import { endParked } from '@landfall/pipeline/fixtures/parked';
import { OUTPUTS } from '@landfall/pipeline/fixtures/step-outputs';
import { until } from '@landfall/pipeline/fixtures/until';
import { createLogger } from '@landfall/observability/logger';
import { NestFactory } from '@nestjs/core';
import { ServiceStack } from './services.fixture.test.js';
import { stepService, type StepEnvironment } from './step-service.js';

const WHOLE_WAY: StepId[] = [
  'plan',
  'create-empty-disks',
  'launch-worker',
  'restore-data',
  'detach-disks',
  'deallocate-worker',
  'create-vm',
  'attach-disks',
];

describe('services over Postgres and Redis', () => {
  let stack: ServiceStack;

  beforeEach(async () => {
    stack = await ServiceStack.start();
  });
  afterEach(() => stack.close());

  it('take a restore through all steps of its plan, in order, each run once', async () => {
    await stack.allServices();
    const id = await stack.request();
    const restore = await stack.reaches(id, 'completed');

    expect(stack.runs.map((run) => run.step)).toStrictEqual(WHOLE_WAY);
    expect(stepsOf(restore).map((step) => [step.number, step.state])).toStrictEqual(
      stepsOf(restore).map((step) => [step.number, WHOLE_WAY.includes(step.id) ? 'done' : 'skipped']),
    );
    expect(restore.vmAzureId).toBe('/vm');
    expect(restore.endedAt).toBeTruthy();
    expect(await stack.books.claimOutbox(10).then((left) => left.length)).toBe(0);
    expect(await stack.all.audit.verify()).toStrictEqual({ entries: 1, brokenAt: null });
  });

  it('give a step whose job was delivered twice one outcome', async () => {
    await stack.allServices();
    const queue = stack.queues.queue('provisioner');
    await queue.pause();
    const id = await stack.request();
    const waiting = await until('the job of step 3', async () => (await queue.getJobs(['waiting']))[0]);
    await Promise.all(['again-1', 'again-2'].map((jobId) => queue.add(waiting.name, waiting.data, { jobId })));
    await queue.resume();

    await stack.reaches(id, 'completed');
    const outcomes = (await stack.eventTypes(id)).filter((type) => type === 'step.done');
    expect(outcomes.length).toBe(WHOLE_WAY.length);
  });

  it('bring back a restore whose jobs Redis has lost', async () => {
    const planner = await stack.service('planner');
    const id = await stack.request();
    await until(
      'step 3 to wait for its service',
      async () => (await stack.queues.queue('provisioner').getWaitingCount()) === 1,
    );
    await stack.loseAllJobs();
    await planner.close();
    // The boot of a service is one of the moments at which the reconciler looks.
    await stack.allServices();
    const restore = await stack.reaches(id, 'completed');
    const step = restore.works.find((candidate) => candidate.id === 'create-empty-disks');
    expect(step?.epoch).toBe(2);
    expect(step?.attempts).toBe(0);
  });

  it('give the run of a closing service to another one, and count no attempt', async () => {
    await stack.service('planner');
    await stack.service('finalizer');
    let begun = 0;
    const hanging = async ({ signal }: StepContext): Promise<StepOutcome<'launch-worker'>> => {
      begun += 1;
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('told to stop'))));
      throw new Error('unreachable');
    };
    const closing = await stack.service('provisioner', { handlers: stack.handlers({ 'launch-worker': hanging }) });
    const id = await stack.request();
    await until('the step to be running', async () => begun === 1);
    await closing.close();
    await stack.service('provisioner');
    const restore = await stack.reaches(id, 'completed');
    expect(restore.works.find((step) => step.id === 'launch-worker')?.attempts).toBe(0);
  });

  it('stop a running step when the restore is cancelled, and clean up only after its run has ended', async () => {
    const order: string[] = [];
    const hanging = async ({ signal }: StepContext): Promise<StepOutcome<'launch-worker'>> => {
      order.push('begun');
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      order.push('told to stop');
      await new Promise((resolve) => setTimeout(resolve, 300));
      order.push('ended');
      throw new Error('stopped in the middle');
    };
    await stack.allServices({
      handlers: {
        'launch-worker': hanging,
        'remove-created': async ({ restore }) => void order.push(`clean-up for ${restore.turn?.purpose}`),
      },
    });
    const id = await stack.request();
    await until('the step to be running', async () => order.length === 1);
    await requestCancel(stack.books, id, 'olivia');
    await requestCancel(stack.books, id, 'olivia');
    const restore = await stack.reaches(id, 'cancelled');
    expect(order).toStrictEqual(['begun', 'told to stop', 'ended', 'clean-up for cancel']);
    expect(restore.error).toBe(null);
    expect(stack.runs.map((run) => run.step)).toStrictEqual(['plan', 'create-empty-disks']);
  });

  it('repeat a step after a retryable error, and fail the restore after a permanent one', async () => {
    let tries = 0;
    await stack.allServices({
      handlers: stack.handlers({
        'create-empty-disks': async () => {
          tries += 1;
          if (tries === 1) throw new RetryableError(details('FLAKY'));
          return { kind: 'done', output: OUTPUTS['create-empty-disks'] };
        },
        'create-vm': async () => {
          throw new PermanentError(details('NAME_TAKEN'));
        },
      }),
    });
    const id = await stack.request();
    const restore = await stack.reaches(id, 'failed');
    expect(tries).toBe(2);
    expect(restore.error).toStrictEqual(details('NAME_TAKEN'));
    expect(restore.works.find((step) => step.id === 'create-empty-disks')?.attempts).toBe(1);
    expect(restore.works.find((step) => step.id === 'create-vm')?.state).toBe('failed');
    expect(restore.works.find((step) => step.id === 'attach-disks')?.state).toBe('pending');

    await requestRollback(stack.books, id, 'olivia');
    expect((await stack.reaches(id, 'rolled-back')).error).toBe(null);
  });

  it('leave a parked step alone until its result comes from elsewhere', async () => {
    await stack.allServices({ handlers: stack.handlers({ 'restore-data': async () => ({ kind: 'parked' }) }) });
    const id = await stack.request();
    await until('the step to be parked', async () => (await stack.books.parked()).length === 1);
    expect(await stack.books.runnable()).toStrictEqual([]);
    const done = { kind: 'done', output: { segments: 3, bytesMoved: 9, bytesVerified: 9 } } as const;
    expect(await endParked(stack.books, id, 'restore-data', done)).toBe(true);
    expect(await endParked(stack.books, id, 'restore-data', done)).toBe(false);
    await stack.reaches(id, 'completed');
  });

  it('ask for attention when a clean-up is refused, and end the restore once it is resumed', async () => {
    let refuse = true;
    await stack.allServices({
      handlers: {
        'create-vm': async () => {
          throw new PermanentError(details('QUOTA'));
        },
        'remove-created': async () => {
          if (refuse) throw new PermanentError(details('LOCKED'));
        },
      },
    });
    const id = await stack.request();
    expect((await stack.reaches(id, 'needs-attention')).error).toStrictEqual(details('LOCKED'));
    refuse = false;
    await requestResume(stack.books, id, 'olivia');
    expect((await stack.reaches(id, 'failed')).error).toStrictEqual(details('QUOTA'));
  });

  it('answer jobs, errors with their code and remedy included', async () => {
    await stack.service('planner', {
      answers: {
        echo: async (payload) => payload,
        refuse: async () => {
          throw new PermanentError(details('REPOSITORY_PASSWORD_WRONG'));
        },
      },
    });
    expect(await stack.queues.ask('planner', 'echo', { a: 1 }, 10_000)).toStrictEqual({ a: 1 });
    await assert.rejects(stack.queues.ask('planner', 'refuse', {}, 10_000), (error) => {
      assert.ok(error instanceof PermanentError);
      expect(error.toDetails()).toStrictEqual(details('REPOSITORY_PASSWORD_WRONG'));
      return true;
    });
    await expect(stack.queues.ask('finalizer', 'echo', {}, 200)).rejects.toMatchObject({ code: 'SERVICE_SILENT' });
  });

  it('say which server is away when they start', async () => {
    const start = async (changes: Partial<StepEnvironment>): Promise<unknown> => {
      const environment: StepEnvironment = {
        DATABASE_URL: stack.database.url,
        REDIS_URL: stack.redis.url,
        LANDFALL_QUEUE_PREFIX: stack.redis.prefix ?? '',
        LANDFALL_LOG_LEVEL: 'error',
        LANDFALL_HOST: '127.0.0.1',
        LANDFALL_METRICS_PORT: 0,
        ...changes,
      };
      const silent = createLogger('planner', 'error', { write: () => undefined });
      const module = { module: class {}, imports: stepService('planner', environment, silent, 300) };
      return NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
    };
    const postgres = new Secret('postgresql://a:b@127.0.0.1:1/c');
    await expect(start({ DATABASE_URL: postgres })).rejects.toMatchObject({ code: 'POSTGRES_UNREACHABLE' });
    const redis = new Secret('redis://127.0.0.1:1');
    await expect(start({ REDIS_URL: redis })).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
  });
});

function details(code: string) {
  return { code, message: `What ${code} stands for has happened.`, fix: 'Remove its cause.' };
}
