import type { Azure } from '../azure.js';
import {
  DISK,
  NETWORK_INTERFACE,
  PUBLIC_IP,
  SNAPSHOT,
  VIRTUAL_MACHINE,
  type ResourceRecord,
} from '../state/records.js';

/** One resource in the list for people and tests. */
export interface InventoryItem {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly location: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly provisioningState: string;
  readonly powerState?: string;
  readonly diskState?: string;
  readonly managedBy?: string;
  readonly sizeBytes?: number;
  /** 1 costs most; what costs nothing has none. */
  readonly monthlyCostRank?: number;
}

/** Everything, what costs money first. */
export function inventory(azure: Azure): readonly InventoryItem[] {
  const rank = (item: InventoryItem): number => item.monthlyCostRank ?? Number.MAX_SAFE_INTEGER;
  return azure.state
    .all('resources')
    .map((resource) => inventoryItem(resource, azure))
    .sort((a, b) => rank(a) - rank(b) || a.id.localeCompare(b.id));
}

export function inventoryItem(resource: ResourceRecord, azure: Azure): InventoryItem {
  const { id, type, name, location, tags, provisioningState } = resource;
  const managedBy = holderOf(resource);
  const costRank = costRankOf(resource);
  return {
    id,
    type,
    name,
    location,
    tags,
    provisioningState,
    ...(resource.type === VIRTUAL_MACHINE ? { powerState: resource.power } : {}),
    ...(resource.type === DISK || resource.type === SNAPSHOT
      ? { diskState: resource.diskState, sizeBytes: resource.sizeBytes }
      : {}),
    ...(managedBy === null || azure.state.resource(managedBy) === undefined ? {} : { managedBy }),
    ...(costRank === null ? {} : { monthlyCostRank: costRank }),
  };
}

function holderOf(resource: ResourceRecord): string | null {
  if (resource.type === DISK) return resource.managedBy;
  if (resource.type === NETWORK_INTERFACE) return resource.virtualMachineId;
  return null;
}

function costRankOf(resource: ResourceRecord): number | null {
  switch (resource.type) {
    case VIRTUAL_MACHINE:
      return resource.power === 'deallocated' ? null : 1;
    case DISK:
      return resource.sku.startsWith('Standard_') ? 3 : 2;
    case SNAPSHOT:
      return 4;
    case PUBLIC_IP:
      return 5;
    default:
      return null;
  }
}
