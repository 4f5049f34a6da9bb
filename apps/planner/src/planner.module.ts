import { connectAzure } from '@landfall/azure';
import type { CloudReader } from '@landfall/domain';
import { createLogger, createMetrics, type Logger, type Metrics } from '@landfall/observability';
import { connectBooks, type Books } from '@landfall/persistence';
import { underCrashPoints } from '@landfall/pipeline';
import { Module, type DynamicModule } from '@nestjs/common';
import { Planner } from './planner.js';
import { PlannerService } from './planner.service.js';
import { OpenRepositories } from './repositories/open-repositories.js';
import { planningSettings, type PlannerEnvironment } from './settings.js';
import { BOOKS, CLOUD, ENVIRONMENT, LOGGER, METRICS } from './tokens.js';

/** What the planner is put together from: the books, a reader of Azure, open repositories, and the loop over its queue. */
@Module({})
export class PlannerModule {
  static of(environment: PlannerEnvironment): DynamicModule {
    return {
      module: PlannerModule,
      providers: [
        { provide: ENVIRONMENT, useValue: environment },
        { provide: LOGGER, useValue: createLogger('planner', environment.LANDFALL_LOG_LEVEL) },
        { provide: METRICS, useValue: createMetrics('planner') },
        { provide: BOOKS, useFactory: () => underCrashPoints(connectBooks({ databaseUrl: environment.DATABASE_URL })) },
        { provide: CLOUD, useFactory: connectCloud, inject: [ENVIRONMENT, LOGGER, METRICS] },
        { provide: OpenRepositories, useFactory: keepRepositories, inject: [ENVIRONMENT, BOOKS] },
        {
          provide: Planner,
          useFactory: (books: Books, cloud: CloudReader, repositories: OpenRepositories) =>
            new Planner({
              catalogue: books.catalogue,
              cloud,
              repositories,
              settings: planningSettings(environment),
            }),
          inject: [BOOKS, CLOUD, OpenRepositories],
        },
        PlannerService,
      ],
    };
  }
}

function connectCloud(environment: PlannerEnvironment, logger: Logger, metrics: Metrics): CloudReader {
  return connectAzure({
    subscriptionId: environment.AZURE_SUBSCRIPTION_ID,
    endpoint: environment.LANDFALL_AZURE_ENDPOINT,
    token: environment.LANDFALL_AZURE_TOKEN,
    applianceId: environment.LANDFALL_APPLIANCE_ID,
    onCall: (call) => {
      logger.debug(call, 'Azure answered.');
      metrics.azureCalls.inc({ operation: call.operation, result: call.result });
    },
  });
}

function keepRepositories(environment: PlannerEnvironment, books: Books): OpenRepositories {
  return new OpenRepositories({
    catalogue: books.catalogue,
    secrets: books.secretBox(environment.LANDFALL_SECRET_KEY),
    blobAccounts: environment.LANDFALL_BLOB_ACCOUNTS,
  });
}
