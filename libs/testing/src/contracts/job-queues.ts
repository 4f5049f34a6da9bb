import { describe, expect, test } from '@jest/globals';
import type { JobInHand, JobQueues } from '@landfall/domain';

export interface JobQueuesUnderTest {
  readonly queues: JobQueues;
  /**
   * A process that takes the jobs of a queue, two at a time.
   * @param handle when it rejects the job is over, too
   */
  takeFrom(queue: string, handle: (job: JobInHand<unknown>) => Promise<unknown>): Promise<void>;
  /** The lock of whoever has the job in hand is another's from now on, and nobody tells them. */
  loseLock(queue: string, jobId: string): Promise<void>;
  /** All that Redis holds is gone. */
  flush(): Promise<void>;
  /** Redis ends, and starts again on what it has kept. */
  restart(): Promise<void>;
  /** Lets time go by. @throws Error when it does not come true */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
  dispose(): Promise<void>;
}

/** A job in the hands of a process that ends it when the test says so. */
interface Taken extends JobInHand<unknown> {
  end(): void;
  fail(): void;
}

const QUEUE = 'planner';
const LATER_MS = 60_000;

/** Registers the tests that every implementation of the queues has to pass: what they do with jobs, and what they lose. */
export function jobQueuesContract(name: string, make: () => Promise<JobQueuesUnderTest>): void {
  const withQueues = async (
    use: (made: JobQueuesUnderTest, taken: Taken[], take: () => Promise<void>) => Promise<void>,
  ): Promise<void> => {
    const made = await make();
    const taken: Taken[] = [];
    const take = (): Promise<void> =>
      made.takeFrom(QUEUE, async (job) => {
        const { promise, resolve, reject } = Promise.withResolvers<undefined>();
        taken.push({ ...job, end: () => resolve(undefined), fail: () => reject(new Error('it goes wrong')) });
        await promise;
      });
    try {
      await use(made, taken, take);
    } finally {
      for (const { end } of taken) end();
      await made.dispose();
    }
  };
  const job = (id: string, more: { number?: number; delayMs?: number } = {}) => ({
    ...{ queue: QUEUE, jobId: id, name: 'run-work', payload: { number: more.number ?? 1 } },
    ...(more.delayMs === undefined ? {} : { delayMs: more.delayMs }),
  });
  const ids = (taken: readonly Taken[]): readonly string[] => taken.map(({ id }) => id);

  describe(`${name}`, () => {
    test('give a job out with its name and payload', () =>
      withQueues(async ({ queues, until }, taken, take) => {
        await take();
        await queues.enqueue(job('r1-plan-1', { number: 7 }));
        await until('it is taken', () => taken.length === 1);
        expect(taken[0]).toMatchObject({ id: 'r1-plan-1', name: 'run-work', payload: { number: 7 } });
        expect(taken[0]?.lost.aborted).toBe(false);
      }));

    test('pass over an id that waits, is in hand, or has ended', () =>
      withQueues(async ({ queues, until }, taken, take) => {
        await queues.enqueue(job('r1-plan-1'));
        await queues.enqueue(job('r1-plan-1', { number: 2 }));
        await take();
        await until('it is taken', () => taken.length === 1);
        await queues.enqueue(job('r1-plan-1', { number: 3 }));
        taken[0]?.end();
        await until('it has ended', async () => !(await queues.isLive(QUEUE, 'r1-plan-1')));
        await queues.enqueue(job('r1-plan-1', { number: 4 }));
        await queues.enqueue(job('r1-plan-2'));
        await until('the next one is taken', () => ids(taken).includes('r1-plan-2'));
        expect(ids(taken)).toStrictEqual(['r1-plan-1', 'r1-plan-2']);
        expect(taken[0]?.payload).toStrictEqual({ number: 1 });
      }));

    test('know a job as live that waits, is put off or in hand, and none that has ended or never was', () =>
      withQueues(async ({ queues, until }, taken, take) => {
        const live = (id: string) => queues.isLive(QUEUE, id);
        await queues.enqueue(job('r1-plan-1'));
        await queues.enqueue(job('r1-plan-2', { delayMs: LATER_MS }));
        expect([await live('r1-plan-1'), await live('r1-plan-2'), await live('r1-plan-3')]).toStrictEqual([
          ...[true, true, false],
        ]);
        expect(await queues.isLive('provisioner', 'r1-plan-1')).toBe(false);
        await take();
        await until('it is taken', () => taken.length === 1);
        expect([ids(taken), await live('r1-plan-1'), await live('r1-plan-2')]).toStrictEqual([
          ...[['r1-plan-1'], true, true],
        ]);
        taken[0]?.end();
        await until('it has ended', async () => !(await live('r1-plan-1')));
      }));

    test('count a job whose run goes wrong as over, and give it to nobody else', () =>
      withQueues(async ({ queues, until }, taken, take) => {
        await take();
        await queues.enqueue(job('r1-plan-1'));
        await until('it is taken', () => taken.length === 1);
        taken[0]?.fail();
        await until('it is over', async () => !(await queues.isLive(QUEUE, 'r1-plan-1')));
        await queues.enqueue(job('r1-plan-2'));
        await until('the next one is taken', () => taken.length === 2);
        expect(ids(taken)).toStrictEqual(['r1-plan-1', 'r1-plan-2']);
      }));

    test('give no more out to a process than it takes at a time', () =>
      withQueues(async ({ queues, until }, taken, take) => {
        await take();
        for (const number of [1, 2, 3]) await queues.enqueue(job(`r1-plan-${number}`));
        await until('two are taken', () => taken.length === 2);
        taken[0]?.end();
        await until('the third is taken', () => taken.length === 3);
        expect([...ids(taken)].sort()).toStrictEqual(['r1-plan-1', 'r1-plan-2', 'r1-plan-3']);
      }));

    test('tell a run whose lock is lost, and keep the job of its successor as it is', () =>
      withQueues(async ({ queues, until, loseLock }, taken, take) => {
        await take();
        await queues.enqueue(job('r1-plan-1'));
        await until('it is taken', () => taken.length === 1);
        await loseLock(QUEUE, 'r1-plan-1');
        await until('it is told', () => taken[0]?.lost.aborted === true);
        taken[0]?.end();
        await queues.enqueue(job('r1-plan-2'));
        await until('its process takes the next one', () => ids(taken).includes('r1-plan-2'));
        expect(await queues.isLive(QUEUE, 'r1-plan-1')).toBe(true);
      }));

    test('keep a job that is put off, and give it out again', () =>
      withQueues(async ({ queues, until }, taken, take) => {
        await take();
        await queues.enqueue(job('r1-plan-1'));
        await until('it is taken', () => taken.length === 1);
        const [first] = taken;
        let isPutOff = false;
        void first?.putOff(100).catch(() => {
          isPutOff = true;
          first.fail();
        });
        await until('it is put off', () => isPutOff);
        expect(await queues.isLive(QUEUE, 'r1-plan-1')).toBe(true);
        await until('it is taken again', () => taken.length === 2);
        expect(ids(taken)).toStrictEqual(['r1-plan-1', 'r1-plan-1']);
      }));

    test('forget everything when they are flushed, and take the same id again', () =>
      withQueues(async ({ queues, until, flush }, taken, take) => {
        await queues.enqueue(job('r1-plan-1'));
        await flush();
        expect(await queues.isLive(QUEUE, 'r1-plan-1')).toBe(false);
        await queues.enqueue(job('r1-plan-1', { number: 2 }));
        await take();
        await until('it is taken', () => taken.length === 1);
        expect(taken[0]?.payload).toStrictEqual({ number: 2 });
      }));

    test('have another run id after each start', () =>
      withQueues(async ({ queues, restart, until }) => {
        const before = await queues.redisRunId();
        expect(await queues.redisRunId()).toBe(before);
        await restart();
        let after = before;
        await until('it answers', async () => {
          after = await queues.redisRunId().catch(() => before);
          return after !== before;
        });
        expect(after).not.toBe('');
      }));
  });
}
