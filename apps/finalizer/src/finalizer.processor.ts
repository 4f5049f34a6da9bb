import type { Cloud } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import type { Books } from '@landfall/persistence';
import {
  FINALIZER_JOBS,
  giveUpWaiting,
  QueueClient,
  QUEUES,
  RedisWorkerDoors,
  REMOVE_ORPHANS,
} from '@landfall/pipeline';
import { APPLIANCE_ID, BOOKS, CLOUD, ENVIRONMENT, LOGGER, TakesJobsOf } from '@landfall/service';
import { archiveCopies } from '@landfall/service/archive-copies';
import { StepProcessor, STEPS_AT_ONCE } from '@landfall/service/steps';
import { TRANSFER_JOB, TRANSFER_JOB_PAYLOAD } from '@landfall/transfer';
import { Inject } from '@nestjs/common';
import { cleanUp } from './clean-up.js';
import { bringSourceBack } from './cut-over/bring-back.js';
import { checkBoot } from './cut-over/check-boot.js';
import { moveDisks } from './cut-over/move-disks.js';
import { purge } from './cut-over/purge.js';
import { recreateVm } from './cut-over/recreate-vm.js';
import { removeSource } from './cut-over/remove-source.js';
import { removeStaging } from './cut-over/remove-staging.js';
import type { FinalizerEnvironment } from './environment.js';
import { attachDisks } from './steps/attach-disks.js';
import { createVm } from './steps/create-vm.js';
import { deallocateWorker } from './steps/deallocate-worker.js';
import { detachDisks } from './steps/detach-disks.js';
import { findOrphans } from './sweep/find-orphans.js';
import { removeOrphans } from './sweep/remove-orphans.js';
import type { Transfer } from './transfer/index.js';

/** `Transfer`: step 5 in the books. */
export const TRANSFER = Symbol('transfer');

/** Step 5 and those after it, clean-ups, and the sweep that somebody asks for. */
@TakesJobsOf(QUEUES.finalizer, { concurrency: STEPS_AT_ONCE })
export class FinalizerProcessor extends StepProcessor {
  constructor(
    @Inject(ENVIRONMENT) environment: FinalizerEnvironment,
    @Inject(BOOKS) { books, captures, catalogue, retrievals, workers, diskAccesses, secretBox }: Books,
    @Inject(QueueClient) queues: QueueClient,
    @Inject(LOGGER) log: Logger,
    @Inject(CLOUD) cloud: Cloud,
    @Inject(APPLIANCE_ID) applianceId: string,
    @Inject(RedisWorkerDoors) doors: RedisWorkerDoors,
    @Inject(TRANSFER) transfer: Transfer,
  ) {
    const { endAccess } = transfer;
    const cutOver = { cloud, books, applianceId, secrets: secretBox(environment.LANDFALL_SECRET_KEY) };
    const makeVm = createVm({ cloud, books, applianceId, endAccess });
    const makeVmAnew = recreateVm(cutOver);
    const owned = { cloud, books, captures, applianceId };
    const copiesOf = archiveCopies(catalogue, environment.LANDFALL_BLOB_ACCOUNTS);
    super({
      ...{ service: 'finalizer', books, queues, log },
      handlers: {
        'restore-data': transfer.handler,
        'detach-disks': detachDisks({ cloud }),
        'deallocate-worker': deallocateWorker({ cloud, books, workers, doors, applianceId }),
        'check-boot': checkBoot(cutOver),
        'remove-source': removeSource(cutOver),
        'move-disks': moveDisks(cutOver),
        'create-vm': (context) => (context.plan.source === undefined ? makeVm : makeVmAnew)(context),
        'attach-disks': attachDisks({ cloud, books, endAccess }),
        'remove-staging-resource-group': removeStaging(cutOver),
        purge: purge(cutOver),
        'bring-source-back': bringSourceBack(cutOver),
        'remove-created': cleanUp({ cloud, books, workers, doors, diskAccesses, applianceId, retrievals, copiesOf }),
      },
      answers: {
        [FINALIZER_JOBS.findOrphans]: async (_payload, signal) =>
          (await findOrphans(owned, signal)).map(({ record: _record, ...orphan }) => orphan),
        [FINALIZER_JOBS.removeOrphans]: (payload, signal) =>
          removeOrphans(owned, REMOVE_ORPHANS.parse(payload).azureIds, signal),
      },
      tasks: {
        [TRANSFER_JOB]: (payload, signal) => transfer.goOn(TRANSFER_JOB_PAYLOAD.parse(payload).restoreId, signal),
      },
      reconcileAlso: async () => {
        await transfer.reconcile();
        await giveUpWaiting(books);
      },
    });
  }
}
