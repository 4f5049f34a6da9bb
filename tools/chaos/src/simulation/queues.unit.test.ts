import { afterAll } from '@jest/globals';
import { jobQueuesContract } from '@landfall/testing/contracts';
import { installVirtualGlobals, liveIn } from './virtual-globals.js';

afterAll(installVirtualGlobals());
const { Gates } = await import('./gates.js');
const { Kernel, Process } = await import('./kernel.js');
const { queueClient, QueueWorker } = await import('./queue-worker.js');
const { MemoryQueues } = await import('./queues.js');

const HOUR_MS = 3_600_000;

jobQueuesContract('the queues of the simulation, without their faults,', async () => {
  const kernel = new Kernel(1);
  const gates = new Gates(kernel);
  const queues = new MemoryQueues(kernel);
  const client = queueClient(gates, queues);
  liveIn(kernel);
  /** Lets happen what a call takes. */
  const done = async <T>(call: Promise<T>): Promise<T> => {
    let isDone = false;
    void call.catch(() => undefined).finally(() => (isDone = true));
    await kernel.run(HOUR_MS, () => isDone);
    return call;
  };
  return {
    queues: {
      enqueue: (message) => done(client.enqueue(message)),
      isLive: (queue, jobId) => done(client.isLive(queue, jobId)),
      redisRunId: () => done(client.redisRunId()),
    },
    takeFrom(queue, handle) {
      kernel.within(new Process('service'), () => void new QueueWorker(gates, queues, queue, 2, handle));
      return Promise.resolve();
    },
    loseLock(queue, jobId) {
      queues.lockFor(queue, jobId, 'somebody else', HOUR_MS);
      return Promise.resolve();
    },
    flush: () => Promise.resolve(queues.flushAll()),
    restart() {
      queues.keepSnapshot();
      return Promise.resolve(queues.restart());
    },
    async until(what, condition) {
      const end = kernel.now + HOUR_MS;
      while (!(await condition())) {
        if (kernel.now >= end) throw new Error(`never: ${what}`);
        await kernel.run(100, () => false);
      }
    },
    dispose: () => Promise.resolve(liveIn(null)),
  };
});
