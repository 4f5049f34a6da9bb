import { parseEnvironment, type DATABASE, type HTTP, type LOGGING, type REDIS } from '@landfall/config';
import type { Logger } from '@landfall/observability';
import type { Books } from '@landfall/persistence';
import { QueueClient, RedisWorkerDoors, type RedisSettings, type ServiceName, waitForRedis } from '@landfall/pipeline';
import {
  type DynamicModule,
  type FactoryProvider,
  Inject,
  Module,
  type OnApplicationShutdown,
  type ValueProvider,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { z } from 'zod';
import { booksModule } from '../books.js';
import { healthModule, readinessModule } from '../health/index.js';
import { host } from '../host.js';
import { logModule, nestLog } from '../log.js';
import { metricsModule } from '../metrics.js';
import { queueModule } from '../queue/index.js';
import { BOOKS, ENVIRONMENT } from '../tokens.js';

/** How long Postgres and Redis may still be starting when this process does. */
const START_WITHIN_MS = 30_000;

/** What every service that takes up steps is told. */
export type StepEnvironment = z.infer<typeof DATABASE> &
  z.infer<typeof REDIS> &
  z.infer<typeof LOGGING> &
  Pick<z.infer<typeof HTTP>, 'LANDFALL_HOST' | 'LANDFALL_METRICS_PORT'>;

/**
 * Runs a service that takes up steps as a process of its own: its module, and health and metrics over HTTP where a port is
 * set for them.
 */
export function runStepService<E extends StepEnvironment>(
  service: ServiceName,
  environmentOf: z.ZodType<E>,
  moduleOf: (environment: E, log: Logger) => DynamicModule,
): Promise<void> {
  return host({
    name: service,
    async start({ log }) {
      const environment = parseEnvironment(environmentOf);
      log.level = environment.LANDFALL_LOG_LEVEL;
      const application = await NestFactory.create<NestExpressApplication>(moduleOf(environment, log), {
        ...{ logger: nestLog(log), abortOnError: false, bodyParser: false, forceCloseConnections: true },
      });
      application.disable('x-powered-by');
      const port = environment.LANDFALL_METRICS_PORT;
      if (port > 0) await application.listen(port, environment.LANDFALL_HOST);
      else await application.init();
      log.info({}, `The ${service} is ready.`);
      return application;
    },
  });
}

/**
 * What such a service is made of, beside its own: settings, log, metrics, books, queues, health.
 * Making it throws RetryableError `POSTGRES_UNREACHABLE`, `REDIS_UNREACHABLE` when they do not answer in time.
 */
export function stepService(
  service: ServiceName,
  environment: StepEnvironment,
  log: Logger,
  startWithinMs = START_WITHIN_MS,
): DynamicModule[] {
  const redis = { url: environment.REDIS_URL, prefix: environment.LANDFALL_QUEUE_PREFIX };
  return [
    { module: SettingsModule, global: true, ...shared({ provide: ENVIRONMENT, useValue: environment }) },
    logModule(log),
    metricsModule(service),
    booksModule(startWithinMs),
    queueModule(redis, () => waitForRedis(redis, startWithinMs)),
    senderModule(redis),
    readinessModule({
      inject: [BOOKS, QueueClient],
      useFactory: (books: Books, queues: QueueClient) => [
        { name: 'postgres', check: () => books.ping() },
        { name: 'redis', check: () => queues.ping() },
      ],
    }),
    healthModule(),
  ];
}

/** `QueueClient`, by which jobs are sent. */
export function senderModule(redis: RedisSettings): DynamicModule {
  return {
    module: SenderModule,
    global: true,
    ...shared({ provide: QueueClient, useFactory: () => new QueueClient(redis) }),
  };
}

/** `RedisWorkerDoors`. */
export function doorsModule({ REDIS_URL: url, LANDFALL_QUEUE_PREFIX: prefix }: z.infer<typeof REDIS>): DynamicModule {
  return {
    module: DoorsModule,
    global: true,
    ...shared({ provide: RedisWorkerDoors, useFactory: () => new RedisWorkerDoors({ url, prefix }) }),
  };
}

function shared(provider: ValueProvider | FactoryProvider): Pick<DynamicModule, 'providers' | 'exports'> {
  return { providers: [provider], exports: [provider.provide] };
}

@Module({})
class SettingsModule {}

@Module({})
class SenderModule implements OnApplicationShutdown {
  constructor(@Inject(QueueClient) private readonly queues: QueueClient) {}

  onApplicationShutdown(): Promise<void> {
    return this.queues.close();
  }
}

@Module({})
class DoorsModule implements OnApplicationShutdown {
  constructor(@Inject(RedisWorkerDoors) private readonly doors: RedisWorkerDoors) {}

  onApplicationShutdown(): Promise<void> {
    return this.doors.close();
  }
}
