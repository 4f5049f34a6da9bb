/*
 * What Azure sends, where it is known better than from the published models: those list every status that a client
 * accepts, and nothing of the headers by which a long-running operation is followed.
 *
 * Operations are named as in Microsoft's packages. `accepts` is the answer to a request that starts a long-running
 * operation, as it was seen in recorded traffic.
 */
export interface WireFacts {
  readonly operations: readonly string[];
  /** Statuses of a success, and of a HEAD that finds nothing. */
  readonly statuses: readonly number[];
  readonly accepts?: Acceptance;
}

export interface Acceptance {
  /** With which status the operation is accepted; other successes are over at once. */
  readonly status: readonly number[];
  readonly headers: readonly ('azure-asyncoperation' | 'location')[];
  /** Of the path that the headers point to. */
  readonly url: RegExp;
  /** What the body says meanwhile: the path of a member and its value. */
  readonly states?: readonly string[];
  readonly body: 'resource' | 'none' | 'either';
}

const GUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const COMPUTE = new RegExp(
  `^/subscriptions/[^/]+/providers/Microsoft\\.Compute/locations/[a-z0-9]+/operations/${GUID}$`,
  'i',
);
const DISK = new RegExp(
  `^/subscriptions/[^/]+/providers/Microsoft\\.Compute/locations/[a-z0-9]+/DiskOperations/${GUID}$`,
  'i',
);
const NETWORK = new RegExp(
  `^/subscriptions/[^/]+/providers/Microsoft\\.Network/locations/[a-z0-9]+/operations/${GUID}$`,
  'i',
);
const RESOURCES = /^\/subscriptions\/[^/]+\/operationresults\/[^/]+$/i;

const BOTH = ['azure-asyncoperation', 'location'] as const;

export const WIRE_FACTS: readonly WireFacts[] = [
  { operations: ['resourceGroups.createOrUpdate'], statuses: [200, 201] },
  { operations: ['resourceGroups.update', 'resourceGroups.get', 'resourceGroups.list'], statuses: [200] },
  { operations: ['resourceGroups.checkExistence'], statuses: [204, 404] },
  {
    operations: ['resourceGroups.delete'],
    statuses: [200, 202],
    accepts: { status: [202], headers: ['location'], url: RESOURCES, body: 'none' },
  },
  { operations: ['resources.listByResourceGroup', 'resources.list'], statuses: [200] },
  {
    operations: ['resources.moveResources', 'resources.validateMoveResources'],
    statuses: [202, 204],
    accepts: { status: [202], headers: ['location'], url: RESOURCES, body: 'none' },
  },
  {
    operations: ['disks', 'snapshots'].flatMap((kind) => [`${kind}.createOrUpdate`, `${kind}.update`]),
    statuses: [200, 201, 202],
    accepts: { status: [202], headers: BOTH, url: DISK, states: ['Updating'], body: 'resource' },
  },
  {
    operations: ['disks.delete', 'snapshots.delete'],
    statuses: [200, 202, 204],
    accepts: { status: [202], headers: BOTH, url: DISK, body: 'none' },
  },
  {
    operations: ['disks', 'snapshots'].flatMap((kind) => [`${kind}.grantAccess`, `${kind}.revokeAccess`]),
    statuses: [200, 202],
    accepts: { status: [202], headers: BOTH, url: DISK, body: 'none' },
  },
  {
    operations: ['disks', 'snapshots'].flatMap((kind) => [
      `${kind}.get`,
      `${kind}.list`,
      `${kind}.listByResourceGroup`,
    ]),
    statuses: [200],
  },
  {
    operations: ['virtualMachines.createOrUpdate', 'virtualMachines.update'],
    statuses: [200, 201, 202],
    accepts: {
      status: [200, 201],
      headers: ['azure-asyncoperation'],
      url: COMPUTE,
      states: ['Creating', 'Updating'],
      body: 'resource',
    },
  },
  {
    operations: ['virtualMachines.delete'],
    statuses: [200, 202, 204],
    accepts: { status: [202], headers: BOTH, url: COMPUTE, body: 'none' },
  },
  {
    operations: ['start', 'restart', 'deallocate', 'powerOff', 'runCommand'].map((name) => `virtualMachines.${name}`),
    statuses: [200, 202],
    accepts: { status: [202], headers: BOTH, url: COMPUTE, body: 'none' },
  },
  {
    operations: ['virtualMachines.attachDetachDataDisks'],
    statuses: [200, 202],
    accepts: { status: [202], headers: BOTH, url: COMPUTE, body: 'either' },
  },
  {
    operations: ['get', 'list', 'listAll', 'instanceView', 'retrieveBootDiagnosticsData'].map(
      (name) => `virtualMachines.${name}`,
    ),
    statuses: [200],
  },
  { operations: ['resourceSkus.list', 'usageOperations.list'], statuses: [200] },
  {
    operations: ['networkInterfaces', 'virtualNetworks', 'subnets', 'publicIPAddresses', 'networkSecurityGroups'].map(
      (kind) => `${kind}.createOrUpdate`,
    ),
    statuses: [200, 201, 202],
    accepts: {
      status: [200, 201],
      headers: ['azure-asyncoperation'],
      url: NETWORK,
      states: ['Updating'],
      body: 'resource',
    },
  },
  {
    operations: ['networkInterfaces', 'virtualNetworks', 'subnets', 'publicIPAddresses', 'networkSecurityGroups'].map(
      (kind) => `${kind}.delete`,
    ),
    statuses: [200, 202, 204],
    accepts: { status: [202], headers: BOTH, url: NETWORK, body: 'none' },
  },
  {
    operations: [
      'networkInterfaces',
      'virtualNetworks',
      'subnets',
      'publicIPAddresses',
      'networkSecurityGroups',
    ].flatMap((kind) => [`${kind}.get`, `${kind}.list`, `${kind}.listAll`, `${kind}.updateTags`]),
    statuses: [200],
  },
  {
    operations: ['providers.get', 'providers.list', 'providers.register', 'providers.unregister'],
    statuses: [200],
  },
  { operations: ['subscriptions.get', 'subscriptions.listLocations'], statuses: [200] },
  {
    operations: ['AtResourceGroupLevel', 'AtResourceLevel', 'AtSubscriptionLevel', 'ByScope'].flatMap((level) => [
      `managementLocks.createOrUpdate${level}`,
      `managementLocks.delete${level}`,
    ]),
    statuses: [200, 201, 204],
  },
  {
    operations: [
      ...['getAtResourceGroupLevel', 'get', 'getByScope', 'listAtResourceGroupLevel', 'listAtResourceLevel'],
      ...['listAtSubscriptionLevel', 'listByScope'],
    ].map((name) => `managementLocks.${name}`),
    statuses: [200],
  },
  { operations: ['permissions.listForResourceGroup', 'permissions.listForResource'], statuses: [200] },
];

export function wireFacts(operationId: string): WireFacts | null {
  return WIRE_FACTS.find(({ operations }) => operations.includes(operationId)) ?? null;
}
