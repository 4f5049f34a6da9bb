import { connectAzure } from '@landfall/azure';
import { openBlobStore, parseBlobUrl } from '@landfall/azure/blob';
import { budgetLimits } from '@landfall/config';
import type { CloudReader, RequestBudget } from '@landfall/domain';
import {
  budgetObserver,
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  booksObserver,
} from '@landfall/observability';
import { connectBooks, type Books } from '@landfall/persistence';
import { RedisRequestBudget, underCrashPoints, underObservation } from '@landfall/pipeline';
import { OpenRepositories } from '@landfall/repository';
import { Module, type DynamicModule } from '@nestjs/common';
import { askedOnce } from './facts/asked-once.js';
import { Planner } from './planner.js';
import { PlannerService } from './planner.service.js';
import { planningSettings, type PlannerEnvironment } from './settings.js';
import { BOOKS, BUDGET, CLOUD, ENVIRONMENT, LOGGER, METRICS } from './tokens.js';

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
        {
          provide: BOOKS,
          inject: [METRICS],
          useFactory: (metrics: Metrics): Books =>
            underObservation(
              underCrashPoints(connectBooks({ databaseUrl: environment.DATABASE_URL })),
              booksObserver(metrics),
            ),
        },
        { provide: BUDGET, useFactory: connectBudget, inject: [ENVIRONMENT, METRICS] },
        { provide: CLOUD, useFactory: connectCloud, inject: [ENVIRONMENT, LOGGER, METRICS, BUDGET] },
        { provide: OpenRepositories, useFactory: keepRepositories, inject: [ENVIRONMENT, BOOKS] },
        {
          provide: Planner,
          useFactory: (books: Books, cloud: CloudReader, repositories: OpenRepositories) =>
            new Planner({
              catalogue: books.catalogue,
              cloud: askedOnce(cloud),
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

function connectBudget(environment: PlannerEnvironment, metrics: Metrics): RequestBudget {
  return new RedisRequestBudget({
    redis: { url: environment.REDIS_URL, prefix: environment.LANDFALL_QUEUE_PREFIX },
    subscriptionId: environment.AZURE_SUBSCRIPTION_ID,
    limits: budgetLimits(environment),
    observer: budgetObserver(metrics),
  });
}

function connectCloud(
  environment: PlannerEnvironment,
  logger: Logger,
  metrics: Metrics,
  budget: RequestBudget,
): CloudReader {
  return connectAzure({
    subscriptionId: environment.AZURE_SUBSCRIPTION_ID,
    endpoint: environment.LANDFALL_AZURE_ENDPOINT,
    token: environment.LANDFALL_AZURE_TOKEN,
    applianceId: environment.LANDFALL_APPLIANCE_ID,
    budget,
    onCall: (call) => {
      logger.debug(call, 'Azure answered.');
      metrics.azureCalls.inc({ operation: call.operation, result: call.result });
    },
  }).reader;
}

function keepRepositories(environment: PlannerEnvironment, books: Books): OpenRepositories {
  return new OpenRepositories({
    catalogue: books.catalogue,
    secrets: books.secretBox(environment.LANDFALL_SECRET_KEY),
    blobStoreAt: (url) => openBlobStore(parseBlobUrl(url), environment.LANDFALL_BLOB_ACCOUNTS),
  });
}
