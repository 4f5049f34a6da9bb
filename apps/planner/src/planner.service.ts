import type { RequestBudget } from '@landfall/domain';
import { serveHealthAndMetrics, type HealthServer, type Logger, type Metrics } from '@landfall/observability';
import { waitForPostgres, type Books } from '@landfall/persistence';
import { PLANNER_JOBS, runStepService, type StepService } from '@landfall/pipeline';
import { OpenRepositories } from '@landfall/repository';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { answerDryRun } from './jobs/dry-run.js';
import { planStep } from './jobs/plan-step.js';
import { answerScan } from './jobs/scan-repository.js';
import { Planner } from './planner.js';
import type { PlannerEnvironment } from './settings.js';
import { BOOKS, BUDGET, ENVIRONMENT, LOGGER, METRICS } from './tokens.js';

/** How long Postgres may still be starting when this process does; Redis is waited for by the loop itself. */
const START_WITHIN_MS = 30_000;

/** The planner's loop: step 0 of every restore, dry runs and scans, from the queue `planner`. */
@Injectable()
export class PlannerService implements OnApplicationBootstrap, OnApplicationShutdown {
  #loop: StepService | undefined;
  #health: HealthServer | undefined;

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: PlannerEnvironment,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) private readonly metrics: Metrics,
    @Inject(BOOKS) private readonly books: Books,
    @Inject(Planner) private readonly planner: Planner,
    @Inject(OpenRepositories) private readonly repositories: OpenRepositories,
    @Inject(BUDGET) private readonly budget: RequestBudget,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { environment, books, logger } = this;
    await waitForPostgres({ databaseUrl: environment.DATABASE_URL }, START_WITHIN_MS);
    const loop = await runStepService({
      service: 'planner',
      books: books.books,
      redis: { url: environment.REDIS_URL, prefix: environment.LANDFALL_QUEUE_PREFIX },
      handlers: { plan: planStep(this.planner, books.books) },
      answers: {
        [PLANNER_JOBS.dryRun]: answerDryRun(this.planner),
        [PLANNER_JOBS.scan]: answerScan(books.catalogue, this.repositories),
      },
      log: logger,
    });
    this.#loop = loop;
    if (environment.LANDFALL_METRICS_PORT > 0) {
      this.#health = await serveHealthAndMetrics({
        host: environment.LANDFALL_HOST,
        port: environment.LANDFALL_METRICS_PORT,
        metrics: this.metrics,
        checks: [
          { name: 'postgres', check: () => books.ping() },
          { name: 'redis', check: () => loop.queues.ping() },
        ],
      });
    }
    logger.info({}, 'The planner is ready.');
  }

  async onApplicationShutdown(): Promise<void> {
    await this.budget.close();
    await this.#loop?.close();
    await this.#health?.close();
    await this.repositories.close();
    await this.books.close();
  }
}
