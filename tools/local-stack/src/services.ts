import { request } from 'node:https';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programOf } from '@landfall/config';
import { SEED, seedIds, type HypervisorKind, type ProfileName } from '@landfall/azure-emulator';
import { processNames, type Installation, type ServiceName } from './installation.js';
import { AZURITE_ACCOUNT, type ServerSpec } from './servers/index.js';

/*
 * How each process of Landfall is run on one machine. Each gets the settings that its own schema asks for
 * (libs/config) and nothing else of this process' environment.
 */
/** The emulated archive tier gives back within seconds what Azure takes hours for. */
const ARCHIVE_LOOK_SECONDS = '2';
const workspace = fileURLToPath(new URL('../../..', import.meta.url));

export interface StackAddresses {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** In front of every queue's keys: a Redis of the user's own may serve several installations. */
  readonly queuePrefix: string;
  readonly azuriteUrl: string;
  /** How data-movers reach the API, on workers and in the pool; left out: as everybody does. */
  readonly moverApiUrl?: string;
}

/** How many processes there are of each kind. */
export interface Scale {
  /** Of the API, the planner, the provisioner and the finalizer each. */
  readonly services: number;
  /** In the pool of data-movers. */
  readonly movers: number;
}

type Environment = Record<string, string>;

export function azureFolder(folder: string): string {
  return join(folder, 'azure');
}

export function azureEmulator(
  folder: string,
  installation: Installation,
  hypervisor: HypervisorKind = 'none',
  profile?: ProfileName,
): ServerSpec {
  const data = azureFolder(folder);
  const port = installation.ports.azure;
  return {
    name: 'azure-emulator',
    command: process.execPath,
    args: [
      ...[
        join(workspace, 'tools/azure-emulator/dist/main.js'),
        '--data',
        data,
        '--port',
        String(port),
        '--hypervisor',
        hypervisor,
      ],
      ...(profile === undefined ? [] : ['--profile', profile]),
    ],
    env: {
      ...base(),
      NODE_EXTRA_CA_CERTS: caPath(folder),
      NODE_NO_WARNINGS: '1', // at the first start the certificate is not there yet; it is for the workers
      EMULATOR_TOKEN: installation.azureToken,
      EMULATOR_SUBSCRIPTION_ID: installation.subscriptionId,
      ...(process.env.EMULATOR_QEMU_MEMORY_MIB === undefined
        ? {}
        : { EMULATOR_QEMU_MEMORY_MIB: process.env.EMULATOR_QEMU_MEMORY_MIB }),
      EMULATOR_WORKER_COMMAND: JSON.stringify([process.execPath, programOf('data-mover')]),
    },
    port,
    url: `https://127.0.0.1:${port}`,
    stopSignal: 'SIGTERM',
    ready: () => answersOverTls(port, caPath(folder)),
  };
}

/** What Azurite's users talk to. */
export function rehydrationProxy(options: {
  readonly dataDirectory: string;
  readonly port: number;
  /** Azurite itself. */
  readonly upstream: string;
}): ServerSpec {
  const { dataDirectory, port, upstream } = options;
  const url = `http://127.0.0.1:${port}`;
  return {
    name: 'rehydration-proxy',
    command: process.execPath,
    args: [
      join(workspace, 'tools/azure-emulator/dist/archive/main.js'),
      ...['--data', dataDirectory, '--upstream', upstream, '--port', String(port)],
    ],
    env: { ...base(), ARCHIVE_ACCOUNT: AZURITE_ACCOUNT.name, ARCHIVE_ACCOUNT_KEY: AZURITE_ACCOUNT.key },
    port,
    url,
    stopSignal: 'SIGTERM',
    ready: () => answers(`${url}/_archive/times`),
  };
}

export function caPath(folder: string): string {
  return join(azureFolder(folder), 'ca.pem');
}

/**
 * The API, the three services with a queue each, and the pool of data-movers, in the order of the flow. Several APIs want
 * a `Balancer` on the installation's port `api`.
 */
export function services(
  folder: string,
  installation: Installation,
  addresses: StackAddresses,
  scale: Scale,
): { readonly apis: readonly ServerSpec[]; readonly others: readonly ServerSpec[] } {
  const apiUrl = addresses.moverApiUrl ?? `http://127.0.0.1:${installation.ports.api}`;
  const books: Environment = { DATABASE_URL: addresses.databaseUrl };
  const queues: Environment = { REDIS_URL: addresses.redisUrl, LANDFALL_QUEUE_PREFIX: addresses.queuePrefix };
  const secrets: Environment = { LANDFALL_SECRET_KEY: installation.secretKey };
  const blobs: Environment = {
    LANDFALL_BLOB_ACCOUNTS: JSON.stringify({
      [AZURITE_ACCOUNT.name]: {
        endpoint: `${addresses.azuriteUrl}/${AZURITE_ACCOUNT.name}`,
        key: AZURITE_ACCOUNT.key,
      },
    }),
  };
  const azure: Environment = {
    AZURE_SUBSCRIPTION_ID: installation.subscriptionId,
    LANDFALL_AZURE_ENDPOINT: `https://127.0.0.1:${installation.ports.azure}`,
    LANDFALL_AZURE_TOKEN: installation.azureToken,
    LANDFALL_APPLIANCE_ID: installation.applianceId,
    NODE_EXTRA_CA_CERTS: caPath(folder),
    ...given(/^LANDFALL_(AZURE_(READS|WRITES|DELETES|VM_WRITES)|SWEEP)/),
  };
  const seeded = seedIds(installation.subscriptionId);
  const destination: Environment = {
    LANDFALL_DEFAULT_REGION: SEED.region,
    LANDFALL_DEFAULT_RESOURCE_GROUP: SEED.resourceGroup,
    LANDFALL_DEFAULT_SUBNET_ID: seeded.machineSubnetId,
  };
  const workers: Environment = { LANDFALL_WORKER_SUBNET_ID: seeded.workerSubnetId };

  const service = (kind: ServiceName, portVariable: string, ...parts: Environment[]): readonly ServerSpec[] =>
    processNames(kind, scale.services).map((name) => {
      const port = installation.ports[name]!;
      return {
        name,
        command: process.execPath,
        args: [programOf(kind)],
        env: Object.assign({ [portVariable]: String(port) }, base(), ...parts) as Environment,
        port,
        url: `http://127.0.0.1:${port}`,
        stopSignal: 'SIGTERM',
        ready: () => answers(`http://127.0.0.1:${port}/health/ready`),
      };
    });
  const queueService = (kind: ServiceName, ...parts: Environment[]): readonly ServerSpec[] =>
    service(kind, 'LANDFALL_METRICS_PORT', books, queues, ...parts);

  return {
    apis: service('api', 'LANDFALL_PORT', books, queues, secrets, blobs, {
      LANDFALL_API_TOKEN: installation.apiToken,
      // Of a stack that one person has on a machine.
      LANDFALL_SELF_APPROVAL: 'yes',
      ...given(/^LANDFALL_(MOVER_LEASE_SECONDS|SELF_APPROVAL)$/),
    }),
    others: [
      ...queueService('planner', secrets, azure, blobs, destination, workers),
      ...queueService('provisioner', secrets, azure, blobs, workers, {
        LANDFALL_API_URL: apiUrl,
        LANDFALL_ARCHIVE_LOOK_SECONDS: ARCHIVE_LOOK_SECONDS,
      }),
      ...queueService('finalizer', secrets, azure, blobs),
      ...Array.from({ length: scale.movers }, (_, index) => ({
        name: `data-mover-${index + 1}`,
        command: process.execPath,
        args: [programOf('data-mover')],
        env: {
          ...base(),
          NODE_EXTRA_CA_CERTS: caPath(folder),
          LANDFALL_API_URL: apiUrl,
          LANDFALL_MOVER_TOKEN: installation.moverToken,
          LANDFALL_MOVER_NAME: `pool-${index + 1}`,
          LANDFALL_MOVER_STATE: join(folder, 'movers', `pool-${index + 1}`),
        },
        port: 0,
        url: '',
        stopSignal: 'SIGTERM' as const,
        ready: () => Promise.resolve(true), // serves nothing; one that dies is started again
      })),
    ],
  };
}

function base(): Environment {
  const node = dirname(process.execPath);
  return {
    PATH: [node, process.env.PATH ?? ''].join(delimiter),
    LANDFALL_LOG_LEVEL: process.env.LANDFALL_LOG_LEVEL ?? 'info',
  };
}

/** What whoever starts the stack has set himself. */
function given(names: RegExp): Environment {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (names.test(name) && value ? [[name, value]] : [])),
  );
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** The emulator makes its own authority at its first start; until then there is nothing to trust. */
function answersOverTls(port: number, ca: string): Promise<boolean> {
  if (!existsSync(ca)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const asked = request(
      { host: '127.0.0.1', port, path: '/health', ca: readFileSync(ca), timeout: 2_000 },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false));
    asked.end();
  });
}
