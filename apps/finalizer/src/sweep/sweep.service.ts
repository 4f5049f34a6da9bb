import { randomUUID } from 'node:crypto';
import type { Cloud } from '@landfall/domain';
import type { Logger, Metrics } from '@landfall/observability';
import type { Books } from '@landfall/persistence';
import { RedisWorkerDoors } from '@landfall/pipeline';
import { archiveCopies } from '@landfall/service/archive-copies';
import { APPLIANCE_ID, BOOKS, CLOUD, ENVIRONMENT, LOGGER, METRICS } from '@landfall/service';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { FinalizerEnvironment } from '../environment.js';
import { type ScheduledSweep, scheduleSweep } from './scheduled-sweep.js';

/** The scheduled sweep, for as long as the application runs. */
@Injectable()
export class SweepService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #sweep: ScheduledSweep | null = null;

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: FinalizerEnvironment,
    @Inject(BOOKS) private readonly postgres: Books,
    @Inject(CLOUD) private readonly cloud: Cloud,
    @Inject(APPLIANCE_ID) private readonly applianceId: string,
    @Inject(RedisWorkerDoors) private readonly doors: RedisWorkerDoors,
    @Inject(METRICS) private readonly metrics: Metrics,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const { environment, cloud, applianceId, doors, metrics, log } = this;
    const { books, captures, catalogue, leases, retrievals, workers } = this.postgres;
    const copiesOf = archiveCopies(catalogue, environment.LANDFALL_BLOB_ACCOUNTS);
    this.#sweep = scheduleSweep({
      ...{ cloud, applianceId, books, captures, leases, workers, doors, metrics, log, retrievals, copiesOf },
      holder: randomUUID(),
      everyMs: environment.LANDFALL_SWEEP_MINUTES * 60_000,
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#sweep?.close();
  }
}
