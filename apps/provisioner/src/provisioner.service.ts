import type { Cloud, RequestBudget } from '@landfall/domain';
import { serveHealthAndMetrics, type HealthServer, type Logger, type Metrics } from '@landfall/observability';
import type { Books } from '@landfall/persistence';
import { RedisWorkerDoors, runStepService, type StepService } from '@landfall/pipeline';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { ProvisionerEnvironment } from './environment.js';
import { createEmptyDisks } from './steps/create-empty-disks.js';
import { launchWorker } from './steps/launch-worker.js';
import { BOOKS, BUDGET, CLOUD, ENVIRONMENT, LOGGER, METRICS } from './tokens.js';

/** RestorePlan → ProvisionedTarget: consumes the provisioner's queue for as long as the application runs. */
@Injectable()
export class ProvisionerService implements OnApplicationBootstrap, OnApplicationShutdown {
  #steps: StepService | null = null;
  #health: HealthServer | null = null;
  #doors: RedisWorkerDoors | null = null;

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: ProvisionerEnvironment,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) private readonly metrics: Metrics,
    @Inject(BOOKS) private readonly postgres: Books,
    @Inject(CLOUD) private readonly cloud: Cloud,
    @Inject(BUDGET) private readonly budget: RequestBudget,
  ) {}

  /** @throws RetryableError `POSTGRES_UNREACHABLE`, `REDIS_UNREACHABLE` when they do not answer within 30 seconds */
  async onApplicationBootstrap(): Promise<void> {
    const { environment, postgres, cloud } = this;
    const { books, workers } = postgres;
    const applianceId = environment.LANDFALL_APPLIANCE_ID;
    const redis = { url: environment.REDIS_URL, prefix: environment.LANDFALL_QUEUE_PREFIX };
    const doors = new RedisWorkerDoors(redis);
    this.#doors = doors;
    const steps = await runStepService({
      service: 'provisioner',
      books,
      redis,
      handlers: {
        'create-empty-disks': createEmptyDisks({ cloud, books, applianceId }),
        'launch-worker': launchWorker({
          cloud,
          workers,
          doors,
          applianceId,
          image: environment.LANDFALL_WORKER_IMAGE,
          subnetId: environment.LANDFALL_WORKER_SUBNET_ID ?? null,
          apiUrl: environment.LANDFALL_API_URL,
        }),
      },
      log: this.logger,
    });
    this.#steps = steps;
    if (environment.LANDFALL_METRICS_PORT > 0) {
      this.#health = await serveHealthAndMetrics({
        port: environment.LANDFALL_METRICS_PORT,
        host: environment.LANDFALL_HOST,
        checks: [
          { name: 'postgres', check: () => postgres.ping() },
          { name: 'redis', check: () => steps.queues.ping() },
        ],
        metrics: this.metrics,
      });
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.budget.close();
    await this.#health?.close();
    await this.#steps?.close();
    await this.#doors?.close();
    await this.postgres.close();
  }
}
