import { QueueClient, QUEUES, type RedisSettings } from '@landfall/pipeline';
import { Inject } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { queueModule, TakesJobsOf, type TakingOptions } from '../queue/index.js';
import { StepProcessor, type StepProcessorOptions, STEPS_AT_ONCE } from './step-processor.js';
import { senderModule } from './step-service.js';

export interface TestServiceOptions extends Omit<StepProcessorOptions, 'queues' | 'log'>, Pick<TakingOptions, 'locks'> {
  readonly redis: RedisSettings;
}

export interface TestService {
  readonly queues: QueueClient;
  close(): Promise<void>;
}

/** A service's processor in an application of its own, on books that are open already. */
export async function startTestService({ redis, locks, ...work }: TestServiceOptions): Promise<TestService> {
  @TakesJobsOf(QUEUES[work.service], { concurrency: STEPS_AT_ONCE, ...(locks ? { locks } : {}) })
  class Processor extends StepProcessor {
    constructor(@Inject(QueueClient) queues: QueueClient) {
      super({ ...work, queues, log: SILENT });
    }
  }
  const module = { module: class {}, imports: [queueModule(redis), senderModule(redis)], providers: [Processor] };
  const application = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
  return { queues: application.get(QueueClient), close: () => application.close() };
}

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
