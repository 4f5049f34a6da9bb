import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { z } from 'zod';
import { AzureError, badRequest, conflict } from '../arm/errors.js';
import { TAGS } from '../arm/body.js';
import { resourceId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { CREATE_VM, planVm, vmResourceId } from '../compute/vm-create.js';
import { GIB } from '../compute/disk-view.js';
import { vmView } from '../compute/vm-view.js';
import { newGroup } from '../groups/resource-groups.js';
import { requireOpenGroup } from '../groups/placement.js';
import { requireRegion } from '../groups/regions.js';
import { SEED, seedIds } from '../seed.js';
import {
  DISK,
  NETWORK_INTERFACE,
  RESOURCE_GROUP,
  VIRTUAL_MACHINE,
  type DiskRecord,
  type NetworkInterfaceRecord,
} from '../state/records.js';
import { put, remove } from '../state/state.js';
import { lowestFree, parsePrefix } from '../network/addresses.js';
import { configurationsIn, requireSubnet } from '../network/subnets.js';

/*
 * A VM out of local disk images, for demonstrations and as a source for captures: its disks are made with the images'
 * content, its interface in the seeded network where that is in the region.
 */
export const LOCAL_MACHINE = z.strictObject({
  name: z.string().min(1),
  resourceGroup: z.string().min(1),
  region: z.string().optional(),
  size: z.string().default('Standard_D2s_v5'),
  /** Path of a raw image on this machine. */
  osDisk: z.string().min(1),
  dataDisks: z.array(z.string().min(1)).default([]),
  generation: z.union([z.literal(1), z.literal(2)]).default(1),
  osType: z.enum(['Linux', 'Windows']).default('Linux'),
  sku: z.enum(['Standard_LRS', 'StandardSSD_LRS', 'Premium_LRS']).default('Premium_LRS'),
  subnetId: z.string().optional(),
  tags: TAGS.default({}),
});

type LocalMachine = z.infer<typeof LOCAL_MACHINE>;

/** Returns the VM as a GET shows it; it is running. @throws AzureError */
export async function makeLocalMachine(wanted: LocalMachine, azure: Azure): Promise<unknown> {
  const images = [wanted.osDisk, ...wanted.dataDisks].map((path) => ({ path, bytes: imageBytes(path) }));
  const id = vmResourceId(wanted.resourceGroup, wanted.name, azure);
  if (azure.state.find(VIRTUAL_MACHINE, id) !== undefined) {
    throw conflict('NameTaken', `A VM named '${wanted.name}' exists in resource group '${wanted.resourceGroup}'.`);
  }
  const location = groupLocation(wanted, azure);
  const disks = images.map(({ bytes }, index) => diskRecord(wanted, index, bytes, location, azure));
  const taken = disks.find((disk) => azure.state.resource(disk.id) !== undefined);
  if (taken !== undefined) throw conflict('NameTaken', `The disk '${taken.id}' exists.`);
  const nic = interfaceRecord(wanted, location, azure);
  for (const [index, disk] of disks.entries()) {
    await azure.files.copy(images[index]?.path ?? '', disk.uniqueId, disk.sizeBytes);
  }
  azure.state.commit([...disks.map(put), put(nic)]);
  try {
    const { vm, input, changes } = planVm(id, wanted.name, machineBody(wanted, location, disks, nic), azure);
    const operation = azure.operations.begin(CREATE_VM, { resourceId: id, location, input, changes });
    await azure.operations.ended(operation.id);
    return vmView(azure.state.find(VIRTUAL_MACHINE, id) ?? vm, azure);
  } catch (error) {
    for (const disk of disks) await azure.files.remove(disk.uniqueId);
    azure.state.commit([...disks.map((disk) => remove(disk.id)), remove(nic.id)]);
    throw error;
  }
}

function imageBytes(path: string): number {
  try {
    const found = statSync(path);
    if (found.isFile() && found.size > 0) return found.size;
  } catch (error) {
    throw badRequest('ImageUnreadable', `The disk image '${path}' can't be read: ${(error as Error).message}.`);
  }
  throw badRequest('ImageUnreadable', `The disk image '${path}' is not a file or is empty.`);
}

/** The resource group is made when it isn't there. */
function groupLocation(wanted: LocalMachine, azure: Azure): string {
  const existing = azure.state.find(
    RESOURCE_GROUP,
    `/subscriptions/${azure.subscriptionId}/resourceGroups/${wanted.resourceGroup}`,
  );
  const location = requireRegion(wanted.region ?? existing?.location ?? SEED.region, VIRTUAL_MACHINE).name;
  if (existing === undefined) azure.state.commit([put(newGroup(azure, wanted.resourceGroup, location))]);
  requireOpenGroup(wanted.resourceGroup, azure);
  return location;
}

function diskRecord(wanted: LocalMachine, index: number, bytes: number, location: string, azure: Azure): DiskRecord {
  const name = index === 0 ? `${wanted.name}-os` : `${wanted.name}-data-${index - 1}`;
  const now = azure.now().toISOString();
  return {
    type: DISK,
    id: resourceId(azure.subscriptionId, wanted.resourceGroup, DISK, name),
    name,
    location,
    tags: wanted.tags,
    zones: [],
    sku: wanted.sku,
    sizeBytes: Math.ceil(bytes / GIB) * GIB,
    osType: index === 0 ? wanted.osType : null,
    hyperVGeneration: index === 0 ? (`V${wanted.generation}` as const) : null,
    creationData: { createOption: 'Empty' },
    kept: {},
    uniqueId: randomUUID(),
    diskState: 'Unattached',
    managedBy: null,
    detaching: false,
    ownershipChangedAt: null,
    unusable: null,
    provisioningState: 'Succeeded',
    createdAt: now,
    changedAt: now,
  };
}

function interfaceRecord(wanted: LocalMachine, location: string, azure: Azure): NetworkInterfaceRecord {
  const name = `${wanted.name}-nic`;
  const id = resourceId(azure.subscriptionId, wanted.resourceGroup, NETWORK_INTERFACE, name);
  if (azure.state.resource(id) !== undefined) throw conflict('NameTaken', `The network interface '${id}' exists.`);
  const subnetId = wanted.subnetId ?? seedIds(azure.subscriptionId).machineSubnetId;
  const { network, subnet } = requireSubnet(subnetId, id, azure);
  if (network.location !== location) {
    throw badRequest(
      'NoNetwork',
      `The network '${network.name}' is in '${network.location}' and not in '${location}'; give a subnetId.`,
    );
  }
  const used = new Set(configurationsIn(network, subnet, azure).map(({ address }) => address));
  const address = lowestFree(parsePrefix(subnet.prefixes[0] ?? ''), used);
  if (address === null) throw new AzureError(400, 'SubnetIsFull', `Subnet ${subnet.name} has no free address.`);
  const now = azure.now().toISOString();
  return {
    type: NETWORK_INTERFACE,
    id,
    name,
    location,
    tags: wanted.tags,
    etag: randomUUID(),
    ipConfigurations: [
      {
        name: 'ipconfig1',
        properties: {
          subnet: { id: subnetId },
          privateIPAddress: address,
          privateIPAllocationMethod: 'Dynamic',
          privateIPAddressVersion: 'IPv4',
          primary: true,
        },
      },
    ],
    kept: {},
    virtualMachineId: null,
    macAddress: '00-0D-3A-00-00-01',
    reservedFor: null,
    provisioningState: 'Succeeded',
    createdAt: now,
    changedAt: now,
  };
}

function machineBody(
  wanted: LocalMachine,
  location: string,
  disks: readonly DiskRecord[],
  nic: NetworkInterfaceRecord,
) {
  const [osDisk, ...dataDisks] = disks;
  return {
    location,
    tags: wanted.tags,
    properties: {
      hardwareProfile: { vmSize: wanted.size },
      storageProfile: {
        osDisk: {
          createOption: 'Attach' as const,
          osType: wanted.osType,
          managedDisk: { id: osDisk?.id ?? '' },
          deleteOption: 'Detach' as const,
        },
        dataDisks: dataDisks.map((disk, lun) => ({
          lun,
          createOption: 'Attach' as const,
          managedDisk: { id: disk.id },
          deleteOption: 'Detach' as const,
        })),
      },
      networkProfile: { networkInterfaces: [{ id: nic.id }] },
      diagnosticsProfile: { bootDiagnostics: { enabled: true } },
    },
  };
}
