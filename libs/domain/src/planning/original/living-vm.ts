import { sameId } from '../../cloud/kinds.js';
import type { CloudVm, DiskController, SavedResource, SavedVm } from '../../ports/cloud/reader.js';
import { DISK_CONTROLLERS, SECURITY_TYPES, type SecurityType } from '../azure-model.js';
import { at, listAt, oneOf, textAt } from '../foreign-json.js';

/** The machine that is replaced, as it is now, in so far as a plan depends on it. */
export interface LivingVm {
  readonly azureId: string;
  /** Azure's `vmId`. */
  readonly instanceId: string;
  readonly name: string;
  readonly resourceGroup: string;
  readonly region: string;
  readonly zone: string | null;
  readonly size: string;
  /** Such as `running`; null when Azure does not say. */
  readonly powerState: string | null;
  /** Through which it reaches its disks; null: Azure's default, SCSI. */
  readonly diskController: DiskController | null;
  readonly securityType: SecurityType | null;
  readonly scaleSetId: string | null;
  /** Its OS disk is on the host and no resource of its own. */
  readonly hasEphemeralOsDisk: boolean;
  /** Some of its disks are blobs of a storage account. */
  readonly hasUnmanagedDisks: boolean;
  /** The managed ones, the OS disk first. */
  readonly disks: readonly LivingDisk[];
  readonly nicIds: readonly string[];
  readonly addressIds: readonly string[];
  /** Of its first network interface. */
  readonly subnetId: string | null;
  readonly hasOsProfile: boolean;
  /** Names. */
  readonly extensions: readonly string[];
  /** It has an identity of its own, which goes with it: that one's `principalId`, empty when Azure does not say. */
  readonly ownPrincipalId: string | null;
}

export interface LivingDisk {
  readonly azureId: string;
  readonly name: string;
  /** Azure's own number for it; empty when Azure does not say. */
  readonly uniqueId: string;
  /** Null for the OS disk. */
  readonly lun: number | null;
  readonly caching: 'None' | 'ReadOnly' | 'ReadWrite';
  /** Empty when Azure does not say. */
  readonly sku: string;
  /** Several VMs may have it at once. */
  readonly isShared: boolean;
  /** It is encrypted with a key of its owner's, held by a disk encryption set. */
  readonly hasOwnKey: boolean;
  /** Its bytes can't be had through a SAS from everywhere. */
  readonly isShielded: boolean;
}

const CACHING = ['None', 'ReadOnly', 'ReadWrite'] as const;

export function livingVm(vm: CloudVm, saved: SavedVm): LivingVm {
  const { body } = saved.vm;
  const properties = at(body, 'properties');
  const storage = at(properties, 'storageProfile');
  const osDisk = at(storage, 'osDisk');
  return {
    azureId: vm.azureId,
    instanceId: vm.instanceId,
    name: vm.name,
    resourceGroup: vm.resourceGroup,
    region: vm.region,
    zone: textAt(listAt(body, 'zones'), '0'),
    size: vm.size,
    powerState: vm.powerState,
    diskController: oneOf(DISK_CONTROLLERS, at(storage, 'diskControllerType')),
    securityType: oneOf(SECURITY_TYPES, at(properties, 'securityProfile', 'securityType')),
    scaleSetId: textAt(properties, 'virtualMachineScaleSet', 'id'),
    hasEphemeralOsDisk: textAt(osDisk, 'diffDiskSettings', 'option') !== null,
    hasUnmanagedDisks: attachedTo(saved).some((disk) => textAt(disk, 'managedDisk', 'id') === null),
    disks: livingDisks(saved),
    nicIds: vm.nicIds,
    addressIds: saved.publicIps.map(({ azureId }) => azureId),
    subnetId: firstSubnet(vm, saved.nics),
    hasOsProfile: at(properties, 'osProfile') !== undefined,
    extensions: saved.extensions.flatMap((extension) => textAt(extension.body, 'name') ?? []),
    ownPrincipalId: hasOwnIdentity(body) ? (textAt(body, 'identity', 'principalId') ?? '') : null,
  };
}

/** The managed disks of a machine as it was saved, the OS disk first. */
export function livingDisks(saved: SavedVm): readonly LivingDisk[] {
  return attachedTo(saved).flatMap((disk, index) => livingDisk(disk, index === 0, saved.disks));
}

/** The OS disk, and behind it the others. */
function attachedTo({ vm }: SavedVm): readonly unknown[] {
  const storage = at(vm.body, 'properties', 'storageProfile');
  return [at(storage, 'osDisk'), ...listAt(storage, 'dataDisks')];
}

function livingDisk(attached: unknown, isOsDisk: boolean, models: readonly SavedResource[]): LivingDisk | [] {
  const azureId = textAt(attached, 'managedDisk', 'id');
  if (azureId === null) return [];
  const body = models.find((model) => sameId(model.azureId, azureId))?.body;
  const lun = at(attached, 'lun');
  const shares = at(body, 'properties', 'maxShares');
  return {
    azureId,
    name: azureId.split('/').at(-1) ?? '',
    uniqueId: textAt(body, 'properties', 'uniqueId') ?? '',
    lun: isOsDisk ? null : typeof lun === 'number' ? lun : 0,
    caching: oneOf(CACHING, at(attached, 'caching')) ?? 'None',
    sku: textAt(body, 'sku', 'name') ?? '',
    isShared: typeof shares === 'number' && shares > 1,
    hasOwnKey: textAt(body, 'properties', 'encryption', 'diskEncryptionSetId') !== null,
    isShielded:
      (textAt(body, 'properties', 'networkAccessPolicy') ?? 'AllowAll') !== 'AllowAll' ||
      textAt(body, 'properties', 'publicNetworkAccess') === 'Disabled',
  };
}

function firstSubnet(vm: CloudVm, nics: readonly SavedResource[]): string | null {
  const [first] = vm.nicIds;
  if (first === undefined) return null;
  const nic = nics.find(({ azureId }) => sameId(azureId, first));
  return textAt(listAt(nic?.body, 'properties', 'ipConfigurations'), '0', 'properties', 'subnet', 'id');
}

function hasOwnIdentity(body: unknown): boolean {
  return (textAt(body, 'identity', 'type') ?? '').toLowerCase().includes('systemassigned');
}
