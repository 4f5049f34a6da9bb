import type { Disk, ResourceSku, Snapshot, VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface, VirtualNetwork } from '@azure/arm-network';
import type { ResourceGroup } from '@azure/arm-resources';
import type {
  CloudDisk,
  CloudNic,
  CloudResourceGroup,
  CloudSnapshot,
  CloudSubnet,
  CloudVm,
  DiskController,
  Generation,
  VmSize,
} from '@landfall/domain';
import { VHD_FOOTER_BYTES } from './blob/vhd-footer.js';

/* From the SDK's models to the domain's: what Azure leaves out becomes null or empty, and nothing is guessed. */

const GIB = 1024 ** 3;

export function toDisk(model: Disk, resourceGroup: string, ownershipUpdatedAt: string | null): CloudDisk {
  return {
    azureId: model.id ?? '',
    uniqueId: model.uniqueId ?? '',
    name: model.name ?? '',
    resourceGroup,
    region: model.location,
    zone: model.zones?.[0] ?? null,
    sizeBytes: sizeOf(model),
    sku: model.sku?.name ?? '',
    diskState: model.diskState ?? '',
    managedBy: model.managedBy ?? null,
    ownershipUpdatedAt,
    tags: model.tags ?? {},
    provisioningState: model.provisioningState ?? '',
  };
}

/** A disk that waits for its upload, or takes it, has no size yet: it will have what was announced, less the footer. */
function sizeOf({ diskSizeBytes, diskSizeGB, creationData }: Disk | Snapshot): number {
  if (diskSizeBytes !== undefined) return diskSizeBytes;
  if (diskSizeGB !== undefined) return diskSizeGB * GIB;
  const uploadBytes = creationData?.uploadSizeBytes;
  return uploadBytes === undefined ? 0 : uploadBytes - VHD_FOOTER_BYTES;
}

/** `completionPercent` is shown of what is copied in the background; of any other snapshot the bytes are there at once. */
export function toSnapshot(model: Snapshot, resourceGroup: string): CloudSnapshot {
  return {
    azureId: model.id ?? '',
    name: model.name ?? '',
    resourceGroup,
    region: model.location,
    sizeBytes: sizeOf(model),
    diskId: model.creationData?.sourceResourceId ?? null,
    takenAt: model.timeCreated ?? null,
    completionPercent: model.completionPercent ?? (model.provisioningState === 'Succeeded' ? 100 : 0),
    diskState: model.diskState ?? '',
    tags: model.tags ?? {},
    provisioningState: model.provisioningState ?? '',
  };
}

export function toNic(model: NetworkInterface, resourceGroup: string): CloudNic {
  return {
    azureId: model.id ?? '',
    name: model.name ?? '',
    resourceGroup,
    region: model.location ?? '',
    tags: model.tags ?? {},
    vmId: model.virtualMachine?.id ?? null,
    privateAddresses: (model.ipConfigurations ?? []).flatMap(({ privateIPAddress }) => privateIPAddress ?? []),
    provisioningState: model.provisioningState ?? '',
  };
}

export function toVm(model: VirtualMachine, resourceGroup: string): CloudVm {
  return {
    azureId: model.id ?? '',
    instanceId: model.vmId ?? '',
    name: model.name ?? '',
    resourceGroup,
    region: model.location,
    size: model.hardwareProfile?.vmSize ?? '',
    osDiskId: model.storageProfile?.osDisk?.managedDisk?.id ?? null,
    dataDisks: (model.storageProfile?.dataDisks ?? []).flatMap((disk) =>
      disk.managedDisk?.id === undefined ? [] : [{ diskId: disk.managedDisk.id, lun: disk.lun }],
    ),
    nicIds: (model.networkProfile?.networkInterfaces ?? []).flatMap((nic) => (nic.id === undefined ? [] : [nic.id])),
    tags: model.tags ?? {},
    provisioningState: model.provisioningState ?? '',
    powerState: powerStateOf(model),
  };
}

export function toResourceGroup(model: ResourceGroup): CloudResourceGroup {
  return {
    azureId: model.id ?? '',
    name: model.name ?? '',
    region: model.location,
    tags: model.tags ?? {},
    provisioningState: model.properties?.provisioningState ?? '',
  };
}

export function toSubnets(network: VirtualNetwork, resourceGroup: string): CloudSubnet[] {
  return (network.subnets ?? []).map((model) => ({
    azureId: model.id ?? '',
    region: network.location ?? '',
    resourceGroup,
    networkName: network.name ?? '',
    name: model.name ?? '',
    prefixes: model.addressPrefixes ?? (model.addressPrefix === undefined ? [] : [model.addressPrefix]),
  }));
}

export function toVmSize(sku: ResourceSku): VmSize {
  const capabilities = new Map((sku.capabilities ?? []).map((each) => [each.name, each.value]));
  const restrictions = sku.restrictions ?? [];
  return {
    name: sku.name ?? '',
    family: sku.family ?? '',
    vCpus: Number(capabilities.get('vCPUs') ?? 0),
    memoryGiB: Number(capabilities.get('MemoryGB') ?? 0),
    maxDataDisks: Number(capabilities.get('MaxDataDiskCount') ?? 0),
    generations: generationsOf(capabilities.get('HyperVGenerations')),
    premiumIo: capabilities.get('PremiumIO')?.toLowerCase() === 'true',
    diskControllers: controllersOf(capabilities.get('DiskControllerTypes')),
    architecture: capabilities.get('CpuArchitectureType') === 'Arm64' ? 'Arm64' : 'x64',
    trustedLaunch:
      generationsOf(capabilities.get('HyperVGenerations')).includes(2) &&
      capabilities.get('TrustedLaunchDisabled')?.toLowerCase() !== 'true',
    zones: (sku.locationInfo ?? []).flatMap((info) => info.zones ?? []),
    restrictedInRegion: restrictions.some((restriction) => restriction.type === 'Location'),
    restrictedZones: restrictions.flatMap((restriction) =>
      restriction.type === 'Zone' ? (restriction.restrictionInfo?.zones ?? []) : [],
    ),
  };
}

function powerStateOf(model: VirtualMachine): string | null {
  const prefix = 'PowerState/';
  const code = (model.instanceView?.statuses ?? []).find((status) => status.code?.startsWith(prefix))?.code;
  return code === undefined ? null : code.slice(prefix.length);
}

/** A size that names none is an old one, with SCSI alone (Azure/SAP-on-Azure-Scripts-and-Utilities#131). */
function controllersOf(capability: string | undefined): DiskController[] {
  const named = (capability ?? 'SCSI').split(',').map((each) => each.trim().toUpperCase());
  return [...(named.includes('SCSI') ? ['SCSI' as const] : []), ...(named.includes('NVME') ? ['NVMe' as const] : [])];
}

function generationsOf(capability: string | undefined): Generation[] {
  const named = (capability ?? '').split(',').map((each) => each.trim());
  return [...(named.includes('V1') ? [1 as const] : []), ...(named.includes('V2') ? [2 as const] : [])];
}
