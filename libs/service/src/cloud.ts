import { connectAzure } from '@landfall/azure';
import { type AZURE, type AZURE_BUDGET, budgetLimits, type REDIS } from '@landfall/config';
import type { Cloud, RequestBudget } from '@landfall/domain';
import { budgetObserver, type Logger, type Metrics } from '@landfall/observability';
import { RedisRequestBudget } from '@landfall/pipeline';
import { type DynamicModule, Inject, type OnModuleDestroy, Module } from '@nestjs/common';
import type { z } from 'zod';
import { BUDGET, CLOUD, ENVIRONMENT, LOGGER, METRICS } from './tokens.js';

type CloudEnvironment = z.infer<typeof AZURE> & z.infer<typeof AZURE_BUDGET> & z.infer<typeof REDIS>;

/** Azure under `CLOUD`, within the budget that all services share (`BUDGET`). Nothing here connects before it is used. */
export function cloudModule(): DynamicModule {
  return {
    module: CloudModule,
    global: true,
    providers: [
      { provide: BUDGET, inject: [ENVIRONMENT, METRICS], useFactory: connectBudget },
      { provide: CLOUD, inject: [ENVIRONMENT, LOGGER, METRICS, BUDGET], useFactory: connectCloud },
    ],
    exports: [BUDGET, CLOUD],
  };
}

@Module({})
class CloudModule implements OnModuleDestroy {
  constructor(@Inject(BUDGET) private readonly budget: RequestBudget) {}

  /** Before all else: whoever waits for it is told to come back. */
  onModuleDestroy(): Promise<void> {
    return this.budget.close();
  }
}

function connectBudget(environment: CloudEnvironment, metrics: Metrics): RequestBudget {
  return new RedisRequestBudget({
    redis: { url: environment.REDIS_URL, prefix: environment.LANDFALL_QUEUE_PREFIX },
    subscriptionId: environment.AZURE_SUBSCRIPTION_ID,
    limits: budgetLimits(environment),
    observer: budgetObserver(metrics),
  });
}

function connectCloud(environment: CloudEnvironment, logger: Logger, metrics: Metrics, budget: RequestBudget): Cloud {
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
