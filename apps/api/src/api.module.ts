import { logModule } from '@landfall/service';
import { readinessModule } from '@landfall/service/health';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { RolesGuard } from './access/roles.guard.js';
import { SessionController } from './access/session.controller.js';
import { TokensController } from './access/tokens.controller.js';
import { CapturesController } from './captures/captures.controller.js';
import { PointsController } from './catalogue/points.controller.js';
import { RepositoriesController } from './catalogue/repositories.controller.js';
import { ProblemFilter } from './errors/problem.filter.js';
import { requestValidation } from './http/request-validation.js';
import { MoversController } from './movers/movers.controller.js';
import { PoolController } from './movers/pool.controller.js';
import { HealthController } from './operations/health.controller.js';
import { MetricsController } from './operations/metrics.controller.js';
import { OrphansController } from './operations/orphans.controller.js';
import { RecordsController } from './operations/records.controller.js';
import { PORTS, type ApiPorts } from './ports.js';
import { EventsController } from './restores/events.controller.js';
import { OpenStreams } from './restores/open-streams.js';
import { PlansController } from './restores/plans.controller.js';
import { RestoresController } from './restores/restores.controller.js';

@Module({
  controllers: [
    HealthController,
    MetricsController,
    RecordsController,
    OrphansController,
    SessionController,
    TokensController,
    RepositoriesController,
    PointsController,
    PlansController,
    RestoresController,
    EventsController,
    CapturesController,
    MoversController,
    PoolController,
  ],
})
export class ApiModule {
  static with(ports: ApiPorts): DynamicModule {
    return {
      module: ApiModule,
      imports: [readinessModule({ useFactory: () => ports.checks }), logModule(ports.logger)],
      providers: [
        OpenStreams,
        { provide: PORTS, useValue: ports },
        { provide: APP_GUARD, useClass: RolesGuard },
        { provide: APP_PIPE, useValue: requestValidation() },
        { provide: APP_FILTER, useValue: new ProblemFilter(ports.logger) },
      ],
    };
  }
}
