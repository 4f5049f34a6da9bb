import type { Exchange } from '@landfall/azure-emulator';
import type { Report } from './finding.js';

/*
 * What Azure shows of every resource that is there. The published models leave nearly all of it optional, because the
 * same model serves requests; a client that reads a resource relies on it.
 */
const IDENTITY = ['id', 'name', 'type', 'location', 'properties.provisioningState'];
const DISK = [
  ...IDENTITY,
  ...['sku.name', 'properties.creationData.createOption'],
  ...['properties.timeCreated', 'properties.diskState', 'properties.uniqueId'],
];
/** What a disk shows once its upload, where it has one, has ended; until then it has no size. */
const DISK_SIZE = ['properties.diskSizeGB', 'properties.diskSizeBytes'];
const WITHOUT_SIZE: readonly unknown[] = ['ReadyToUpload', 'ActiveUpload'];
const MACHINE = [
  ...IDENTITY,
  ...['properties.vmId', 'properties.hardwareProfile.vmSize', 'properties.storageProfile.osDisk.managedDisk.id'],
  ...['properties.storageProfile.dataDisks', 'properties.networkProfile.networkInterfaces'],
];
const NETWORK = [...IDENTITY, 'etag'];

const SHOWN: readonly {
  readonly operations: RegExp;
  readonly paths: readonly string[] | ((item: unknown) => readonly string[]);
}[] = [
  { operations: /^resourceGroups\.(get|list|createOrUpdate|update)$/, paths: IDENTITY },
  { operations: /^resources\.list/, paths: ['id', 'name', 'type', 'location'] },
  { operations: /^(disks|snapshots)\.(get|list)/, paths: shownOfDisk },
  { operations: /^virtualMachines\.(get|list|listAll|createOrUpdate|update)$/, paths: MACHINE },
  { operations: /^virtualMachines\.instanceView$/, paths: ['statuses', 'disks'] },
  { operations: /^virtualMachines\.retrieveBootDiagnosticsData$/, paths: ['serialConsoleLogBlobUri'] },
  { operations: /^resourceSkus\.list$/, paths: ['resourceType', 'name', 'locations', 'locationInfo'] },
  {
    operations: /^networkInterfaces\.(get|list|listAll|createOrUpdate|updateTags)$/,
    paths: [...NETWORK, 'properties.ipConfigurations', 'properties.enableIPForwarding'],
  },
  {
    operations: /^virtualNetworks\.(get|list|listAll|createOrUpdate|updateTags)$/,
    paths: [...NETWORK, 'properties.addressSpace.addressPrefixes', 'properties.subnets'],
  },
  {
    operations: /^subnets\.(get|list|createOrUpdate)$/,
    paths: ['id', 'name', 'etag', 'properties.provisioningState', 'properties.addressPrefix'],
  },
  {
    operations: /^publicIPAddresses\.(get|list|createOrUpdate)$/,
    paths: [...NETWORK, 'properties.publicIPAllocationMethod', 'properties.publicIPAddressVersion', 'sku.name'],
  },
  { operations: /^networkSecurityGroups\.(get|list|createOrUpdate)$/, paths: NETWORK },
  { operations: /^providers\.(get|list|register)$/, paths: ['namespace', 'registrationState', 'resourceTypes'] },
  { operations: /^subscriptions\.listLocations$/, paths: ['id', 'name', 'displayName', 'metadata.regionType'] },
  { operations: /^managementLocks\.(get|list|createOrUpdate)/, paths: ['id', 'name', 'type', 'properties.level'] },
  { operations: /^permissions\.list/, paths: ['actions', 'notActions'] },
];

export function checkShown({ answer }: Exchange, operation: string, report: Report): void {
  const shown = SHOWN.find(({ operations }) => operations.test(operation));
  if (shown === undefined || answer.status >= 400) return;
  const isList = typeof answer.body === 'object' && answer.body !== null && 'value' in answer.body;
  const items = isList ? (answer.body as { readonly value: readonly unknown[] }).value : [answer.body];
  for (const [index, item] of items.entries()) {
    const paths = typeof shown.paths === 'function' ? shown.paths(item) : shown.paths;
    for (const path of paths.filter((each) => memberAt(item, each) === undefined)) {
      const place = isList ? `value[${index}].${path}` : path;
      report('answer', place, 'missing property', 'Azure shows it of every such resource');
    }
  }
}

function shownOfDisk(disk: unknown): readonly string[] {
  return WITHOUT_SIZE.includes(memberAt(disk, 'properties.diskState')) ? DISK : [...DISK, ...DISK_SIZE];
}

function memberAt(value: unknown, path: string): unknown {
  let member = value;
  for (const step of path.split('.')) member = (member as Readonly<Record<string, unknown>> | null | undefined)?.[step];
  return member;
}
