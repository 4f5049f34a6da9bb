import { PageBlobTarget } from '@landfall/azure/blob';
import type { Cloud } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import type { Books } from '@landfall/persistence';
import { QueueClient } from '@landfall/pipeline';
import { BOOKS, CLOUD, LOGGER } from '@landfall/service';
import { cloudModule } from '@landfall/service/cloud';
import { doorsModule, stepService } from '@landfall/service/steps';
import { Module, type DynamicModule } from '@nestjs/common';
import type { FinalizerEnvironment } from './environment.js';
import { FinalizerProcessor, TRANSFER } from './finalizer.processor.js';
import { SweepService } from './sweep/sweep.service.js';
import { createTransfer, type Transfer } from './transfer/index.js';

/**
 * MovedDisks → FinishedRestore: keeps the books of step 5, does the steps after it, cleans up and sweeps; takes jobs from the
 * queue `finalizer`.
 */
@Module({})
export class FinalizerModule {
  static with(environment: FinalizerEnvironment, log: Logger): DynamicModule {
    const makeTransfer = (postgres: Books, cloud: Cloud, jobs: QueueClient, logger: Logger): Transfer =>
      createTransfer({
        books: postgres.books,
        workers: postgres.workers,
        leases: postgres.leases,
        jobs,
        onError: (restoreId, err) => logger.warn({ restoreId, err }, 'Looking after its segments again soon.'),
        direct: {
          cloud,
          accesses: postgres.diskAccesses,
          secrets: postgres.secretBox(environment.LANDFALL_SECRET_KEY),
          finishUpload: (url, disk, signal) => new PageBlobTarget(url, disk.sizeBytes).finishUpload(disk.name, signal),
        },
      });
    return {
      module: FinalizerModule,
      imports: [...stepService('finalizer', environment, log), cloudModule(), doorsModule(environment)],
      providers: [
        { provide: TRANSFER, inject: [BOOKS, CLOUD, QueueClient, LOGGER], useFactory: makeTransfer },
        FinalizerProcessor,
        SweepService,
      ],
    };
  }
}
