import { type DynamicModule, type FactoryProvider, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { NothingElseFilter } from './nothing-else.filter.js';
import { CHECKS, Readiness, type ReadinessCheck } from './readiness.js';

/** `Readiness`, of a service with these needs. */
export function readinessModule(
  checks: Pick<FactoryProvider<readonly ReadinessCheck[]>, 'inject' | 'useFactory'>,
): DynamicModule {
  return {
    module: ReadinessModule,
    global: true,
    // What is wrong is in the answer, and whoever polls asks every few seconds: nothing for the log.
    imports: [TerminusModule.forRoot({ logger: false })],
    providers: [Readiness, { provide: CHECKS, ...checks }],
    exports: [Readiness],
  };
}

@Module({})
class ReadinessModule {}

/** Health and metrics over HTTP, of a service that serves nothing else. */
export function healthModule(): DynamicModule {
  return {
    module: HealthModule,
    controllers: [HealthController],
    providers: [{ provide: APP_FILTER, useClass: NothingElseFilter }],
  };
}

@Module({})
class HealthModule {}
