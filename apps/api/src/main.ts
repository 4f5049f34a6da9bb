import 'reflect-metadata';
import { parseEnvironment } from '@landfall/config';
import { LandfallError, PermanentError } from '@landfall/domain';
import { createLogger, createMetrics, type Logger } from '@landfall/observability';
import { type Connections, connect } from './connect.js';
import { API_ENVIRONMENT } from './environment.js';
import { type RunningApi, startApi } from './server.js';

/** After that the process ends, whatever still hangs: a queue connection does not close while Redis is away. */
const SHUTDOWN_WITHIN_MS = 10_000;

async function main(): Promise<void> {
  const environment = parseEnvironment(API_ENVIRONMENT);
  const logger = createLogger('api', environment.LANDFALL_LOG_LEVEL);
  const connections = await connect(environment, logger, createMetrics('api'));
  const listen = { host: environment.LANDFALL_HOST, port: environment.LANDFALL_PORT };
  const api = await startApi(connections.ports, listen).catch((error: unknown) => {
    throw cannotListen(error, listen);
  });
  logger.info({ url: api.url }, 'The API is ready');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void shutDown(api, connections, logger, signal));
  }
}

async function shutDown(api: RunningApi, connections: Connections, logger: Logger, signal: string): Promise<void> {
  logger.info({ signal }, 'Shutting down');
  setTimeout(() => {
    logger.warn('Not everything has closed in time; ending all the same');
    process.exit(0);
  }, SHUTDOWN_WITHIN_MS).unref();
  await api.close().catch((err: unknown) => logger.warn({ err }, 'The server did not close cleanly'));
  await connections.close().catch((err: unknown) => logger.warn({ err }, 'The connections did not close cleanly'));
  process.exit(0);
}

function cannotListen(error: unknown, listen: { host: string; port: number }): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') return error;
  return new PermanentError(
    {
      code: 'CANNOT_LISTEN',
      message: `The API cannot listen on ${listen.host}:${listen.port} (${code}).`,
      fix: 'End what listens there, or set LANDFALL_HOST and LANDFALL_PORT to a free address.',
    },
    { cause: error },
  );
}

main().catch((err: unknown) => {
  const logger = createLogger('api');
  const message = err instanceof LandfallError ? `${err.message} ${err.fix}` : 'The API could not start.';
  logger.fatal({ err }, message);
  process.exit(1);
});
