import { mkdirSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { CallLog } from './arm/call-log.js';
import { recordExchange, type Exchange } from './arm/recorder.js';
import { Router } from './arm/router.js';
import { serveArm } from './arm/server.js';
import type { Azure } from './azure.js';
import { loadCertificate } from './certificate.js';
import { OPERATION_KINDS, ROUTES } from './catalogue.js';
import { DIAGNOSTICS_PREFIX, serveDiagnostics } from './compute/boot-diagnostics.js';
import { DiskFiles } from './compute/disk-files.js';
import { Faults } from './faults/faults.js';
import { faultRoutes } from './faults/routes.js';
import { principalOf } from './governance/principals.js';
import { requireAllowed } from './governance/rules.js';
import { Throttle } from './governance/throttling.js';
import { openHypervisor, type HypervisorKind, type QemuSettings } from './hypervisor/open-hypervisor.js';
import { inspectionRoutes } from './inspection/routes.js';
import { Operations } from './operations/engine.js';
import { servePageBlob } from './page-blob/endpoint.js';
import { Bandwidth } from './page-blob/bandwidth.js';
import { Transfers } from './page-blob/transfers.js';
import { seed } from './seed.js';
import { PROFILES, type ProfileName } from './settings/profiles.js';
import { DEFAULT_SETTINGS, Settings } from './settings/settings.js';
import { DISK, SNAPSHOT } from './state/records.js';
import { State } from './state/state.js';
import { workerLimit } from './workers/worker-limit.js';
import { Workers } from './workers/workers.js';

export interface EmulatorOptions {
  /** Holds everything: state, disks, certificates. Two emulators never share one. */
  readonly dataDirectory: string;
  readonly token: string;
  readonly subscriptionId: string;
  readonly host?: string;
  /** 0 or left out: a free one. */
  readonly port?: number;
  /** Program and arguments of a data-mover; left out: worker VMs run nothing. */
  readonly workerCommand?: readonly string[] | null;
  /** Data-movers on each worker, where its VM asks for fewer; one when left out. */
  readonly workerProcesses?: number;
  /** Whether VMs that are no workers really boot their disks; `none` by default. */
  readonly hypervisor?: HypervisorKind;
  readonly qemu?: QemuSettings;
  /** Whose times operations take; left out: nobody's, they take none. */
  readonly profile?: ProfileName | undefined;
  /** How long a long-running operation takes when nothing else is set; 0 by default. */
  readonly delayMs?: number;
  /** `Retry-After` of long-running operations; 0 by default. */
  readonly retryAfterSeconds?: number;
  readonly now?: () => Date;
  /** Told of every request to Azure Resource Manager with its answer, less their secrets. */
  readonly onExchange?: ((exchange: Exchange) => void) | undefined;
}

export interface Emulator {
  readonly url: string;
  /** The certificate authority that a client must trust. */
  readonly caPath: string;
  readonly token: string;
  readonly subscriptionId: string;
  /** Ends as soon as no long-running operation is in progress. */
  idle(): Promise<void>;
  /** Ends the workers, then the server; operations in progress go on at the next start. */
  close(): Promise<void>;
}

/** The answer to what is not HTTP at all. */
const MALFORMED_REQUEST = [
  'HTTP/1.1 400 Bad Request',
  'content-type: application/json; charset=utf-8',
  'connection: close',
  '',
  JSON.stringify({ error: { code: 'BadRequest', message: 'The request is not a valid HTTP request.' } }),
].join('\r\n');

export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const host = options.host ?? '127.0.0.1';
  const now = options.now ?? (() => new Date());
  const dataDirectory = resolve(options.dataDirectory);
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const { key, certificate, caPath } = await loadCertificate(dataDirectory, host);
  const state = new State(dataDirectory);
  const settings = new Settings(state, {
    ...DEFAULT_SETTINGS,
    ...(options.profile === undefined ? {} : PROFILES[options.profile]),
    delayMs: options.delayMs ?? 0,
    retryAfterSeconds: options.retryAfterSeconds ?? 0,
  });
  const files = new DiskFiles(dataDirectory);
  const hypervisor = openHypervisor(options.hypervisor ?? 'none', { state, files, dataDirectory, now }, options.qemu);
  const workers = new Workers(
    state,
    {
      dataDirectory,
      command: options.workerCommand ?? null,
      leastProcesses: options.workerProcesses ?? 1,
      limitOf: (vm) => workerLimit(settings.values, vm),
    },
    hypervisor,
  );
  await workers.reap();
  seed(state, options.subscriptionId, now);

  let azure: Azure | null = null;
  const started = (): Azure => {
    if (azure === null) throw new Error('the emulator has not started yet');
    return azure;
  };
  const operations = new Operations(state, settings, started, OPERATION_KINDS);
  const log = new CallLog();
  const kinds = OPERATION_KINDS.map(({ name }) => name);
  const router = new Router([...ROUTES, ...inspectionRoutes(log, kinds), ...faultRoutes({ routes: ROUTES, kinds })]);
  const throttle = new Throttle(started);
  const server = createServer(
    // AES-128 is enough for an emulator, and the fastest there is.
    {
      key,
      cert: certificate,
      ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
      keepAliveTimeout: 60_000,
    },
    (request, response) => {
      const path = request.url ?? '/';
      if (path === '/health') {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}');
      } else if (path.startsWith('/sas/')) {
        void servePageBlob(request, response, started());
      } else if (path.startsWith(DIAGNOSTICS_PREFIX)) {
        serveDiagnostics(request, response, started());
      } else {
        const isRecorded = options.onExchange !== undefined && !path.startsWith('/_emulator/');
        if (isRecorded) recordExchange(request, response, options.onExchange);
        void serveArm(request, response, {
          azure: started(),
          router,
          principalOf: (token) => principalOf(token, options.token, started()),
          throttle,
          log,
          rules: (route, call, parts) => {
            requireAllowed(route, call, parts);
            throttle.requireCompute(route, call);
          },
        }).catch(() => response.destroy());
      }
    },
  );
  server.on('clientError', (_, socket) => {
    if (socket.writable) socket.end(MALFORMED_REQUEST);
  });
  await new Promise<void>((ready, failed) => {
    server.once('error', failed);
    server.listen(options.port ?? 0, host, ready);
  });
  const url = `https://${host}:${(server.address() as AddressInfo).port}`;
  const transfers = new Transfers();
  azure = {
    subscriptionId: options.subscriptionId,
    baseUrl: url,
    state,
    operations,
    files,
    workers,
    transfers,
    settings,
    faults: new Faults(state, now),
    bandwidth: new Bandwidth(),
    now,
  };
  const diskIds = new Set([...state.ofType(DISK), ...state.ofType(SNAPSHOT)].map(({ uniqueId }) => uniqueId));
  files.sweep((uniqueId) => diskIds.has(uniqueId));
  workers.resume();
  operations.resume();
  return {
    url,
    caPath,
    token: options.token,
    subscriptionId: options.subscriptionId,
    idle: () => operations.idle(),
    close: async () => {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      operations.close();
      await workers.stopAll();
      await transfers.endAll();
      await closed;
      state.close();
    },
  };
}
