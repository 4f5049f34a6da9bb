import type { CloudResourceKind } from '@landfall/domain';

/*
 * What a subscription holds, as Azure keeps it: the parts of the models that Landfall's adapter reads.
 */
export interface Resource {
  readonly id: string;
  readonly name: string;
  readonly kind: CloudResourceKind;
  readonly location: string;
  tags: Record<string, string>;
  provisioningState: 'Creating' | 'Updating' | 'MovingResources' | 'Deleting' | 'Succeeded' | 'Failed';
  /** A GET answers 404 until then: made, and not seen yet. */
  hiddenUntil: number;
}

export interface DiskResource extends Resource {
  readonly kind: 'disk';
  /** Azure's own, which it keeps when it moves. */
  readonly uniqueId: string;
  readonly sizeBytes: number;
  readonly sku: string;
  readonly zones?: readonly string[] | undefined;
  diskState: 'Unattached' | 'Attached' | 'Reserved' | 'ReadyToUpload' | 'ActiveUpload' | 'ActiveSAS';
  managedBy: string | null;
  /** The snapshot that it was made from. */
  readonly sourceId?: string;
  /** When it was last attached or detached, or its VM started or stopped; left out: never. */
  ownershipUpdatedAt?: string;
  /** The one that is good at present. */
  accessSas?: string | null;
}

export interface SnapshotResource extends Resource {
  readonly kind: 'snapshot';
  readonly sizeBytes: number;
  readonly sourceId: string;
  readonly takenAt: string;
  diskState: DiskResource['diskState'];
  /** As of a disk. */
  accessSas?: string | null;
}

export interface NicResource extends Resource {
  readonly kind: 'nic';
  readonly subnetId: string;
  readonly address: string;
  /** Azure's own number for it. */
  readonly guid: string;
  allocation: 'Dynamic' | 'Static';
  vmId: string | null;
}

export interface VmResource extends Resource {
  readonly kind: 'vm';
  /** Azure's own number for it. */
  readonly instanceId: string;
  readonly size: string;
  /** As it was given, and never shown. */
  readonly customData: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly osDiskId: string;
  osDiskGoesAlong: boolean;
  dataDisks: { readonly diskId: string; readonly lun: number }[];
  readonly nicId: string;
  power: 'running' | 'deallocated';
}

/** One that somebody makes by itself, with its subnets; those that are there beforehand are no resources. */
export interface NetworkResource extends Resource {
  readonly kind: 'network';
  readonly subnets: readonly {
    readonly name: string;
    readonly prefix: string;
    readonly securityGroupId: string | null;
    readonly hasWayOut: boolean;
  }[];
}

export interface SecurityGroupResource extends Resource {
  readonly kind: 'security-group';
  readonly securityRules: readonly unknown[];
}

export interface GroupResource extends Resource {
  readonly kind: 'resource-group';
}

export type AnyResource =
  | (DiskResource | SnapshotResource | NicResource | VmResource)
  | (NetworkResource | SecurityGroupResource | GroupResource);

export function shown(resource: AnyResource): unknown {
  const { id, name, tags, location } = resource;
  const common = { id, name, tags, location };
  switch (resource.kind) {
    case 'disk': {
      const { sku, zones, sizeBytes, diskState, managedBy, provisioningState, uniqueId, sourceId, ownershipUpdatedAt } =
        resource;
      const size = { diskSizeBytes: sizeBytes, diskSizeGB: sizeBytes / 2 ** 30 };
      const creationData = { createOption: sourceId ? 'Copy' : 'Empty', sourceResourceId: sourceId };
      const told = { creationData, uniqueId, diskState, provisioningState };
      const properties = { ...size, ...told, LastOwnershipUpdateTime: ownershipUpdatedAt };
      return { ...common, sku: { name: sku }, zones, ...(managedBy ? { managedBy } : {}), properties };
    }
    case 'snapshot': {
      const { sizeBytes, sourceId, takenAt, diskState, provisioningState } = resource;
      const creationData = { createOption: 'Copy', sourceResourceId: sourceId };
      const told = { diskSizeBytes: sizeBytes, timeCreated: takenAt, diskState, provisioningState };
      return { ...common, properties: { ...told, incremental: true, creationData } };
    }
    case 'nic': {
      const { address, allocation, guid, subnetId, vmId, provisioningState } = resource;
      const given = { privateIPAddress: address, privateIPAllocationMethod: allocation, subnet: { id: subnetId } };
      const virtualMachine = vmId === null ? {} : { virtualMachine: { id: vmId } };
      const properties = { ipConfigurations: [{ name: 'primary', properties: given }], ...virtualMachine };
      return { ...common, properties: { ...properties, resourceGuid: guid, provisioningState } };
    }
    case 'vm':
      return { ...common, properties: vmProperties(resource) };
    case 'network': {
      const subnets = resource.subnets.map(({ name: subnet, prefix, securityGroupId, hasWayOut }) => ({
        ...{ id: `${id}/subnets/${subnet}`, name: subnet },
        properties: {
          ...{ addressPrefix: prefix, defaultOutboundAccess: hasWayOut },
          ...(securityGroupId === null ? {} : { networkSecurityGroup: { id: securityGroupId } }),
        },
      }));
      return { ...common, properties: { subnets, provisioningState: resource.provisioningState } };
    }
    case 'security-group': {
      const { securityRules, provisioningState } = resource;
      return { ...common, properties: { securityRules, provisioningState } };
    }
    case 'resource-group':
      return { ...common, properties: { provisioningState: resource.provisioningState } };
  }
}

function vmProperties(vm: VmResource): unknown {
  return {
    vmId: vm.instanceId,
    hardwareProfile: { vmSize: vm.size },
    storageProfile: {
      osDisk: {
        createOption: 'Attach',
        managedDisk: { id: vm.osDiskId },
        deleteOption: vm.osDiskGoesAlong ? 'Delete' : 'Detach',
      },
      dataDisks: vm.dataDisks.map(({ diskId, lun }) => ({
        lun,
        createOption: 'Attach',
        managedDisk: { id: diskId },
        deleteOption: 'Detach',
      })),
    },
    networkProfile: { networkInterfaces: [{ id: vm.nicId, properties: { deleteOption: 'Detach' } }] },
    provisioningState: vm.provisioningState,
    instanceView: { statuses: [{ code: `PowerState/${vm.power}` }] },
  };
}

/** As a request makes it; what each kind has besides is for the caller to add. */
export function fresh(id: string, body: Record<string, unknown>) {
  const name = id.split('/').at(-1) ?? '';
  const tags = { ...(body.tags as Record<string, string> | undefined) };
  const location = typeof body.location === 'string' ? body.location : 'westeurope';
  return { id, name, location, tags, provisioningState: 'Creating' as const, hiddenUntil: 0 };
}

export function newOsDisk(id: string, uniqueId: string): DiskResource {
  return {
    ...fresh(id, {}),
    provisioningState: 'Succeeded',
    kind: 'disk',
    uniqueId,
    sizeBytes: 30 * 2 ** 30,
    sku: 'StandardSSD_LRS',
    diskState: 'Attached',
    managedBy: null,
  };
}
