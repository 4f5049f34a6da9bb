import {
  PermanentError,
  type CaptureDisk,
  type NetworkAccess,
  type SavedResource,
  type SavedVm,
  type SourceVm,
} from '@landfall/domain';

/*
 * What the saved model of a VM says of what is captured: its disks, from where they can be read, and what keeps them from being
 * captured at all.
 */
export interface SourceDisk extends Pick<CaptureDisk, 'name' | 'role' | 'lun' | 'diskId' | 'sizeBytes'> {
  /** Of the managed disk itself, for people. */
  readonly azureName: string;
  readonly region: string;
  readonly sku: string | null;
  readonly caching: 'None' | 'ReadOnly' | 'ReadWrite' | null;
  readonly access: NetworkAccess;
}

export interface CapturedVm {
  readonly source: SourceVm;
  readonly name: string;
  readonly resourceGroup: string;
  readonly osFamily: 'linux' | 'windows' | null;
  readonly firmware: 'bios' | 'uefi' | null;
  /** The OS disk first. */
  readonly disks: readonly SourceDisk[];
}

type Json = Readonly<Record<string, unknown>>;

/** @throws PermanentError `VM_UNSUPPORTED`, `DISK_ACCESS`, `ENCRYPTION`, `SECTOR_SIZE` with what to do about it */
export function capturedVm(saved: SavedVm): CapturedVm {
  const { vm } = saved;
  const storage = at(at(vm.body, 'properties'), 'storageProfile');
  const osDisk = at(storage, 'osDisk');
  const name = textOf(vm.body, 'name') ?? vm.azureId.split('/').at(-1) ?? '';
  if (Object.keys(at(osDisk, 'diffDiskSettings')).length > 0) {
    throw unsupported(
      name,
      'its OS disk is ephemeral and has no snapshots',
      'Back it up from inside: landfall capture --disk.',
    );
  }
  const attached = [osDisk, ...listOf(storage, 'dataDisks')];
  const disks = attached.map((disk, index) => sourceDisk(name, disk, index === 0, saved.disks));
  const os = textOf(osDisk, 'osType')?.toLowerCase();
  const generation = textOf(propertiesOf(saved.disks[0]), 'hyperVGeneration');
  return {
    source: { azureId: vm.azureId, instanceId: textOf(at(vm.body, 'properties'), 'vmId') ?? '' },
    name,
    resourceGroup: vm.azureId.split('/')[4] ?? '',
    osFamily: os === 'linux' || os === 'windows' ? os : null,
    firmware: generation === null ? null : generation === 'V2' ? 'uefi' : 'bios',
    disks,
  };
}

function sourceDisk(vmName: string, attached: Json, isOs: boolean, saved: readonly SavedResource[]): SourceDisk {
  const id = textOf(at(attached, 'managedDisk'), 'id');
  const model = saved.find(({ azureId }) => azureId.toLowerCase() === id?.toLowerCase());
  if (id === null || model === undefined) {
    const remedy = 'Convert its disks to managed disks (az vm convert), then capture it.';
    throw unsupported(vmName, 'not all of its disks are managed disks', remedy);
  }
  const properties = propertiesOf(model);
  const azureName = textOf(model.body, 'name') ?? id.split('/').at(-1) ?? '';
  const lun = isOs ? null : (numberOf(attached, 'lun') ?? 0);
  if (numberOf(at(properties, 'creationData'), 'logicalSectorSize') === 4096) throw otherSectors(azureName);
  return {
    ...{ name: isOs ? 'os' : `lun${lun}`, role: isOs ? 'os' : 'data', lun, diskId: id, azureName },
    sizeBytes: numberOf(properties, 'diskSizeBytes') ?? (numberOf(properties, 'diskSizeGB') ?? 0) * 1024 ** 3,
    region: textOf(model.body, 'location') ?? '',
    sku: textOf(at(model.body, 'sku'), 'name'),
    caching: cachingOf(textOf(attached, 'caching')),
    access: accessOf(id, azureName, properties),
  };
}

/**
 * Azure gives a SAS for what may be read from some network alone: `DenyAll` lets nobody, and what is closed to public networks only
 * lets in the private endpoints of a disk access (learn.microsoft.com, "Restrict managed disks from being imported or exported").
 */
function accessOf(diskId: string, name: string, properties: Json): NetworkAccess {
  const policy = textOf(properties, 'networkAccessPolicy') ?? 'AllowAll';
  const isClosed = textOf(properties, 'publicNetworkAccess') === 'Disabled';
  if (policy === 'AllowPrivate') return { policy, diskAccessId: textOf(properties, 'diskAccessId') };
  if (policy === 'DenyAll' || isClosed) throw accessDenied(diskId, name, policy === 'DenyAll' ? 'DenyAll' : 'Disabled');
  if (textOf(properties, 'dataAccessAuthMode') === 'AzureActiveDirectory') throw needsIdentity(diskId, name);
  return { policy: 'AllowAll', diskAccessId: null };
}

function accessDenied(diskId: string, name: string, how: string): PermanentError {
  return new PermanentError({
    code: 'DISK_ACCESS',
    message: `The disk "${name}" lets nobody read its bytes over the network (${how}), and a capture reads them through a SAS.`,
    fix:
      `Allow it for as long as the capture takes: az disk update --ids ${diskId} --network-access-policy AllowAll ` +
      `--public-network-access Enabled (or AllowPrivate with a disk access that Landfall reaches); then capture again.`,
  });
}

function needsIdentity(diskId: string, name: string): PermanentError {
  return new PermanentError({
    code: 'DISK_ACCESS',
    message: `The disk "${name}" asks whoever reads it for an identity beside the SAS (dataAccessAuthMode), which a capture has not.`,
    fix: `Take that off for as long as the capture takes: az disk update --ids ${diskId} --data-access-auth-mode None`,
  });
}

function otherSectors(name: string): PermanentError {
  return new PermanentError({
    code: 'SECTOR_SIZE',
    message: `The disk "${name}" has sectors of 4,096 bytes: Azure exports its snapshot in another format (VHDX).`,
    fix: 'Detach the disk and capture the VM without it; copy what it holds by other means.',
  });
}

function unsupported(name: string, why: string, fix: string): PermanentError {
  return new PermanentError({ code: 'VM_UNSUPPORTED', message: `The VM "${name}" can't be captured: ${why}.`, fix });
}

function cachingOf(text: string | null): SourceDisk['caching'] {
  return text === 'None' || text === 'ReadOnly' || text === 'ReadWrite' ? text : null;
}

function propertiesOf(resource: SavedResource | undefined): Json {
  return at(resource?.body ?? {}, 'properties');
}

function at(value: Json, key: string): Json {
  const found = value[key];
  return typeof found === 'object' && found !== null ? (found as Json) : {};
}

function listOf(value: Json, key: string): Json[] {
  const found = value[key];
  return Array.isArray(found) ? found.filter((each): each is Json => typeof each === 'object' && each !== null) : [];
}

function textOf(value: Json, key: string): string | null {
  const found = value[key];
  return typeof found === 'string' && found !== '' ? found : null;
}

function numberOf(value: Json, key: string): number | null {
  const found = value[key];
  return typeof found === 'number' ? found : null;
}
