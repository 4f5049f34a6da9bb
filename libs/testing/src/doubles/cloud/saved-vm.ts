import {
  CLOUD_KINDS,
  type CloudDisk,
  type CloudNic,
  type CloudVm,
  type GroupedKind,
  type SavedResource,
  type SavedVm,
} from '@landfall/domain';
import type { MemorySubscription } from './memory-subscription.js';

const API_VERSION = '2026-04-01';

/** A VM and its parts as Azure Resource Manager would show them, as far as the double knows them. */
export function savedVmOf(subscription: MemorySubscription, vm: CloudVm): SavedVm {
  const diskIds = [...(vm.osDiskId === null ? [] : [vm.osDiskId]), ...vm.dataDisks.map(({ diskId }) => diskId)];
  return {
    vm: saved('vm', vm, vmProperties(vm, subscription.osDiskGoesAlong(vm))),
    disks: diskIds.map((id) => savedDisk(subscription.require(subscription.disks, id))),
    nics: vm.nicIds.map((id) => savedNic(subscription, subscription.require(subscription.nics, id))),
    publicIps: [],
    extensions: [],
  };
}

function savedDisk(disk: CloudDisk): SavedResource {
  const { uniqueId, sizeBytes, sku, zone, diskState, provisioningState } = disk;
  const found = saved('disk', disk, { uniqueId, diskSizeBytes: sizeBytes, diskState, provisioningState });
  return { ...found, body: { ...found.body, sku: { name: sku }, ...(zone === null ? {} : { zones: [zone] }) } };
}

function savedNic({ allocations, subnetsOfNics }: MemorySubscription, nic: CloudNic): SavedResource {
  const key = nic.azureId.toLowerCase();
  const [privateIPAddress] = nic.privateAddresses;
  const subnetId = subnetsOfNics.get(key);
  const properties = {
    ...{ privateIPAddress, privateIPAllocationMethod: allocations.get(key)?.isDynamic === true ? 'Dynamic' : 'Static' },
    ...(subnetId === undefined ? {} : { subnet: { id: subnetId } }),
  };
  return saved('nic', nic, { ipConfigurations: [{ name: 'primary', properties }] });
}

function vmProperties(vm: CloudVm, osDiskGoesAlong: boolean): unknown {
  return {
    vmId: vm.instanceId,
    hardwareProfile: { vmSize: vm.size },
    storageProfile: {
      osDisk: { managedDisk: { id: vm.osDiskId }, deleteOption: osDiskGoesAlong ? 'Delete' : 'Detach' },
      dataDisks: vm.dataDisks.map(({ diskId, lun }) => ({ lun, managedDisk: { id: diskId }, deleteOption: 'Detach' })),
    },
    networkProfile: { networkInterfaces: vm.nicIds.map((id) => ({ id, properties: { deleteOption: 'Detach' } })) },
    provisioningState: vm.provisioningState,
  };
}

function saved(kind: GroupedKind, found: CloudDisk | CloudNic | CloudVm, properties: unknown): SavedResource {
  const { azureId, name, region, tags } = found;
  const body = { id: azureId, name, type: CLOUD_KINDS[kind].armType, location: region, tags, properties };
  return { azureId, apiVersion: API_VERSION, body };
}
