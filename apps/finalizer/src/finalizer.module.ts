import { connectAzure } from '@landfall/azure';
import type { Cloud } from '@landfall/domain';
import { createMetrics, type Logger, type Metrics } from '@landfall/observability';
import { connectBooks, type Books } from '@landfall/persistence';
import { underCrashPoints } from '@landfall/pipeline';
import { Module, type DynamicModule } from '@nestjs/common';
import type { FinalizerEnvironment } from './environment.js';
import { FinalizerService } from './finalizer.service.js';
import { BOOKS, CLOUD, ENVIRONMENT, LOGGER, METRICS } from './tokens.js';

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
          useFactory: (): Books => underCrashPoints(connectBooks({ databaseUrl: environment.DATABASE_URL })),
        },
        {
          provide: CLOUD,
          inject: [METRICS],
          useFactory: (metrics: Metrics): Cloud => connectCloud(environment, logger, metrics),
        },
        FinalizerService,
      ],
    };
  }
}

function connectCloud(environment: FinalizerEnvironment, logger: Logger, metrics: Metrics): Cloud {
  return connectAzure({
    subscriptionId: environment.AZURE_SUBSCRIPTION_ID,
    endpoint: environment.LANDFALL_AZURE_ENDPOINT,
    token: environment.LANDFALL_AZURE_TOKEN,
    applianceId: environment.LANDFALL_APPLIANCE_ID,
    onCall: (call) => {
      metrics.azureCalls.inc({ operation: call.operation, result: call.result });
      logger.debug(call, 'Azure answered.');
    },
  });
}
