import { badRequest } from './errors.js';
import { REGIONS } from '../groups/regions.js';

/*
 * The API versions that there are, as Azure names them in its refusals and with its providers. Compute has some of its
 * own for disks; a type that isn't named here takes any. The newest of each are those that the clients of this workspace
 * ask for.
 */
const DISKS = [
  ...['2016-04-30-preview', '2017-03-30', '2018-04-01', '2018-06-01', '2018-09-30', '2019-03-01', '2019-07-01'],
  ...['2019-11-01', '2020-05-01', '2020-06-30', '2020-09-30', '2020-12-01', '2021-04-01', '2021-08-01', '2021-12-01'],
  ...['2022-03-02', '2022-07-02', '2023-01-02', '2023-04-02', '2023-10-02', '2024-03-02', '2025-01-02'],
  '2026-03-02',
];
const COMPUTE = [
  ...['2015-05-01-preview', '2015-06-15', '2016-03-30', '2016-04-30-preview', '2017-03-30', '2017-12-01', '2018-04-01'],
  ...['2018-06-01', '2018-10-01', '2019-03-01', '2019-07-01', '2019-12-01', '2020-06-01', '2020-12-01', '2021-03-01'],
  ...['2021-04-01', '2021-07-01', '2021-11-01', '2022-03-01', '2022-08-01', '2022-11-01', '2023-03-01', '2023-07-01'],
  ...['2023-09-01', '2024-03-01', '2024-07-01', '2024-11-01', '2025-04-01'],
  '2026-04-01',
];
const NETWORK = [
  ...['2015-05-01-preview', '2015-06-15', '2016-03-30', '2016-06-01', '2016-09-01', '2016-12-01', '2017-03-01'],
  ...['2017-06-01', '2017-09-01', '2017-10-01', '2018-01-01', '2018-02-01', '2018-04-01', '2018-06-01', '2018-07-01'],
  ...['2018-08-01', '2018-10-01', '2018-11-01', '2018-12-01', '2019-02-01', '2019-04-01', '2019-06-01', '2019-07-01'],
  ...['2019-08-01', '2019-09-01', '2019-11-01', '2019-12-01', '2020-03-01', '2020-04-01', '2020-05-01', '2020-06-01'],
  ...['2020-07-01', '2020-08-01', '2020-11-01', '2021-02-01', '2021-03-01', '2021-05-01', '2021-08-01', '2022-01-01'],
  ...['2022-05-01', '2022-07-01', '2022-09-01', '2022-11-01', '2023-02-01', '2023-04-01', '2023-05-01', '2023-06-01'],
  ...['2023-09-01', '2023-11-01', '2024-01-01', '2024-03-01', '2024-05-01', '2024-07-01', '2025-01-01', '2025-03-01'],
  ...['2025-05-01', '2026-01-01'],
];
const IDENTITY = [
  '2018-11-30',
  '2021-09-30-preview',
  '2022-01-31-preview',
  '2023-01-31',
  '2023-07-31-preview',
  '2024-11-30',
];

const OF_DISKS = ['disks', 'snapshots', 'diskencryptionsets', 'diskaccesses'];

/** Null where any is taken. @param type without its provider, such as `disks` or `virtualMachines` */
export function apiVersionsOf(namespace: string, type: string): readonly string[] | null {
  switch (namespace.toLowerCase()) {
    case 'microsoft.compute':
      return OF_DISKS.includes(type.toLowerCase()) ? DISKS : COMPUTE;
    case 'microsoft.network':
      return NETWORK;
    case 'microsoft.managedidentity':
      return IDENTITY;
    default:
      return null;
  }
}

/**
 * @param location of what the request is about, where that is known
 * @throws AzureError 400 NoRegisteredProviderFound for a version that the type of a resource doesn't have
 */
export function requireKnownApiVersion(path: string, version: string, location: string): void {
  // The last provider's: a lock on a disk is no disk.
  const [, namespace, type] = /\/resourceGroups\/[^/]+.*\/providers\/([^/]+)\/([^/]+)/i.exec(path) ?? [];
  if (namespace === undefined || type === undefined) return;
  const known = apiVersionsOf(namespace, type);
  if (known === null || known.includes(version)) return;
  throw badRequest(
    'NoRegisteredProviderFound',
    `No registered resource provider found for location '${location}' and API version '${version}' for type '${type}'. ` +
      `The supported api-versions are '${known.join(', ')}'. ` +
      `The supported locations are '${REGIONS.map(({ name }) => name).join(', ')}'.`,
  );
}
