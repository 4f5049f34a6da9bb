import type { Cloud } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import type { Books } from '@landfall/persistence';
import { OpenRepositories } from '@landfall/repository';
import { APPLIANCE_ID, BOOKS, CLOUD, LOGGER } from '@landfall/service';
import { cloudModule } from '@landfall/service/cloud';
import { repositoriesModule } from '@landfall/service/repositories';
import { stepService } from '@landfall/service/steps';
import { Module, type DynamicModule } from '@nestjs/common';
import { askedOnce } from './facts/asked-once.js';
import { Planner } from './planner.js';
import { PlannerProcessor } from './planner.processor.js';
import { PointSurveyor } from './surveys/point-surveyor.js';
import { planningSettings, type PlannerEnvironment } from './settings.js';

/** RestoreRequest → RestorePlan: reads Azure and the repositories, and takes jobs from the queue `planner`. */
@Module({})
export class PlannerModule {
  static with(environment: PlannerEnvironment, log: Logger): DynamicModule {
    const makePlanner = (books: Books, cloud: Cloud, repositories: OpenRepositories, applianceId: string): Planner =>
      new Planner({
        catalogue: books.catalogue,
        books: books.books,
        cloud: askedOnce(cloud.reader),
        policies: cloud.policies,
        repositories,
        surveys: books.surveys,
        settings: planningSettings(environment, applianceId),
      });
    return {
      module: PlannerModule,
      imports: [...stepService('planner', environment, log), cloudModule(), repositoriesModule()],
      providers: [
        { provide: Planner, inject: [BOOKS, CLOUD, OpenRepositories, APPLIANCE_ID], useFactory: makePlanner },
        {
          provide: PointSurveyor,
          inject: [BOOKS, OpenRepositories, LOGGER],
          useFactory: ({ surveys }: Books, repositories: OpenRepositories, logger: Logger) =>
            new PointSurveyor({ surveys, repositories, log: logger }),
        },
        PlannerProcessor,
      ],
    };
  }
}
