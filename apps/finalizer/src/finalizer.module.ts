import { connectAzure } from '@landfall/azure';
import { budgetLimits } from '@landfall/config';
import type { Cloud, RequestBudget } from '@landfall/domain';
import { budgetObserver, createMetrics, type Logger, type Metrics, booksObserver } from '@landfall/observability';
import { connectBooks, type Books } from '@landfall/persistence';
import { RedisRequestBudget, underCrashPoints, underObservation } from '@landfall/pipeline';
import { Module, type DynamicModule } from '@nestjs/common';
import type { FinalizerEnvironment } from './environment.js';
import { FinalizerService } from './finalizer.service.js';
import { BOOKS, BUDGET, CLOUD, ENVIRONMENT, LOGGER, METRICS } from './tokens.js';

/** What the finalizer is made of; nothing here connects before it is used. */
@Module({})
export class FinalizerModule {
  static with(environment: FinalizerEnvironment, logger: Logger): DynamicModule {
    return {
      module: FinalizerModule,
      providers: [
        { provide: ENVIRONMENT, useValue: environment },
        { provide: LOGGER, useValue: logger },
        { provide: METRICS, useFactory: () => createMetrics('finalizer') },
        {
          provide: BOOKS,
          inject: [METRICS],
          useFactory: (metrics: Metrics): Books =>
            underObservation(
              underCrashPoints(connectBooks({ databaseUrl: environment.DATABASE_URL })),
              booksObserver(metrics),
            ),
        },
        {
          provide: BUDGET,
          inject: [METRICS],
          useFactory: (metrics: Metrics): RequestBudget => connectBudget(environment, metrics),
        },
        {
          provide: CLOUD,
          inject: [METRICS, BUDGET],
          useFactory: (metrics: Metrics, budget: RequestBudget): Cloud =>
            connectCloud(environment, logger, metrics, budget),
        },
        FinalizerService,
      ],
    };
  }
}

function connectBudget(environment: FinalizerEnvironment, metrics: Metrics): RequestBudget {
  return new RedisRequestBudget({
    redis: { url: environment.REDIS_URL, prefix: environment.LANDFALL_QUEUE_PREFIX },
    subscriptionId: environment.AZURE_SUBSCRIPTION_ID,
    limits: budgetLimits(environment),
    observer: budgetObserver(metrics),
  });
}

function connectCloud(
  environment: FinalizerEnvironment,
  logger: Logger,
  metrics: Metrics,
  budget: RequestBudget,
): Cloud {
  return connectAzure({
    subscriptionId: environment.AZURE_SUBSCRIPTION_ID,
    endpoint: environment.LANDFALL_AZURE_ENDPOINT,
    token: environment.LANDFALL_AZURE_TOKEN,
    applianceId: environment.LANDFALL_APPLIANCE_ID,
    budget,
    onCall: (call) => {
      metrics.azureCalls.inc({ operation: call.operation, result: call.result });
      logger.debug(call, 'Azure answered.');
    },
  });
}
