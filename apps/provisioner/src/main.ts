import 'reflect-metadata';
import { parseEnvironment } from '@landfall/config';
import { LandfallError } from '@landfall/domain';
import { createLogger, type Logger } from '@landfall/observability';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PROVISIONER_ENVIRONMENT } from './environment.js';
import { ProvisionerModule } from './provisioner.module.js';

/** After that the process ends, whatever still hangs: a queue connection does not close while Redis is away. */
const SHUTDOWN_WITHIN_MS = 12_000;

async function main(): Promise<void> {
  const environment = parseEnvironment(PROVISIONER_ENVIRONMENT);
  const logger = createLogger('provisioner', environment.LANDFALL_LOG_LEVEL);
  const application = await NestFactory.createApplicationContext(ProvisionerModule.with(environment, logger), {
    logger: false,
    abortOnError: false,
  });
  logger.info('The provisioner is ready.');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void shutDown(application, logger, signal));
  }
}

async function shutDown(application: INestApplicationContext, logger: Logger, signal: string): Promise<void> {
  logger.info({ signal }, 'Shutting down.');
  setTimeout(() => process.exit(0), SHUTDOWN_WITHIN_MS).unref();
  await application.close().catch((err: unknown) => logger.warn({ err }, 'Not everything has closed cleanly.'));
  process.exit(0);
}

main().catch((err: unknown) => {
  const message = err instanceof LandfallError ? `${err.message} ${err.fix}` : 'The provisioner could not start.';
  createLogger('provisioner').fatal({ err }, message);
  process.exit(1);
});
