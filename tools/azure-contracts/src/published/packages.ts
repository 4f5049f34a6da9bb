import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { operationsOf, type ServiceClient } from './client-operations.js';
import { knownValuesFrom } from './known-values.js';
import type { PublishedOperation } from './operation.js';

/*
 * The last versions of Microsoft's management packages that came with mappers, installed under names of their own
 * beside the current clients. They are loaded by name and not by an import, so that the compiler need not read the
 * tens of thousands of lines of their declarations.
 */
export const PACKAGES = [
  { name: 'arm-compute-mappers', client: 'ComputeManagementClient' },
  { name: 'arm-network-mappers', client: 'NetworkManagementClient' },
  { name: 'arm-resources-mappers', client: 'ResourceManagementClient' },
  { name: 'arm-subscriptions-mappers', client: 'SubscriptionClient' },
  { name: 'arm-locks-mappers', client: 'ManagementLockClient' },
  { name: 'arm-authorization-mappers', client: 'AuthorizationManagementClient' },
] as const;

type ClientClass = new (credential: unknown, subscriptionId: string, options: unknown) => ServiceClient;

const NO_CREDENTIAL = { getToken: () => Promise.reject(new Error('this client sends nothing')) };

/** Every operation of the packages. @throws Error when a package is not installed */
export async function packageOperations(
  packages: readonly { readonly name: string; readonly client: string }[] = PACKAGES,
): Promise<readonly PublishedOperation[]> {
  const all = await Promise.all(packages.map(({ name, client }) => operationsIn(name, client)));
  return all.flat();
}

async function operationsIn(packageName: string, clientName: string): Promise<readonly PublishedOperation[]> {
  const folder = packageFolder(packageName);
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>;
  const module = (await import(packageName)) as Readonly<Record<string, unknown>>;
  const Client = module[clientName] as ClientClass | undefined;
  if (Client === undefined) throw new Error(`${name}@${version} has no ${clientName}`);
  const subscription = '00000000-0000-0000-0000-000000000000';
  const client = new Client(NO_CREDENTIAL, subscription, { endpoint: 'https://nowhere.invalid' });
  return operationsOf(client, `${name}@${version}`, knownValuesFrom(readFileSync(declarationsIn(folder), 'utf8')));
}

function packageFolder(packageName: string): string {
  let folder = dirname(resolvedPath(packageName));
  while (!hasManifest(folder)) {
    if (folder === dirname(folder)) throw new Error(`${packageName} has no package.json`);
    folder = dirname(folder);
  }
  return folder;
}

function resolvedPath(packageName: string): string {
  try {
    return fileURLToPath(import.meta.resolve(packageName));
  } catch (error) {
    throw new Error(`The package ${packageName} is not installed; run npm ci.`, { cause: error });
  }
}

/** The folders of a build have manifests too, which name nothing but the kind of modules. */
function hasManifest(folder: string): boolean {
  const path = join(folder, 'package.json');
  return existsSync(path) && 'version' in (JSON.parse(readFileSync(path, 'utf8')) as object);
}

function declarationsIn(folder: string): string {
  const places = ['dist/esm/models/index.d.ts', 'dist-esm/src/models/index.d.ts'].map((place) => join(folder, place));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`no declarations of models in ${folder}`);
  return found;
}
