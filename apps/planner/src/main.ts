import 'reflect-metadata';
import { parseEnvironment } from '@landfall/config';
import { LandfallError } from '@landfall/domain';
import { createLogger } from '@landfall/observability';
import { NestFactory } from '@nestjs/core';
import { PlannerModule } from './planner.module.js';
import { PLANNER_ENVIRONMENT } from './settings.js';

/** After that the process ends, whatever still hangs: a queue connection does not close while Redis is away. */
const SHUTDOWN_WITHIN_MS = 12_000;

async function main(): Promise<void> {
  const environment = parseEnvironment(PLANNER_ENVIRONMENT);
  const app = await NestFactory.createApplicationContext(PlannerModule.of(environment), {
    logger: false,
    abortOnError: false,
  });
  const shutDown = (): void => {
    setTimeout(() => process.exit(0), SHUTDOWN_WITHIN_MS).unref();
    void app.close().finally(() => process.exit(0));
  };
  process.once('SIGTERM', shutDown);
  process.once('SIGINT', shutDown);
}

main().catch((err: unknown) => {
  const message = err instanceof LandfallError ? `${err.message} ${err.fix}` : 'The planner could not start.';
  createLogger('planner').fatal({ err }, message);
  process.exit(1);
});
