import { connectAzure, thisVmId } from '@landfall/azure';
import { type AZURE, type AZURE_BUDGET, budgetLimits, type REDIS } from '@landfall/config';
import type { Cloud, RequestBudget } from '@landfall/domain';
import { budgetObserver, type Logger, type Metrics } from '@landfall/observability';
import type { Books } from '@landfall/persistence';
import { RedisRequestBudget } from '@landfall/pipeline';
import { type DynamicModule, Inject, type OnModuleDestroy, Module } from '@nestjs/common';
import type { z } from 'zod';
import { applianceIdOf } from './appliance-id.js';
import { APPLIANCE_ID, BOOKS, BUDGET, CLOUD, ENVIRONMENT, LOGGER, METRICS } from './tokens.js';

type CloudEnvironment = z.infer<typeof AZURE> & z.infer<typeof AZURE_BUDGET> & z.infer<typeof REDIS>;

/**
 * Azure under `CLOUD`, within the budget that all services share (`BUDGET`), and what marks as ours whatever is made there
 * (`APPLIANCE_ID`). Neither Azure nor Redis is connected to before it is used. Making the application throws as
 * `applianceIdOf` does.
 */
export function cloudModule(): DynamicModule {
  return {
    module: CloudModule,
    global: true,
    providers: [
      { provide: BUDGET, inject: [ENVIRONMENT, METRICS], useFactory: connectBudget },
      { provide: APPLIANCE_ID, inject: [ENVIRONMENT, BOOKS, LOGGER], useFactory: findApplianceId },
      { provide: CLOUD, inject: [ENVIRONMENT, LOGGER, METRICS, BUDGET, APPLIANCE_ID], useFactory: connectCloud },
    ],
    exports: [BUDGET, APPLIANCE_ID, CLOUD],
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

async function findApplianceId(environment: CloudEnvironment, books: Books, logger: Logger): Promise<string> {
  const applianceId = await applianceIdOf({
    given: environment.LANDFALL_APPLIANCE_ID,
    kept: books.applianceId,
    vmId: () => thisVmId(environment.LANDFALL_INSTANCE_METADATA_URL),
  });
  logger.info({ applianceId }, 'What is made in Azure is tagged with this id.');
  return applianceId;
}

function connectCloud(
  environment: CloudEnvironment,
  logger: Logger,
  metrics: Metrics,
  budget: RequestBudget,
  applianceId: string,
): Cloud {
  return connectAzure({
    subscriptionId: environment.AZURE_SUBSCRIPTION_ID,
    endpoint: environment.LANDFALL_AZURE_ENDPOINT,
    token: environment.LANDFALL_AZURE_TOKEN,
    applianceId,
    budget,
    onCall: (call) => {
      metrics.azureCalls.inc({ operation: call.operation, result: call.result });
      logger.debug(call, 'Azure answered.');
    },
  });
}
