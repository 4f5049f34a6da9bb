import { patientConnection, queuePrefix, type RedisSettings } from '@landfall/pipeline';
import { BullModule } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { LeavableWorker } from './leavable-worker.js';

BullModule.workerClass = LeavableWorker;

/**
 * What the processors of an application take their jobs by: one connection, and no queue of `@nestjs/bullmq`'s, which
 * would want more of Redis than a worker's user may. Jobs are sent by `QueueClient`.
 * @param ready waited for before any processor starts
 */
export function queueModule(redis: RedisSettings, ready: () => Promise<void> = () => Promise.resolve()): DynamicModule {
  const connect = async () => {
    await ready();
    return { connection: patientConnection(redis), prefix: queuePrefix(redis) };
  };
  return {
    module: QueueModule,
    imports: [BullModule.forRootAsync({ useFactory: connect }), BullModule.registerQueue()],
  };
}

@Module({})
class QueueModule {}
