import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { openApiDocument } from '@landfall/contract/openapi';
import { nestLog } from '@landfall/service';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import express from 'express';
import { gate, requires } from './access/gate.js';
import { ApiModule } from './api.module.js';
import { DASHBOARD_PATH, dashboard } from './dashboard/dashboard.js';
import { refuseControlCharacters, requireJson } from './http/request-checks.js';
import { requestBody } from './http/request-body.js';
import { requestLog } from './http/request-log.js';
import { securityHeaders } from './http/security-headers.js';
import { auditRefusedReports } from './movers/refused-reports.js';
import type { ApiPorts } from './ports.js';
import { OpenStreams } from './restores/open-streams.js';

/** The console is a folder of static files beside this app. */
const CONSOLE = fileURLToPath(new URL('../../console/public', import.meta.url));

export interface RunningApi {
  /** Without a slash at its end. */
  readonly url: string;
  readonly app: NestExpressApplication;
  /** Ends open streams and requests, then closes; connections that linger are cut. */
  close(): Promise<void>;
}

/** Builds the whole server over its ports, without listening. */
export async function createApi(ports: ApiPorts): Promise<NestExpressApplication> {
  const server = express();
  server.disable('x-powered-by');
  // Only to know whether a browser came by TLS; nothing is allowed or refused by an address.
  server.set('trust proxy', 'loopback, linklocal, uniquelocal');
  server.use(requestLog(ports.logger, ports.metrics));
  server.use(securityHeaders);
  server.use(refuseControlCharacters);
  server.use(gate(ports));
  server.use(auditRefusedReports(ports));
  server.use(DASHBOARD_PATH, dashboard(ports));
  server.use(express.static(CONSOLE, { cacheControl: false, redirect: false }));
  server.use(requireJson);
  server.use(requestBody);
  server.use(['/docs', '/docs-json', '/docs-yaml'], requires('viewer'));

  const app = await NestFactory.create<NestExpressApplication>(ApiModule.with(ports), new ExpressAdapter(server), {
    bodyParser: false,
    logger: nestLog(ports.logger),
  });
  documentApi(app);
  await app.init();
  return app;
}

export async function startApi(ports: ApiPorts, listen: { host: string; port: number }): Promise<RunningApi> {
  const app = await createApi(ports);
  await app.listen(listen.port, listen.host);
  const { address, port, family } = app.getHttpServer().address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `http://${host}:${port}`,
    app,
    close: async () => {
      app.get(OpenStreams).end();
      const server = app.getHttpServer();
      const closed = app.close();
      server.closeIdleConnections();
      const linger = setTimeout(() => server.closeAllConnections(), 3_000);
      await closed.finally(() => clearTimeout(linger));
    },
  };
}

function documentApi(app: NestExpressApplication): void {
  SwaggerModule.setup('docs', app, openApiDocument() as unknown as OpenAPIObject, {
    jsonDocumentUrl: 'docs-json',
    yamlDocumentUrl: 'docs-yaml',
    customSiteTitle: 'Landfall API',
  });
}
