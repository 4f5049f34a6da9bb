/*
 * The kinds of resources that Landfall makes in Azure, and all that follows from a kind alone.
 */
interface KindFacts {
  /** As Azure Resource Manager names it. */
  readonly armType: string;
  /** When an owner's resources are removed, the wave in which this kind goes: VMs hold network interfaces and disks, these hold subnets. */
  readonly removalWave: number;
  /** For people. */
  readonly label: string;
}

export const CLOUD_KINDS = {
  disk: { armType: 'Microsoft.Compute/disks', removalWave: 1, label: 'disk' },
  snapshot: { armType: 'Microsoft.Compute/snapshots', removalWave: 1, label: 'snapshot' },
  nic: { armType: 'Microsoft.Network/networkInterfaces', removalWave: 1, label: 'network interface' },
  vm: { armType: 'Microsoft.Compute/virtualMachines', removalWave: 0, label: 'VM' },
  network: { armType: 'Microsoft.Network/virtualNetworks', removalWave: 2, label: 'virtual network' },
  'security-group': {
    ...{ armType: 'Microsoft.Network/networkSecurityGroups', label: 'network security group' },
    removalWave: 3,
  },
  'resource-group': { armType: 'Microsoft.Resources/resourceGroups', removalWave: 4, label: 'resource group' },
} as const satisfies Record<string, KindFacts>;

export type CloudResourceKind = keyof typeof CLOUD_KINDS;

/** What lies in a resource group. */
export type GroupedKind = Exclude<CloudResourceKind, 'resource-group'>;

export const CLOUD_RESOURCE_KINDS = Object.keys(CLOUD_KINDS) as [CloudResourceKind, ...CloudResourceKind[]];

/** The kinds in the order in which Azure lets go of them; those of one wave can go side by side. */
export const REMOVAL_WAVES: readonly (readonly CloudResourceKind[])[] = [...new Set(CLOUD_RESOURCE_KINDS.map(waveOf))]
  .sort((left, right) => left - right)
  .map((wave) => CLOUD_RESOURCE_KINDS.filter((kind) => waveOf(kind) === wave));

/** Null: Landfall makes nothing of this type. Azure writes types in whatever case it likes. */
export function kindOfArmType(type: string): CloudResourceKind | null {
  const wanted = type.toLowerCase();
  return CLOUD_RESOURCE_KINDS.find((kind) => CLOUD_KINDS[kind].armType.toLowerCase() === wanted) ?? null;
}

/** Azure does not mind the case of ids, nor that of its own numbers, and gives them back in whatever case it likes. */
export function sameId(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

export function resourceGroupId(subscriptionId: string, resourceGroup: string): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;
}

export function resourceId(subscriptionId: string, resourceGroup: string, kind: GroupedKind, name: string): string {
  return `${resourceGroupId(subscriptionId, resourceGroup)}/providers/${CLOUD_KINDS[kind].armType}/${name}`;
}

/** The ids of the resources of a subscription, by their names. */
export abstract class ResourceIds {
  abstract readonly subscriptionId: string;

  vmId(resourceGroup: string, name: string): string {
    return resourceId(this.subscriptionId, resourceGroup, 'vm', name);
  }

  diskId(resourceGroup: string, name: string): string {
    return resourceId(this.subscriptionId, resourceGroup, 'disk', name);
  }

  nicId(resourceGroup: string, name: string): string {
    return resourceId(this.subscriptionId, resourceGroup, 'nic', name);
  }

  snapshotId(resourceGroup: string, name: string): string {
    return resourceId(this.subscriptionId, resourceGroup, 'snapshot', name);
  }

  networkId(resourceGroup: string, name: string): string {
    return resourceId(this.subscriptionId, resourceGroup, 'network', name);
  }

  securityGroupId(resourceGroup: string, name: string): string {
    return resourceId(this.subscriptionId, resourceGroup, 'security-group', name);
  }

  resourceGroupId(name: string): string {
    return resourceGroupId(this.subscriptionId, name);
  }
}

function waveOf(kind: CloudResourceKind): number {
  return CLOUD_KINDS[kind].removalWave;
}
