import 'reflect-metadata';
import { parseEnvironment } from '@landfall/config';
import { PermanentError } from '@landfall/domain';
import { createMetrics } from '@landfall/observability';
import { host } from '@landfall/service';
import { connect } from './connect.js';
import { API_ENVIRONMENT } from './environment.js';
import { startApi } from './server.js';

await host({
  name: 'api',
  async start({ log }) {
    const environment = parseEnvironment(API_ENVIRONMENT);
    log.level = environment.LANDFALL_LOG_LEVEL;
    const connections = await connect(environment, log, createMetrics('api'));
    const listen = { host: environment.LANDFALL_HOST, port: environment.LANDFALL_PORT };
    const api = await startApi(connections.ports, listen).catch((error: unknown) => {
      throw cannotListen(error, listen);
    });
    log.info({ url: api.url }, 'The API is ready.');
    return {
      async close() {
        await api.close().catch((err: unknown) => log.warn({ err }, 'The server did not close cleanly.'));
        await connections.close();
      },
    };
  },
});

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
