import type { Logger } from '@landfall/observability';
import type { Books } from '@landfall/persistence';
import { PLANNER_JOBS, QueueClient, QUEUES } from '@landfall/pipeline';
import { OpenRepositories } from '@landfall/repository';
import { BOOKS, LOGGER, TakesJobsOf } from '@landfall/service';
import { StepProcessor, STEPS_AT_ONCE } from '@landfall/service/steps';
import { Inject } from '@nestjs/common';
import { answerDryRun } from './jobs/dry-run.js';
import { answerDamage } from './jobs/look-at-damage.js';
import { planStep } from './jobs/plan-step.js';
import { answerScan } from './jobs/scan-repository.js';
import { Planner } from './planner.js';
import { PointSurveyor } from './surveys/point-surveyor.js';

/** Step 0 of every restore, dry runs, scans, and what lies in what is damaged. */
@TakesJobsOf(QUEUES.planner, { concurrency: STEPS_AT_ONCE })
export class PlannerProcessor extends StepProcessor {
  constructor(
    @Inject(BOOKS) { books, catalogue }: Books,
    @Inject(QueueClient) queues: QueueClient,
    @Inject(LOGGER) log: Logger,
    @Inject(Planner) planner: Planner,
    @Inject(OpenRepositories) repositories: OpenRepositories,
    @Inject(PointSurveyor) surveyor: PointSurveyor,
  ) {
    super({
      ...{ service: 'planner', books, queues, log },
      handlers: { plan: planStep({ planner, books, catalogue }) },
      answers: {
        [PLANNER_JOBS.dryRun]: answerDryRun(planner),
        [PLANNER_JOBS.damage]: answerDamage(books, repositories),
        [PLANNER_JOBS.scan]: answerScan(catalogue, repositories, surveyor),
      },
    });
  }
}
