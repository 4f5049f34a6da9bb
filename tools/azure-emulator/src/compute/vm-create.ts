import { randomUUID } from 'node:crypto';
import { AzureError, badRequest, conflict, invalidParameter, missingParameter } from '../arm/errors.js';
import { resourceId, sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { requireName } from '../groups/placement.js';
import { requireRegion, requireZones } from '../groups/regions.js';
import type { OperationKind } from '../operations/kind.js';
import { requireUsableInterface } from '../network/vm-interfaces.js';
import {
  DISK,
  NETWORK_INTERFACE,
  VIRTUAL_MACHINE,
  type DiskRecord,
  type DiskState,
  type VirtualMachineRecord,
} from '../state/records.js';
import { put, type Change } from '../state/state.js';
import {
  bootableDisk,
  bootableImage,
  bootWishes,
  disksMembers,
  requireBootable,
  type BootWishes,
} from './boot-rules.js';
import { LARGEST_OS_DISK_GIB, requireDiskSize } from './disk-rules.js';
import { GIB } from './disk-view.js';
import { requireImage, type Image } from './image-catalogue.js';
import {
  implicitDisk,
  makeFiles,
  newDisks,
  planDataDisks,
  settledFile,
  settledFiles,
  type NewDisk,
} from './vm-disks.js';
import { requireSize } from './size-availability.js';
import { requireAttachable, requirePremium, type Machine } from './vm-rules.js';
import type { OsDisk, VmBody, VmProperties } from './vm-schema.js';
import { requireQuota } from './usages.js';
import { settledIdentity } from './vm-identity.js';
import { lunLinks } from './vm-links.js';
import { requireIdentities, requireVmReferences } from './vm-references.js';
import { holdings, releasedDisk } from './vm-removal.js';

/*
 * Making a VM. Everything that Azure checks before it accepts is checked first; what the VM will own (disks, network
 * interfaces, cores) is reserved with the acceptance, so that nobody else gets it while the VM is being made.
 */
export interface PlannedVm {
  readonly vm: VirtualMachineRecord;
  readonly input: CreateVmInput;
  readonly changes: readonly Change[];
}

interface CreateVmInput {
  readonly newDisks: readonly NewDisk[];
}

export const CREATE_VM: OperationKind<CreateVmInput> = {
  name: 'virtualMachines.create',
  run: async ({ newDisks }, operation, azure) => {
    await makeFiles(newDisks, azure);
    const vm = azure.state.find(VIRTUAL_MACHINE, operation.resourceId);
    if (vm === undefined) return { changes: settledFiles(newDisks, azure) };
    const now = azure.now().toISOString();
    const ready: VirtualMachineRecord = {
      ...vm,
      provisioningState: 'Succeeded',
      power: 'running',
      powerChangedAt: now,
    };
    azure.workers.linkDisks(ready, lunLinks(ready, azure));
    azure.workers.start(ready);
    return { changes: [put(ready), ...diskChanges(ready, 'Attached', azure)] };
  },
  abandon: ({ newDisks }, operation, azure) => {
    const vm = azure.state.find(VIRTUAL_MACHINE, operation.resourceId);
    if (vm === undefined) return settledFiles(newDisks, azure);
    return [put({ ...vm, provisioningState: 'Failed', power: 'unknown' }), ...diskChanges(vm, 'Reserved', azure)];
  },
};

/** @throws AzureError with Azure's reason for not making this VM */
export function planVm(id: string, name: string, body: VmBody, azure: Azure): PlannedVm {
  requireName('virtualMachine', name);
  const region = requireRegion(body.location, VIRTUAL_MACHINE);
  const zones = body.zones ?? [];
  requireZones(region, zones);
  if (zones.length > 1) throw badRequest('InvalidParameter', 'A VM can be in one zone only.', 'zones');
  const machine: Machine = { id, name, location: region.name, zones };
  const { properties } = body;
  const size = requireSize(properties.hardwareProfile?.vmSize, region.name, zones, azure);
  requireVmReferences(properties, region.name, azure);
  const wishes = bootWishes(size, properties);
  const os = planOsDisk(machine, wishes, properties, azure);
  const data = planDataDisks(machine, size, [], properties.storageProfile?.dataDisks ?? [], azure);
  if (data.dataDisks.some((disk) => sameId(disk.managedDisk?.id, os.osDisk.managedDisk?.id))) {
    throw conflict(
      'ConflictingUserInput',
      `Disk '${os.osDisk.managedDisk?.id}' cannot be both the OS disk and a data disk.`,
    );
  }
  const interfaces = planInterfaces(machine, properties, azure);
  requireQuota(size, region.name, azure);
  const identity = settledIdentity(body.identity, null, 'PUT', azure);
  requireIdentities(id, body.identity, azure);
  const now = azure.now().toISOString();
  const failed = azure.state.find(VIRTUAL_MACHINE, id);
  const vm: VirtualMachineRecord = {
    type: VIRTUAL_MACHINE,
    id,
    name,
    location: region.name,
    tags: body.tags ?? {},
    zones,
    plan: body.plan ?? null,
    identity,
    extendedLocation: body.extendedLocation ?? null,
    placement: body.placement ?? null,
    properties: {
      ...shownProperties(properties),
      hardwareProfile: { ...properties.hardwareProfile, vmSize: size.name },
      storageProfile: {
        ...properties.storageProfile,
        diskControllerType: wishes.controller,
        osDisk: os.osDisk,
        dataDisks: data.dataDisks,
      },
    },
    customData: properties.osProfile?.customData ?? null,
    vmId: failed?.vmId ?? randomUUID(),
    etag: 1,
    power: 'starting',
    powerChangedAt: now,
    provisioningState: 'Creating',
    createdAt: now,
    changedAt: now,
  };
  const made = [...os.made, ...data.made].map((disk) => ({ ...disk, tags: vm.tags }));
  const attached = [...os.attached, ...data.attached];
  return {
    vm,
    input: { newDisks: newDisks(made) },
    changes: [
      ...(failed === undefined ? [] : letGo(failed, azure)),
      put(vm),
      ...[...made, ...attached].map((disk) => put({ ...disk, managedBy: id, ownershipChangedAt: now })),
      ...interfaces,
    ],
  };
}

/** Of what a VM whose creation failed had been given; what it is to have again is reserved again. */
function letGo(vm: VirtualMachineRecord, azure: Azure): readonly Change[] {
  const { disks, interfaces } = holdings(vm, azure);
  return [
    ...disks.map((disk) => put(releasedDisk(disk, azure))),
    ...interfaces.map((nic) => put({ ...nic, virtualMachineId: null })),
  ];
}

interface OsPlan {
  readonly osDisk: OsDisk;
  readonly made: readonly DiskRecord[];
  readonly attached: readonly DiskRecord[];
}

function planOsDisk(machine: Machine, wishes: BootWishes, properties: VmProperties, azure: Azure): OsPlan {
  const { osDisk, imageReference } = properties.storageProfile ?? {};
  if (osDisk === undefined) throw missingParameter('storageProfile.osDisk');
  if (osDisk.createOption === 'Attach') {
    if (imageReference !== undefined) throw notAllowed('storageProfile.imageReference');
    if (properties.osProfile !== undefined) throw notAllowed('osProfile');
    return attachOsDisk(machine, wishes, osDisk, azure);
  }
  if (osDisk.createOption !== 'FromImage') {
    throw invalidParameter(
      'osDisk.createOption',
      `The value '${osDisk.createOption}' of parameter 'osDisk.createOption' is invalid.`,
    );
  }
  if (imageReference === undefined) throw missingParameter('storageProfile.imageReference');
  const image = requireImage(imageReference);
  requireBootable(wishes, bootableImage(image, wishes.securityType));
  requireCredentials(properties.osProfile, image);
  return osDiskFromImage(machine, wishes, osDisk, image, azure);
}

function attachOsDisk(machine: Machine, wishes: BootWishes, osDisk: OsDisk, azure: Azure): OsPlan {
  const diskId = osDisk.managedDisk?.id;
  if (diskId === undefined) throw missingParameter('osDisk.managedDisk.id');
  const disk = requireAttachable(diskId, machine, wishes.size, azure);
  const osType = osDisk.osType ?? disk.osType;
  if (osType === null) throw missingParameter('osDisk.osType');
  if (disk.sku === 'PremiumV2_LRS' || disk.sku === 'UltraSSD_LRS') {
    throw invalidParameter(
      'osDisk.managedDisk',
      `Disk '${disk.name}' of type ${disk.sku} cannot be used as an OS disk.`,
    );
  }
  if (disk.sizeBytes > LARGEST_OS_DISK_GIB * GIB) {
    throw invalidParameter(
      'osDisk.diskSizeGB',
      `Disk '${disk.name}' is larger than ${LARGEST_OS_DISK_GIB} GB, the most that an OS disk can have.`,
    );
  }
  requireBootable(wishes, bootableDisk(disk));
  const attached: OsDisk = {
    ...osDisk,
    osType,
    name: disk.name,
    caching: osDisk.caching ?? 'ReadWrite',
    deleteOption: osDisk.deleteOption ?? 'Detach',
    managedDisk: { ...osDisk.managedDisk, id: disk.id },
  };
  return { osDisk: attached, made: [], attached: [{ ...disk, osType }] };
}

function osDiskFromImage(machine: Machine, wishes: BootWishes, osDisk: OsDisk, image: Image, azure: Azure): OsPlan {
  const { size, securityType } = wishes;
  const sku = osDisk.managedDisk?.storageAccountType ?? (size.premiumIo ? 'Premium_LRS' : 'Standard_LRS');
  const name = osDisk.name ?? `${machine.name}_OsDisk_1_${randomUUID().replaceAll('-', '')}`;
  requirePremium(sku, name, size);
  const sizeGb = osDisk.diskSizeGB ?? image.sizeGb;
  if (sizeGb < image.sizeGb) {
    throw badRequest(
      'ResizeDiskError',
      `The specified disk size ${sizeGb} GB is smaller than the size of the corresponding disk in the VM image: ${image.sizeGb} GB.`,
      'osDisk.diskSizeGB',
    );
  }
  const disk = implicitDisk(machine, name, sku, requireDiskSize(sizeGb), azure, {
    osType: image.osType,
    hyperVGeneration: image.generation,
    creationData: { createOption: 'FromImage' },
    kept: disksMembers(bootableImage(image, securityType)),
  });
  const attached: OsDisk = {
    ...osDisk,
    osType: image.osType,
    name,
    caching: osDisk.caching ?? 'ReadWrite',
    deleteOption: osDisk.deleteOption ?? 'Detach',
    managedDisk: { ...osDisk.managedDisk, id: disk.id },
  };
  return { osDisk: attached, made: [disk], attached: [] };
}

function requireCredentials(profile: VmProperties['osProfile'], image: Image): void {
  if (profile === undefined) throw missingParameter('osProfile');
  if (profile.computerName === undefined) throw missingParameter('osProfile.computerName');
  if (profile.adminUsername === undefined) throw missingParameter('osProfile.adminUsername');
  if (['admin', 'administrator', 'root', 'guest'].includes(profile.adminUsername.toLowerCase())) {
    throw invalidParameter('adminUsername', 'The Admin Username specified is not allowed.');
  }
  const hasKey = (profile.linuxConfiguration?.ssh?.publicKeys ?? []).some((key) => key.keyData !== undefined);
  if (image.osType === 'Windows' && profile.adminPassword === undefined)
    throw missingParameter('osProfile.adminPassword');
  if (image.osType === 'Linux' && profile.linuxConfiguration?.disablePasswordAuthentication === true && !hasKey) {
    throw missingParameter('linuxConfiguration.ssh.publicKeys');
  }
  if (image.osType === 'Linux' && profile.adminPassword === undefined && !hasKey) {
    throw invalidParameter(
      'linuxConfiguration',
      'Authentication using either SSH or by user name and password must be enabled in Linux profile.',
    );
  }
}

function planInterfaces(machine: Machine, properties: VmProperties, azure: Azure): readonly Change[] {
  const references = properties.networkProfile?.networkInterfaces ?? [];
  if (references.length === 0) throw missingParameter('networkProfile.networkInterfaces');
  if (references.length > 1 && references.filter((reference) => reference.properties?.primary === true).length !== 1) {
    throw badRequest(
      'VirtualMachineMustHaveOneNetworkInterfaceAsPrimary',
      `Virtual machine ${machine.name} must have one network interface set as the primary.`,
    );
  }
  return references.map(({ id }) => {
    const nic = requireUsableInterface(id, machine, azure);
    return put({ ...nic, type: NETWORK_INTERFACE, virtualMachineId: machine.id, reservedFor: null });
  });
}

/** Without what Azure never shows again. */
function shownProperties(properties: VmProperties): VmProperties {
  const { osProfile, provisioningState, instanceView, vmId, timeCreated, ...rest } = properties;
  void [provisioningState, instanceView, vmId, timeCreated];
  if (osProfile === undefined) return rest;
  const { adminPassword, customData, ...shown } = osProfile;
  void [adminPassword, customData];
  return { ...rest, osProfile: { ...shown, allowExtensionOperations: shown.allowExtensionOperations ?? true } };
}

function diskChanges(vm: VirtualMachineRecord, diskState: DiskState, azure: Azure): readonly Change[] {
  const { osDisk, dataDisks } = vm.properties.storageProfile;
  return [osDisk, ...dataDisks].flatMap(({ managedDisk }) => {
    const disk = azure.state.find(DISK, managedDisk?.id ?? '');
    return disk === undefined ? [] : [put(settledFile({ ...disk, diskState }, azure))];
  });
}

function notAllowed(parameter: string): AzureError {
  return invalidParameter(parameter, `Parameter '${parameter}' is not allowed.`);
}

export function vmResourceId(resourceGroup: string, name: string, azure: Azure): string {
  return resourceId(azure.subscriptionId, resourceGroup, VIRTUAL_MACHINE, name);
}
