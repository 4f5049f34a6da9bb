import type { Cloud } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import type { Books } from '@landfall/persistence';
import { QueueClient, QUEUES, reconcileCaptures, RedisWorkerDoors } from '@landfall/pipeline';
import { APPLIANCE_ID, BOOKS, CLOUD, ENVIRONMENT, LOGGER, TakesJobsOf } from '@landfall/service';
import { archiveCopies } from '@landfall/service/archive-copies';
import { StepProcessor, STEPS_AT_ONCE } from '@landfall/service/steps';
import { Inject } from '@nestjs/common';
import type { ProvisionerEnvironment } from './environment.js';
import { createEmptyDisks } from './steps/create-empty-disks.js';
import { createStagingResourceGroup } from './steps/create-staging-resource-group.js';
import { launchWorker } from './steps/launch-worker.js';
import { retrieveArchivedData } from './steps/retrieve-archived-data.js';

/** Steps 1 to 4. */
@TakesJobsOf(QUEUES.provisioner, { concurrency: STEPS_AT_ONCE })
export class ProvisionerProcessor extends StepProcessor {
  constructor(
    @Inject(ENVIRONMENT) environment: ProvisionerEnvironment,
    @Inject(BOOKS) { books, captures, catalogue, retrievals, workers }: Books,
    @Inject(QueueClient) queues: QueueClient,
    @Inject(LOGGER) log: Logger,
    @Inject(CLOUD) cloud: Cloud,
    @Inject(APPLIANCE_ID) applianceId: string,
    @Inject(RedisWorkerDoors) doors: RedisWorkerDoors,
  ) {
    super({
      ...{ service: 'provisioner', books, queues, log },
      handlers: {
        'retrieve-archived-data': retrieveArchivedData({
          retrievals,
          copiesOf: archiveCopies(catalogue, environment.LANDFALL_BLOB_ACCOUNTS),
          now: () => books.transaction((tx) => tx.now()),
          lookEveryMs: environment.LANDFALL_ARCHIVE_LOOK_SECONDS * 1_000,
        }),
        'create-staging-resource-group': createStagingResourceGroup({ cloud, applianceId }),
        'create-empty-disks': createEmptyDisks({ cloud, books, applianceId }),
        'launch-worker': launchWorker({
          ...{ cloud, workers, doors, applianceId },
          image: environment.LANDFALL_WORKER_IMAGE,
          subnetId: environment.LANDFALL_WORKER_SUBNET_ID ?? null,
          apiUrl: environment.LANDFALL_API_URL,
        }),
      },
      reconcileAlso: async () => void (await reconcileCaptures(captures, queues)),
    });
  }
}
