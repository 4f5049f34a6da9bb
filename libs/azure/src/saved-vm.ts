import type { VirtualMachine } from '@azure/arm-compute';
import { RetryableError, type SavedResource, type SavedVm } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { requireResourceId, resourcePathOf, type ResourcePath } from './ids.js';
import { record, verbatim, type Read } from './verbatim.js';

/* A VM with its parts, word for word. */

/** Null: there is no such VM. @throws RetryableError `AZURE_INCONSISTENT` */
export async function readSavedVm(connection: AzureConnection, path: ResourcePath): Promise<SavedVm | null> {
  const { compute, network, subscriptionId } = connection;
  const { resourceGroup, name } = path;
  // Its user data is shown to whoever asks for it, and to nobody else.
  const vm = await verbatim(`read the VM "${name}"`, (options) =>
    compute.virtualMachines.get(resourceGroup, name, { ...options, expand: 'userData' }),
  );
  if (vm === null) return null;
  const disks = await each(disksOf(vm.model), (id) => {
    const disk = requireResourceId(id, subscriptionId, 'disk');
    return verbatim(`read the disk "${disk.name}"`, (options) =>
      compute.disks.get(disk.resourceGroup, disk.name, options),
    );
  });
  const nics = await each(nicsOf(vm.model), (id) => {
    const nic = requireResourceId(id, subscriptionId, 'nic');
    return verbatim(`read the network interface "${nic.name}"`, (options) =>
      network.networkInterfaces.get(nic.resourceGroup, nic.name, options),
    );
  });
  const addressIds = nics.flatMap(({ model }) =>
    (model.ipConfigurations ?? []).flatMap(({ publicIPAddress }) => publicIPAddress?.id ?? []),
  );
  const publicIps = await each(addressIds, (id) => {
    const address = resourcePathOf(id);
    return verbatim(`read the public address "${address.name}"`, (options) =>
      network.publicIPAddresses.get(address.resourceGroup, address.name, options),
    );
  });
  const extensions = await verbatim(`list the extensions of the VM "${name}"`, (options) =>
    compute.virtualMachineExtensions.list(resourceGroup, name, options),
  );
  return {
    vm: saved(vm),
    disks: disks.map(saved),
    nics: nics.map(saved),
    publicIps: publicIps.map(saved),
    extensions: elementsOf(extensions).map(saved),
  };
}

function disksOf({ storageProfile }: VirtualMachine): string[] {
  const disks = [storageProfile?.osDisk, ...(storageProfile?.dataDisks ?? [])];
  return disks.flatMap((disk) => disk?.managedDisk?.id ?? []);
}

function nicsOf({ networkProfile }: VirtualMachine): string[] {
  return (networkProfile?.networkInterfaces ?? []).flatMap(({ id }) => id ?? []);
}

async function each<T>(ids: readonly string[], read: (id: string) => Promise<Read<T> | null>): Promise<Read<T>[]> {
  return Promise.all(
    ids.map(async (id) => {
      const found = await read(id);
      if (found === null) throw notSeen(id);
      return found;
    }),
  );
}

function elementsOf(list: Read<unknown> | null): Pick<Read<unknown>, 'body' | 'apiVersion'>[] {
  const { value } = record(list?.body);
  return (Array.isArray(value) ? value : []).map((body: unknown) => ({ body, apiVersion: list?.apiVersion ?? '' }));
}

function saved({ body, apiVersion }: Pick<Read<unknown>, 'body' | 'apiVersion'>): SavedResource {
  const shown = record(body);
  return { azureId: typeof shown.id === 'string' ? shown.id : '', apiVersion, body: shown };
}

/** @throws nothing; returned for the caller to throw */
export function notSeen(azureId: string): RetryableError {
  return new RetryableError({
    code: 'AZURE_INCONSISTENT',
    message: `Azure shows a VM that consists of ${azureId}, and does not show that.`,
    fix: 'Look whether somebody is changing the VM; Landfall looks again.',
  });
}
