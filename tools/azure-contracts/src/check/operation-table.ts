/*
 * The operations that the product and its emulated Azure are about. Each has to be seen answered, and, where `refused`
 * is true, refused as well.
 */
export interface TableRow {
  readonly row: string;
  readonly operation: string;
  readonly refused: boolean;
}

export const OPERATION_TABLE: readonly TableRow[] = [
  ...rows('resource groups', 'resourceGroups', ['createOrUpdate', 'get', 'checkExistence', 'delete']),
  ...rows('what lies in a resource group', 'resources', ['listByResourceGroup']),
  ...rows('moves', 'resources', ['moveResources', 'validateMoveResources']),
  ...rows('disks', 'disks', ['createOrUpdate', 'update', 'get', 'delete']),
  ...rows('access to a disk', 'disks', ['grantAccess', 'revokeAccess']),
  ...rows('snapshots', 'snapshots', ['createOrUpdate', 'update', 'get', 'delete']),
  ...rows('access to a snapshot', 'snapshots', ['grantAccess', 'revokeAccess']),
  ...rows('virtual machines', 'virtualMachines', ['createOrUpdate', 'update', 'get']),
  // A deletion is refused by a lock alone.
  { row: 'virtual machines', operation: 'virtualMachines.delete', refused: false },
  ...rows('actions on a virtual machine', 'virtualMachines', [
    ...['start', 'restart', 'deallocate', 'powerOff', 'runCommand', 'attachDetachDataDisks'],
  ]),
  ...rows('at once from a virtual machine', 'virtualMachines', ['instanceView', 'retrieveBootDiagnosticsData']),
  ...rows('sizes and quota', 'resourceSkus', ['list']),
  ...rows('sizes and quota', 'usageOperations', ['list']),
  ...rows('network', 'networkInterfaces', ['createOrUpdate', 'get', 'delete']),
  ...rows('network', 'virtualNetworks', ['createOrUpdate', 'get', 'delete']),
  ...rows('network', 'subnets', ['createOrUpdate', 'get', 'delete']),
  ...rows('network', 'publicIPAddresses', ['createOrUpdate', 'get', 'delete']),
  ...rows('network', 'networkSecurityGroups', ['createOrUpdate', 'get', 'delete']),
  ...rows('providers and locations', 'providers', ['get']),
  ...rows('providers and locations', 'subscriptions', ['listLocations']),
  ...rows('locks', 'managementLocks', ['getAtResourceGroupLevel', 'createOrUpdateAtResourceGroupLevel']),
  ...rows('locks', 'managementLocks', ['getByScope', 'createOrUpdateByScope']),
  ...['listAtResourceGroupLevel', 'deleteAtResourceGroupLevel', 'listByScope', 'deleteByScope'].map((operation) => ({
    ...{ row: 'locks', operation: `managementLocks.${operation}`, refused: false },
  })),
  ...rows('permissions', 'permissions', ['listForResourceGroup']),
];

function rows(row: string, group: string, operations: readonly string[]): TableRow[] {
  return operations.map((operation) => ({ row, operation: `${group}.${operation}`, refused: true }));
}

export interface Coverage extends TableRow {
  readonly answered: readonly number[];
  readonly refusals: readonly number[];
  readonly isCovered: boolean;
}

/** @param seen by operation, how often it was answered with which status */
export function coverage(seen: ReadonlyMap<string, ReadonlyMap<number, number>>): readonly Coverage[] {
  return OPERATION_TABLE.map((row) => {
    const statuses = [...(seen.get(row.operation)?.keys() ?? [])].sort();
    const answered = statuses.filter((status) => status < 400);
    const refusals = statuses.filter((status) => status >= 400);
    return { ...row, answered, refusals, isCovered: answered.length > 0 && (refusals.length > 0 || !row.refused) };
  });
}

/** A line for each operation, for a person. */
export function coverageText(covered: readonly Coverage[]): string {
  return covered
    .map(({ row, operation, answered, refusals, isCovered }) =>
      [
        isCovered ? 'ok  ' : 'MISS',
        row.padEnd(32),
        operation.padEnd(40),
        answered.join(' ').padEnd(14),
        refusals.join(' '),
      ]
        .join(' ')
        .trimEnd(),
    )
    .join('\n');
}
