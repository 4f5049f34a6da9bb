import {
  CLOUD_KINDS,
  type CloudDisk,
  type CloudNic,
  type CloudVm,
  type GroupedKind,
  type SavedResource,
  type SavedVm,
} from '@landfall/domain';
import { z } from 'zod';
import type { MemorySubscription } from './memory-subscription.js';

const API_VERSION = '2026-04-01';

const shownOfAll = { location: z.string(), tags: z.record(z.string(), z.string()) };

/** What the double makes a disk anew from: of the body that it has shown. */
export const SHOWN_DISK = z.object({
  ...shownOfAll,
  ...{ id: z.string(), name: z.string(), sku: z.object({ name: z.string() }), zones: z.array(z.string()).default([]) },
});

/** What the double makes a VM anew from. */
export const SHOWN_VM = z.object({
  ...shownOfAll,
  properties: z.object({
    hardwareProfile: z.object({ vmSize: z.string() }),
    storageProfile: z.object({ osDisk: z.object({ deleteOption: z.string().optional() }) }),
  }),
});

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
