import { badRequest, conflict, invalidParameter } from '../arm/errors.js';
import { sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { attachmentFault, requireLoose, requireStillThere } from '../faults/attachment-faults.js';
import type { OperationKind } from '../operations/kind.js';
import {
  DISK,
  VIRTUAL_MACHINE,
  type DiskRecord,
  type OperationRecord,
  type VirtualMachineRecord,
} from '../state/records.js';
import { put, type Change } from '../state/state.js';
import {
  makeFiles,
  newDisks,
  planDataDisks,
  settledFile,
  settledFiles,
  type DataDiskPlan,
  type NewDisk,
} from './vm-disks.js';
import { settledIdentity } from './vm-identity.js';
import { diskLinks, lunLinks } from './vm-links.js';
import { requireEncryptionSet, requireIdentities, requireVmReferences } from './vm-references.js';
import { releasedDisk } from './vm-removal.js';
import { bootableDisk, controllerOf, requireBootable, securityTypeOf, STANDARD } from './boot-rules.js';
import { requireDiskById } from './disk-rules.js';
import { changeRefused, ownedElsewhere, requireAttachable } from './vm-rules.js';
import type { AttachDetachBody, DataDisk, VmProperties, VmUpdateBody } from './vm-schema.js';
import { requireSize } from './size-availability.js';
import { vmSize, type Controller, type VmSizeEntry } from './size-catalogue.js';
import { requireQuota } from './usages.js';
import { storageProfileView, vmView } from './vm-view.js';

/*
 * Changing a VM that exists. What it wants to own is reserved when the change is accepted (managedBy); what it gives
 * up is marked as being detached, and is let go of when the change has ended.
 */
interface UpdateVmInput {
  readonly dataDisks: readonly DataDisk[];
  readonly attach: readonly string[];
  readonly detach: readonly string[];
  /** Those of them that are let go of, come what may. */
  readonly forced: readonly string[];
  readonly newDisks: readonly NewDisk[];
  readonly vmSize: string | null;
  readonly answer: 'vm' | 'storageProfile';
}

export const UPDATE_VM: OperationKind<UpdateVmInput> = {
  name: 'virtualMachines.update',
  run: async (input, operation, azure) => {
    await makeFiles(input.newDisks, azure);
    const before = azure.state.find(VIRTUAL_MACHINE, operation.resourceId);
    if (before === undefined) return { changes: settledFiles(input.newDisks, azure) };
    for (const id of input.attach) requireStillThere(id, before, azure);
    for (const disk of held(input.detach, before.id, azure)) requireLoose(disk, input.forced);
    await azure.workers.changeDisks(before.id, diskLinks(settledDataDisks(input, before, azure), azure));
    const vm = azure.state.find(VIRTUAL_MACHINE, operation.resourceId); // it may have changed, or be gone
    if (vm === undefined) return { changes: settledFiles(input.newDisks, azure) };
    const { properties } = vm;
    const ready: VirtualMachineRecord = {
      ...vm,
      provisioningState: 'Succeeded',
      properties: {
        ...properties,
        ...(input.vmSize === null ? {} : { hardwareProfile: { ...properties.hardwareProfile, vmSize: input.vmSize } }),
        storageProfile: { ...properties.storageProfile, dataDisks: settledDataDisks(input, vm, azure) },
      },
    };
    azure.workers.linkDisks(ready, lunLinks(ready, azure));
    const output = input.answer === 'vm' ? vmView(ready, azure) : storageProfileView(ready, azure);
    return {
      changes: [put(ready), ...attachedDisks(input, vm, azure), ...releasedDisks(input.detach, vm.id, azure)],
      output,
    };
  },
  abandon: ({ attach, detach }, operation, azure) => {
    const vm = azure.state.find(VIRTUAL_MACHINE, operation.resourceId);
    const stillAttached = held(detach, operation.resourceId, azure).map((disk) =>
      put({ ...disk, detaching: disk.detachStuck === true }),
    );
    return [
      ...(vm === undefined ? [] : [put({ ...vm, provisioningState: 'Failed' as const })]),
      ...releasedDisks(attach, operation.resourceId, azure),
      ...stillAttached,
    ];
  },
};

/** As the change wants them, except that what a forced detach or another change has done meanwhile stays done. */
function settledDataDisks(input: UpdateVmInput, vm: VirtualMachineRecord, azure: Azure): readonly DataDisk[] {
  const known = [...input.detach, ...input.dataDisks.map(idOf)];
  const others = vm.properties.storageProfile.dataDisks.filter((disk) => !known.some((id) => sameId(id, idOf(disk))));
  const owned = [...input.attach, ...held(known.concat(others.map(idOf)), vm.id, azure).map(({ id }) => id)];
  return [...input.dataDisks, ...others].filter((disk) => owned.some((id) => sameId(id, idOf(disk))));
}

function idOf({ managedDisk }: DataDisk): string {
  return managedDisk?.id ?? '';
}

/** PATCH, and PUT on a VM that exists. @throws AzureError 409 PropertyChangeNotAllowed and others */
export function beginUpdate(
  vm: VirtualMachineRecord,
  body: VmUpdateBody,
  method: 'PUT' | 'PATCH',
  azure: Azure,
): OperationRecord {
  const wanted = body.properties ?? {};
  requireUnchanged(vm, body, wanted);
  const before = sizeOf(vm);
  const sizeName = wanted.hardwareProfile?.vmSize ?? before.name;
  const isResize = sizeName.toLowerCase() !== before.name.toLowerCase();
  const size = isResize ? requireSize(sizeName, vm.location, vm.zones, azure) : before;
  requireVmReferences(wanted, vm.location, azure);
  const identity = settledIdentity(body.identity, vm.identity, method, azure);
  requireIdentities(vm.id, body.identity, azure);
  const boot = plannedBoot(vm, size, isResize, wanted, azure);
  if (isResize) requireQuota(size, vm.location, azure, before);
  const current = vm.properties.storageProfile.dataDisks;
  const dataDisks = wanted.storageProfile?.dataDisks ?? (method === 'PUT' ? [] : current);
  const plan = planDataDisks(vm, size, current, dataDisks, azure);
  if (isResize) for (const disk of plan.dataDisks) recheck(disk, vm, size, azure);
  const { osProfile, hardwareProfile, storageProfile, provisioningState, instanceView, vmId, timeCreated, ...plain } =
    wanted;
  void [osProfile, hardwareProfile, provisioningState, instanceView, vmId, timeCreated];
  const osDisk = { ...vm.properties.storageProfile.osDisk };
  const wantedOs = storageProfile?.osDisk;
  if (wantedOs?.deleteOption !== undefined) osDisk.deleteOption = wantedOs.deleteOption;
  if (wantedOs?.caching !== undefined) osDisk.caching = wantedOs.caching;
  const changed: VirtualMachineRecord = {
    ...vm,
    tags: body.tags ?? (method === 'PUT' ? {} : vm.tags),
    identity,
    etag: vm.etag + 1,
    provisioningState: 'Updating',
    changedAt: azure.now().toISOString(),
    properties: {
      ...vm.properties,
      ...plain,
      ...(plain.securityProfile === undefined
        ? {}
        : { securityProfile: { ...vm.properties.securityProfile, ...plain.securityProfile } }),
      storageProfile: { ...vm.properties.storageProfile, osDisk, diskControllerType: boot.controller },
    },
  };
  const forced = dataDisks.filter((disk) => disk.toBeDetached === true && disk.detachOption === 'ForceDetach');
  const isForced = (disk: DiskRecord): boolean =>
    forced.some(({ managedDisk, name }) => sameId(managedDisk?.id, disk.id) || sameId(name, disk.name));
  const others = boot.osDisk === null ? [] : [put(boot.osDisk)];
  return begin(changed, plan, { vmSize: isResize ? size.name : null, answer: 'vm', isForced, others }, azure);
}

/** POST attachDetachDataDisks. @throws AzureError */
export function beginAttachDetach(vm: VirtualMachineRecord, body: AttachDetachBody, azure: Azure): OperationRecord {
  const size = sizeOf(vm);
  const current = vm.properties.storageProfile.dataDisks;
  const toDetach = body.dataDisksToDetach ?? [];
  for (const { diskId } of toDetach) {
    if (sameId(diskId, vm.properties.storageProfile.osDisk.managedDisk?.id)) throw changeRefused('osDisk');
    if (!current.some((disk) => sameId(disk.managedDisk?.id, diskId))) {
      throw invalidParameter('dataDisksToDetach', `Disk '${diskId}' is not attached to VM '${vm.name}'.`);
    }
  }
  const wanted = current.filter((disk) => !toDetach.some(({ diskId }) => sameId(diskId, disk.managedDisk?.id)));
  for (const { diskId, lun, diskEncryptionSet, ...options } of body.dataDisksToAttach ?? []) {
    if (current.some((disk) => sameId(disk.managedDisk?.id, diskId))) {
      throw ownedElsewhere(requireDiskById(DISK, diskId, 'dataDisksToAttach', azure), vm);
    }
    requireEncryptionSet(diskEncryptionSet?.id, vm.location, azure);
    wanted.push({
      ...options,
      lun: lun ?? lowestFreeLun(wanted),
      createOption: 'Attach',
      managedDisk: { id: diskId, ...(diskEncryptionSet === undefined ? {} : { diskEncryptionSet }) },
    });
  }
  const plan = planDataDisks(vm, size, current, wanted, azure);
  const changed: VirtualMachineRecord = {
    ...vm,
    etag: vm.etag + 1,
    provisioningState: 'Updating',
    changedAt: azure.now().toISOString(),
  };
  const isForced = (disk: DiskRecord): boolean =>
    toDetach.some(({ diskId, detachOption }) => detachOption === 'ForceDetach' && sameId(diskId, disk.id));
  return begin(changed, plan, { vmSize: null, answer: 'storageProfile', isForced, others: [] }, azure);
}

function begin(
  vm: VirtualMachineRecord,
  plan: DataDiskPlan,
  wanted: Pick<UpdateVmInput, 'vmSize' | 'answer'> & {
    readonly isForced: (disk: DiskRecord) => boolean;
    readonly others: readonly Change[];
  },
  azure: Azure,
): OperationRecord {
  const now = azure.now().toISOString();
  const made = plan.made.map((disk) => ({ ...disk, tags: vm.tags }));
  const forced = plan.detached.filter(wanted.isForced);
  const isStale = attachmentFault('stale-disk-state', UPDATE_VM.name, vm, plan.attached, azure);
  const stuck = plan.detached.filter((disk) => !forced.includes(disk));
  const sticks = attachmentFault('stuck-detach', UPDATE_VM.name, vm, stuck, azure);
  return azure.operations.begin(UPDATE_VM, {
    resourceId: vm.id,
    location: vm.location,
    input: {
      dataDisks: plan.dataDisks,
      attach: [...made, ...plan.attached].map(({ id }) => id),
      detach: plan.detached.map(({ id }) => id),
      forced: forced.map(({ id }) => id),
      newDisks: newDisks(plan.made),
      vmSize: wanted.vmSize,
      answer: wanted.answer,
    },
    changes: [
      put(vm),
      ...wanted.others,
      ...[...made, ...(isStale ? [] : plan.attached)].map((disk) =>
        put({ ...disk, managedBy: vm.id, ownershipChangedAt: now }),
      ),
      ...plan.detached.map((disk) =>
        put({ ...disk, detaching: true, detachStuck: disk.detachStuck === true || (sticks && stuck.includes(disk)) }),
      ),
    ],
  });
}

/**
 * The controller and the security type after the change, and the OS disk where the type becomes its own, too. Both change
 * on a deallocated VM alone, the controller also together with the size; the way back to Standard takes a feature of the
 * subscription that this one doesn't have.
 * @throws AzureError 400 or 409
 */
function plannedBoot(
  vm: VirtualMachineRecord,
  size: VmSizeEntry,
  isResize: boolean,
  wanted: VmProperties,
  azure: Azure,
): { readonly controller: Controller; readonly osDisk: DiskRecord | null } {
  const { storageProfile, securityProfile } = vm.properties;
  const before = storageProfile.diskControllerType ?? 'SCSI';
  const type = securityTypeOf({ ...securityProfile, ...wanted.securityProfile });
  const osDisk = azure.state.find(DISK, storageProfile.osDisk.managedDisk?.id ?? '');
  const isSecured = type !== securityTypeOf(securityProfile);
  const controller = controllerOf(size, wanted.storageProfile?.diskControllerType ?? before);
  if (!isResize && !isSecured && controller === before) return { controller, osDisk: null };
  if (isSecured && type === STANDARD) throw changeRefused('securityProfile.securityType');
  if (vm.power !== 'deallocated' && (isSecured || (controller !== before && !isResize))) {
    throw conflict(
      'OperationNotAllowed',
      `Operation 'update' is not allowed on VM '${vm.name}' since the VM is not deallocated. ` +
        'Please deallocate it and retry the operation.',
    );
  }
  if (osDisk === undefined) return { controller, osDisk: null };
  const secured: DiskRecord = { ...osDisk, kept: { ...osDisk.kept, securityProfile: { securityType: type } } };
  const next = isSecured ? secured : osDisk;
  requireBootable({ size, controller, securityType: type }, bootableDisk(next));
  return { controller, osDisk: isSecured ? secured : null };
}

function sizeOf(vm: VirtualMachineRecord): VmSizeEntry {
  const name = vm.properties.hardwareProfile?.vmSize ?? '';
  const size = vmSize(name);
  if (size === undefined) throw new Error(`VM ${vm.id} has the size '${name}', which there is not`);
  return size;
}

function requireUnchanged(vm: VirtualMachineRecord, body: VmUpdateBody, wanted: VmProperties): void {
  if (body.zones !== undefined && body.zones.join() !== vm.zones.join()) throw changeRefused('zones');
  if (wanted.osProfile !== undefined && vm.properties.osProfile === undefined) throw changeRefused('osProfile');
  for (const name of ['adminUsername', 'computerName'] as const) {
    const value = wanted.osProfile?.[name];
    if (value !== undefined && value !== vm.properties.osProfile?.[name]) throw changeRefused(`osProfile.${name}`);
  }
  if (wanted.osProfile?.customData !== undefined && wanted.osProfile.customData !== vm.customData) {
    throw changeRefused('osProfile.customData');
  }
  const set = wanted.availabilitySet?.id;
  if (set !== undefined && !sameId(set, vm.properties.availabilitySet?.id)) throw changeRefused('availabilitySet.id');
  const { osDisk, imageReference } = wanted.storageProfile ?? {};
  const actual = vm.properties.storageProfile;
  if (osDisk?.managedDisk?.id !== undefined && !sameId(osDisk.managedDisk.id, actual.osDisk.managedDisk?.id)) {
    throw changeRefused('osDisk.managedDisk.id');
  }
  if (osDisk?.name !== undefined && osDisk.name.toLowerCase() !== actual.osDisk.name?.toLowerCase()) {
    throw changeRefused('osDisk.name');
  }
  if (osDisk !== undefined && osDisk.createOption !== actual.osDisk.createOption)
    throw changeRefused('osDisk.createOption');
  if (osDisk?.osType !== undefined && osDisk.osType !== actual.osDisk.osType) throw changeRefused('osDisk.osType');
  if (imageReference !== undefined && !sameImage(imageReference, actual.imageReference))
    throw changeRefused('imageReference');
  const interfaces = wanted.networkProfile?.networkInterfaces;
  if (interfaces === undefined) return;
  const has = vm.properties.networkProfile?.networkInterfaces ?? [];
  const isSame =
    interfaces.length === has.length && interfaces.every((nic) => has.some(({ id }) => sameId(id, nic.id)));
  if (!isSame) throw changeRefused('networkProfile.networkInterfaces');
}

function sameImage(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>> | undefined): boolean {
  return ['id', 'publisher', 'offer', 'sku', 'version'].every((name) => a[name] === b?.[name]);
}

function recheck(
  disk: DataDisk,
  vm: VirtualMachineRecord,
  size: NonNullable<ReturnType<typeof vmSize>>,
  azure: Azure,
): void {
  const record = azure.state.find(DISK, disk.managedDisk?.id ?? '');
  if (record !== undefined && record.managedBy !== null) requireAttachable(record.id, vm, size, azure);
}

function lowestFreeLun(disks: readonly DataDisk[]): number {
  const taken = new Set(disks.map(({ lun }) => lun));
  for (let lun = 0; lun < 64; lun++) if (!taken.has(lun)) return lun;
  throw badRequest('InvalidParameter', 'The VM has no free LUN.', 'dataDisk.lun');
}

function attachedDisks(input: UpdateVmInput, vm: VirtualMachineRecord, azure: Azure): readonly Change[] {
  const diskState = vm.power === 'deallocated' ? 'Reserved' : 'Attached';
  return input.attach.flatMap((id) => {
    const disk = azure.state.find(DISK, id);
    return disk === undefined
      ? []
      : [put({ ...disk, managedBy: vm.id, diskState, provisioningState: 'Succeeded' as const })];
  });
}

function releasedDisks(ids: readonly string[], vmId: string, azure: Azure): readonly Change[] {
  return held(ids, vmId, azure).map((disk) => put(releasedDisk(settledFile(disk, azure), azure)));
}

/** Those of the disks that are still the VM's. */
function held(ids: readonly string[], vmId: string, azure: Azure): readonly DiskRecord[] {
  return ids.flatMap((id) => {
    const disk = azure.state.find(DISK, id);
    return disk !== undefined && sameId(disk.managedBy, vmId) ? [disk] : [];
  });
}
