import { randomUUID } from 'node:crypto';
import { PageBlobTarget } from '@landfall/azure/blob';
import type { Cloud, RequestBudget } from '@landfall/domain';
import { serveHealthAndMetrics, type HealthServer, type Logger, type Metrics } from '@landfall/observability';
import type { Books } from '@landfall/persistence';
import {
  FINALIZER_JOBS,
  QueueClient,
  RedisWorkerDoors,
  REMOVE_ORPHANS,
  runStepService,
  type StepService,
} from '@landfall/pipeline';
import { TRANSFER_JOB, TRANSFER_JOB_PAYLOAD } from '@landfall/transfer';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { cleanUp } from './clean-up.js';
import type { FinalizerEnvironment } from './environment.js';
import { attachDisks } from './steps/attach-disks.js';
import { createVm } from './steps/create-vm.js';
import { deallocateWorker } from './steps/deallocate-worker.js';
import { detachDisks } from './steps/detach-disks.js';
import { findOrphans } from './sweep/find-orphans.js';
import { removeOrphans } from './sweep/remove-orphans.js';
import { scheduleSweep } from './sweep/scheduled-sweep.js';
import { BOOKS, BUDGET, CLOUD, ENVIRONMENT, LOGGER, METRICS } from './tokens.js';
import { createTransfer, type Transfer } from './transfer/index.js';

/** MovedDisks → FinishedRestore: keeps the books of step 5, does the steps after it, and cleans up. */
@Injectable()
export class FinalizerService implements OnApplicationBootstrap, OnApplicationShutdown {
  #open: { close(): Promise<void> }[] = [];

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: FinalizerEnvironment,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) private readonly metrics: Metrics,
    @Inject(BOOKS) private readonly postgres: Books,
    @Inject(CLOUD) private readonly cloud: Cloud,
    @Inject(BUDGET) private readonly budget: RequestBudget,
  ) {}

  /** @throws RetryableError `POSTGRES_UNREACHABLE`, `REDIS_UNREACHABLE` when they do not answer within 30 seconds */
  async onApplicationBootstrap(): Promise<void> {
    const { environment } = this;
    const redis = { url: environment.REDIS_URL, prefix: environment.LANDFALL_QUEUE_PREFIX };
    const jobs = new QueueClient(redis);
    const doors = new RedisWorkerDoors(redis);
    this.#open.push(this.postgres, jobs, doors);
    const transfer = this.#transfer(jobs);
    const steps = await this.#runSteps(redis, transfer, doors);
    this.#open.push(steps, this.#sweep(doors));
    if (environment.LANDFALL_METRICS_PORT > 0) this.#open.push(await this.#serveHealth(steps));
    // Closed first: whoever waits for it is told to come back.
    this.#open.push(this.budget);
  }

  /** The last that was opened is closed first: Postgres goes when nobody writes any more. */
  async onApplicationShutdown(): Promise<void> {
    for (const open of this.#open.reverse()) await open.close();
    this.#open = [];
  }

  #transfer(jobs: QueueClient): Transfer {
    const { environment, postgres, cloud } = this;
    const { books, workers, diskAccesses, leases } = postgres;
    const secrets = postgres.secretBox(environment.LANDFALL_SECRET_KEY);
    return createTransfer({
      books,
      workers,
      leases,
      jobs,
      onError: (restoreId, err) => this.logger.warn({ restoreId, err }, 'Looking after its segments again soon.'),
      direct: {
        cloud,
        accesses: diskAccesses,
        secrets,
        finishUpload: (url, disk, signal) => new PageBlobTarget(url, disk.sizeBytes).finishUpload(disk.name, signal),
      },
    });
  }

  #runSteps(
    redis: { url: FinalizerEnvironment['REDIS_URL']; prefix: string },
    transfer: Transfer,
    doors: RedisWorkerDoors,
  ): Promise<StepService> {
    const { cloud, logger, environment } = this;
    const { books, workers, diskAccesses } = this.postgres;
    const applianceId = environment.LANDFALL_APPLIANCE_ID;
    const { endAccess } = transfer;
    const owned = { cloud, books, applianceId };
    return runStepService({
      service: 'finalizer',
      books,
      redis,
      handlers: {
        'restore-data': transfer.handler,
        'detach-disks': detachDisks({ cloud }),
        'deallocate-worker': deallocateWorker({ cloud, books, workers, doors, applianceId }),
        'create-vm': createVm({ cloud, books, applianceId, endAccess }),
        'attach-disks': attachDisks({ cloud, endAccess }),
        'remove-created': cleanUp({ cloud, books, workers, doors, diskAccesses, applianceId }),
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
      reconcileAlso: transfer.reconcile,
      log: logger,
    });
  }

  #sweep(doors: RedisWorkerDoors): { close(): Promise<void> } {
    const { cloud, metrics, logger: log, environment } = this;
    const { books, leases, workers } = this.postgres;
    return scheduleSweep({
      ...{ cloud, books, leases, workers, doors, metrics, log, applianceId: environment.LANDFALL_APPLIANCE_ID },
      holder: randomUUID(),
      everyMs: environment.LANDFALL_SWEEP_MINUTES * 60_000,
    });
  }

  #serveHealth(steps: StepService): Promise<HealthServer> {
    return serveHealthAndMetrics({
      port: this.environment.LANDFALL_METRICS_PORT,
      host: this.environment.LANDFALL_HOST,
      checks: [
        { name: 'postgres', check: () => this.postgres.ping() },
        { name: 'redis', check: () => steps.queues.ping() },
      ],
      metrics: this.metrics,
    });
  }
}
