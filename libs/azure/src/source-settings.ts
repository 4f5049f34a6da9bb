import { restorePoller as restoreComputePoller, type VirtualMachine } from '@azure/arm-compute';
import { restorePoller as restoreNetworkPoller, type NetworkInterface, type PublicIPAddress } from '@azure/arm-network';
import { SOURCE_CHANGES, tagOf, type CloudDisk, type SavedVm, type Tags } from '@landfall/domain';
import { z } from 'zod';
import type { AzureConnection } from './connection.js';
import { diskPath } from './disks.js';
import { requireResourceId, resourcePathOf, sameId } from './ids.js';
import { notSeen } from './saved-vm.js';
import type { Setting, Values } from './settings.js';
import { vmMissing, vmPath } from './virtual-machines.js';
import { partsOf, withDeleteOptions } from './vm-parts.js';

/*
 * What is changed of a VM that is to be replaced, and of its network interfaces and their public addresses. A public address is
 * deleted along with a VM where its network interface says so: the address itself neither takes the option nor shows it
 * (Azure/azure-rest-api-specs#25475).
 */
type Read<M> = (azureId: string) => Promise<M | null>;

/** A VM's tags of these names. */
export function tagsOfVm(
  connection: AzureConnection,
  read: Read<VirtualMachine>,
  names: readonly string[],
): Setting<VirtualMachine> {
  return {
    ...vmSetting(connection, read, ({ tags = {} }, values) => ({ tags: mergedTags(tags, values) })),
    what: SOURCE_CHANGES.claim,
    doing: 'claim the VM that is to be replaced',
    canBeTakenAway: true,
    valuesOf: ({ tags = {} }) => valuesOfTags(tags, names),
  };
}

/** Tags that tell that a VM is ours, as long as it is. */
export function ownTagsOfVm(
  connection: AzureConnection,
  read: Read<VirtualMachine>,
  names: readonly string[],
): Setting<VirtualMachine> {
  return { ...tagsOfVm(connection, read, names), ...OWN_TAGS };
}

export function ownTagsOfDisk(
  connection: AzureConnection,
  read: Read<CloudDisk>,
  names: readonly string[],
): Setting<CloudDisk> {
  const { disks } = connection.compute;
  return {
    ...OWN_TAGS,
    ...{ operation: 'disks.update', canBeTakenAway: true, read },
    numberOf: ({ uniqueId }) => uniqueId,
    isBusy: ({ provisioningState }) => isGoingOn(provisioningState),
    valuesOf: ({ tags }) => valuesOfTags(tags, names),
    send(azureId, { tags }, values) {
      const { resourceGroup, name } = diskPath(connection, azureId);
      return disks.update(resourceGroup, name, { tags: mergedTags(tags, values) });
    },
    resume: (state) => restoreComputePoller(connection.compute, state, disks.update),
    missing: notSeen,
  };
}

const OWN_TAGS = { what: 'own-tags', doing: 'take our tags off what was brought back' };

function valuesOfTags(tags: Tags, names: readonly string[]): Values {
  return Object.fromEntries(names.map((name) => [name, tagOf(tags, name)]));
}

/** By the IDs of a VM's disks and network interfaces, in lower case. */
export function deleteOptionsOfVm(connection: AzureConnection, read: Read<VirtualMachine>): Setting<VirtualMachine> {
  return {
    ...vmSetting(connection, read, (model, values) => withDeleteOptions(model, (id) => values[keyOf(id)] ?? null)),
    what: SOURCE_CHANGES.deleteOptions,
    doing: 'set what the VM that is to be replaced consists of to outlive it',
    canBeTakenAway: false,
    valuesOf: (model) =>
      Object.fromEntries(partsOf(model).map(({ id, deleteOption }) => [keyOf(id), deleteOption ?? null])),
  };
}

const SAVED_OPTION = z.looseObject({ deleteOption: z.string().optional() });
const SAVED_PARTS = z.object({
  properties: z.object({
    storageProfile: z.object({
      osDisk: SAVED_OPTION.optional(),
      dataDisks: z.array(SAVED_OPTION.extend({ lun: z.number() })).default([]),
    }),
    networkProfile: z
      .object({
        networkInterfaces: z.array(z.object({ id: z.string(), properties: SAVED_OPTION.optional() })).default([]),
      })
      .default({ networkInterfaces: [] }),
  }),
});

/** What is known of a VM's parts as those of the saved one had it; they may be other disks by now. */
export function optionsAsIn({ vm }: SavedVm, { storageProfile, networkProfile }: VirtualMachine): Values {
  const { storageProfile: disks, networkProfile: was } = SAVED_PARTS.parse(vm.body).properties;
  const osDisk = [keyOf(storageProfile?.osDisk?.managedDisk?.id), disks.osDisk?.deleteOption] as const;
  const dataDisks = (storageProfile?.dataDisks ?? []).map(
    ({ lun, managedDisk }) =>
      [keyOf(managedDisk?.id), disks.dataDisks.find((disk) => disk.lun === lun)?.deleteOption] as const,
  );
  const nics = (networkProfile?.networkInterfaces ?? []).map(
    ({ id = '' }) =>
      [keyOf(id), was.networkInterfaces.find((nic) => sameId(nic.id, id))?.properties?.deleteOption] as const,
  );
  return Object.fromEntries([osDisk, ...dataDisks, ...nics].flatMap(([id, option]) => (option ? [[id, option]] : [])));
}

/** Of the public addresses, by the names of the IP configurations that have them. */
export function addressOptionsOfNic(
  connection: AzureConnection,
  read: Read<NetworkInterface>,
): Setting<NetworkInterface> {
  return {
    ...nicSetting(connection, read, (configuration, option) =>
      configuration.publicIPAddress === undefined
        ? configuration
        : { ...configuration, publicIPAddress: { ...configuration.publicIPAddress, deleteOption: option } },
    ),
    what: SOURCE_CHANGES.addressDeleteOptions,
    doing: 'set the public addresses of the VM that is to be replaced to outlive it',
    canBeTakenAway: false,
    valuesOf: ({ ipConfigurations = [] }) =>
      Object.fromEntries(
        ipConfigurations.flatMap(({ name, publicIPAddress }) =>
          publicIPAddress === undefined ? [] : [[name ?? '', publicIPAddress.deleteOption ?? null]],
        ),
      ),
  };
}

/** How the private addresses were given, by the names of the IP configurations that have one. */
export function allocationsOfNic(connection: AzureConnection, read: Read<NetworkInterface>): Setting<NetworkInterface> {
  return {
    ...nicSetting(connection, read, (configuration, method) => ({
      ...configuration,
      privateIPAllocationMethod: method,
    })),
    what: SOURCE_CHANGES.privateAddresses,
    doing: 'hold the private addresses of the VM that is to be replaced',
    canBeTakenAway: false,
    valuesOf: ({ ipConfigurations = [] }) =>
      Object.fromEntries(
        ipConfigurations.flatMap(({ name, privateIPAddress, privateIPAllocationMethod }) =>
          privateIPAddress === undefined ? [] : [[name ?? '', privateIPAllocationMethod ?? null]],
        ),
      ),
  };
}

const ALLOCATION = 'allocation';

/** How the address was given; of one that has none at present, nothing. */
export function allocationOfPublicAddress(
  connection: AzureConnection,
  read: Read<PublicIPAddress>,
): Setting<PublicIPAddress> {
  const { publicIPAddresses } = connection.network;
  return {
    what: SOURCE_CHANGES.publicAddress,
    doing: 'hold the public address of the VM that is to be replaced',
    operation: 'publicIPAddresses.createOrUpdate',
    canBeTakenAway: false,
    read,
    numberOf: ({ resourceGuid }) => resourceGuid ?? '',
    isBusy: ({ provisioningState }) => isGoingOn(provisioningState),
    valuesOf: ({ ipAddress, publicIPAllocationMethod }): Values =>
      ipAddress === undefined ? {} : { [ALLOCATION]: publicIPAllocationMethod ?? null },
    send(azureId, model, values) {
      const { resourceGroup, name } = resourcePathOf(azureId);
      const method = values[ALLOCATION];
      const body = method ? { ...model, publicIPAllocationMethod: method } : model;
      return publicIPAddresses.createOrUpdate(resourceGroup, name, body, ifUnchanged(model));
    },
    resume: (state) => restoreNetworkPoller(connection.network, state, publicIPAddresses.createOrUpdate),
    missing: notSeen,
  };
}

/** @param changed what of a VM is sent, so that it has these values */
function vmSetting(
  connection: AzureConnection,
  read: Read<VirtualMachine>,
  changed: (model: VirtualMachine, values: Values) => Partial<VirtualMachine>,
) {
  const { virtualMachines } = connection.compute;
  return {
    operation: 'virtualMachines.update',
    read,
    numberOf: ({ vmId }: VirtualMachine) => vmId ?? '',
    isBusy: ({ provisioningState }: VirtualMachine) => isGoingOn(provisioningState),
    send(azureId: string, model: VirtualMachine, values: Values) {
      const { resourceGroup, name } = vmPath(connection, azureId);
      // What was read is not sent where somebody has changed the VM since.
      const ifMatch = model.etag ? { ifMatch: model.etag } : {};
      return virtualMachines.update(resourceGroup, name, changed(model, values), ifMatch);
    },
    resume: (state: string) => restoreComputePoller(connection.compute, state, virtualMachines.update),
    missing: vmMissing,
  };
}

type Configuration = NonNullable<NetworkInterface['ipConfigurations']>[number];

/** @param changed an IP configuration with another value */
function nicSetting(
  connection: AzureConnection,
  read: Read<NetworkInterface>,
  changed: (configuration: Configuration, value: string) => Configuration,
) {
  const { networkInterfaces } = connection.network;
  return {
    operation: 'networkInterfaces.createOrUpdate',
    read,
    numberOf: ({ resourceGuid }: NetworkInterface) => resourceGuid ?? '',
    isBusy: ({ provisioningState }: NetworkInterface) => isGoingOn(provisioningState),
    send(azureId: string, model: NetworkInterface, values: Values) {
      const { resourceGroup, name } = requireResourceId(azureId, connection.subscriptionId, 'nic');
      const ipConfigurations = (model.ipConfigurations ?? []).map((configuration) => {
        const value = values[configuration.name ?? ''] ?? null;
        return value === null ? configuration : changed(configuration, value);
      });
      return networkInterfaces.createOrUpdate(resourceGroup, name, { ...model, ipConfigurations }, ifUnchanged(model));
    },
    resume: (state: string) => restoreNetworkPoller(connection.network, state, networkInterfaces.createOrUpdate),
    missing: notSeen,
  };
}

/** The API names no such header among the parameters of these calls: where Azure does not mind it, it does no harm. */
function ifUnchanged({ etag }: { readonly etag?: string }) {
  return etag ? { requestOptions: { headers: { 'if-match': etag } } } : {};
}

function isGoingOn(provisioningState: string | undefined): boolean {
  return !['Succeeded', 'Failed', 'Canceled'].includes(provisioningState ?? '');
}

/** Those of the names are taken off, in whatever case they were; then put on with their values. */
function mergedTags(tags: Readonly<Record<string, string>>, values: Values): Record<string, string> {
  const others = Object.entries(tags).filter(([name]) => !Object.keys(values).some((each) => sameId(each, name)));
  const given = Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
  return Object.fromEntries([...others, ...given]);
}

function keyOf(id: string | undefined): string {
  return (id ?? '').toLowerCase();
}
