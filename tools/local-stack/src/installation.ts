import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outlineOf, PermanentError } from '@landfall/domain';
import { freePort } from './servers/index.js';
import { writePrivately } from './stack-file.js';

/*
 * What makes a folder the same installation from one start to the next: its appliance ID, credentials and ports.
 * All in one private file, but for the key that encrypts repository passwords, which is a file of its own so that it
 * can be kept elsewhere than the data.
 */
export interface Installation {
  readonly applianceId: string;
  readonly subscriptionId: string;
  /** 64 hexadecimal digits. */
  readonly secretKey: string;
  readonly apiToken: string;
  readonly moverToken: string;
  readonly azureToken: string;
  readonly postgresPassword: string;
  readonly redisPassword: string;
  readonly ports: Ports;
}

export type Ports = Readonly<Record<(typeof PORT_NAMES)[number], number> & Partial<Record<PortName, number>>>;

/** The services that may run more than once, in the order of the flow. */
export const SERVICE_NAMES = ['api', 'planner', 'provisioner', 'finalizer'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export const PORT_NAMES = ['postgres', 'redis', 'azurite', 'blobs', 'azure', ...SERVICE_NAMES] as const;
/** `api` is where the API is reached, however many there are; `api-1` and `api-2` are where two of them listen. */
export type PortName = (typeof PORT_NAMES)[number] | `${ServiceName}-${number}`;

type Kept = Omit<Installation, 'secretKey' | 'ports'> & { readonly ports: Readonly<Partial<Record<PortName, number>>> };

/**
 * Makes the folder if it is new; a port that somebody else has taken since the last start is replaced.
 * @param copies processes of each service: from two on, each has a port of its own besides
 */
export async function openInstallation(folder: string, copies = 1): Promise<Installation> {
  try {
    mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new PermanentError(
      {
        code: 'DATA_FOLDER_UNUSABLE',
        message: `The data folder ${folder} can't be made: ${outlineOf(cause)}.`,
        fix: 'Give a folder that you may write to with --data.',
      },
      { cause },
    );
  }
  const path = join(folder, 'installation.json');
  const kept = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Kept) : newInstallation();
  const given = new Map<PortName, number>();
  const names = [...PORT_NAMES, ...SERVICE_NAMES.flatMap((name) => (copies === 1 ? [] : processNames(name, copies)))];
  for (const name of names) given.set(name, await portApartFrom([...given.values()], kept.ports[name]));
  const ports = Object.fromEntries(given) as Ports;
  writePrivately(path, { ...kept, ports: { ...kept.ports, ...ports } });
  return { ...kept, secretKey: secretKey(folder), ports };
}

/** One process has its service's own name; several are numbered from 1. */
export function processNames(
  service: ServiceName,
  copies: number,
): readonly (ServiceName | `${ServiceName}-${number}`)[] {
  return copies === 1 ? [service] : Array.from({ length: copies }, (_, index) => `${service}-${index + 1}` as const);
}

/** Of which kind a process is, by its name: `api` for `api-2`, `data-mover` for `data-mover-1`. */
export function kindOfProcess(name: string): string {
  return name.replace(/-\d+$/, '');
}

/** The system may offer the port again that it has just offered, because nobody listens on it yet. */
async function portApartFrom(taken: readonly number[], preferred?: number): Promise<number> {
  for (;;) {
    const port = await freePort(preferred);
    if (!taken.includes(port)) return port;
    preferred = undefined;
  }
}

function newInstallation(): Kept {
  const token = () => randomBytes(32).toString('base64url');
  return {
    applianceId: `local-${randomBytes(6).toString('hex')}`,
    subscriptionId: randomUUID(),
    apiToken: token(),
    moverToken: token(),
    azureToken: token(),
    postgresPassword: token(),
    redisPassword: token(),
    ports: {},
  };
}

function secretKey(folder: string): string {
  const path = join(folder, 'secret.key');
  if (!existsSync(path)) writeFileSync(path, `${randomBytes(32).toString('hex')}\n`, { flag: 'wx', mode: 0o600 });
  const key = readFileSync(path, 'utf8').trim();
  if (/^[0-9a-f]{64}$/i.test(key)) return key;
  throw new PermanentError({
    code: 'SECRET_KEY_DAMAGED',
    message: `${path} does not hold 64 hexadecimal digits.`,
    fix: 'Put the right key back from your copy. Without it, remove the folder, start again and add the repositories anew.',
  });
}
