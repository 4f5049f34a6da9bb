import { restorePoller, type ImageReference, type VirtualMachine } from '@azure/arm-compute';
import { BadInputError, PermanentError, type CloudVm, type VmSpec, type WorkerSpec } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { requireResourceId, sameId, type ResourcePath } from './ids.js';
import { bodyHash, changed, requireOwn } from './ownership.js';
import type { Change, Finding } from './perform.js';
import { throwAwayPublicKey } from './throw-away-key.js';

/** The changes that make virtual machines, and those that turn them on and off. */

export type ReadVm = (id: string) => Promise<CloudVm | null>;

const WORKER_OS_DISK_SKU = 'StandardSSD_LRS';
const WORKER_USER = 'landfall';

/** A VM around disks that exist: attached, never specialised, and every part of it outlives the VM. */
export function createVm(connection: AzureConnection, read: ReadVm, azureId: string, spec: VmSpec): Change<CloudVm> {
  const body: VirtualMachine = {
    ...place(spec),
    storageProfile: {
      ...(spec.diskController === undefined ? {} : { diskControllerType: spec.diskController }),
      osDisk: {
        createOption: 'Attach',
        osType: spec.osDisk.family === 'windows' ? 'Windows' : 'Linux',
        caching: spec.osDisk.caching,
        managedDisk: { id: spec.osDisk.diskId },
        deleteOption: 'Detach',
      },
      dataDisks: spec.dataDisks.map(({ diskId, lun, caching }) => ({
        ...{ lun, caching, createOption: 'Attach', managedDisk: { id: diskId }, deleteOption: 'Detach' },
      })),
    },
  };
  return creation(connection, read, azureId, spec, body, (vm) => {
    if (vm.osDiskId === null || !sameId(vm.osDiskId, spec.osDisk.diskId)) {
      throw changed(vm, `its OS disk is ${vm.osDiskId ?? 'missing'} and not ${spec.osDisk.diskId}`);
    }
  });
}

/** A VM from an image, with an OS disk of its own that goes when it goes. Nobody can sign in to it. */
export async function createWorker(
  connection: AzureConnection,
  read: ReadVm,
  azureId: string,
  osDiskId: string,
  spec: WorkerSpec,
): Promise<Change<CloudVm>> {
  const body: VirtualMachine = {
    ...place(spec),
    storageProfile: {
      imageReference: imageReference(spec.image),
      osDisk: {
        name: spec.osDiskName,
        createOption: 'FromImage',
        managedDisk: { storageAccountType: WORKER_OS_DISK_SKU },
        deleteOption: 'Delete',
      },
    },
  };
  const osProfile = {
    computerName: spec.name,
    adminUsername: WORKER_USER,
    customData: customData(spec.environment),
    linuxConfiguration: {
      disablePasswordAuthentication: true,
      provisionVMAgent: true,
      ssh: {
        publicKeys: [{ path: `/home/${WORKER_USER}/.ssh/authorized_keys`, keyData: await throwAwayPublicKey() }],
      },
    },
  };
  // The hash leaves out the token and the key, which differ from try to try.
  const change = creation(connection, read, azureId, spec, body, (vm) => {
    if (vm.osDiskId !== null && !sameId(vm.osDiskId, osDiskId)) {
      throw changed(vm, `its OS disk is ${vm.osDiskId} and not ${osDiskId}`);
    }
  });
  return {
    ...change,
    send: () =>
      connection.compute.virtualMachines.createOrUpdate(spec.resourceGroup, spec.name, { ...body, osProfile }),
  };
}

export function start(connection: AzureConnection, read: ReadVm, azureId: string): Change<null> {
  const { resourceGroup, name } = vmPath(connection, azureId);
  return {
    doing: `start the VM "${name}"`,
    intent: {
      key: `vm.start:${name}`,
      operation: 'virtualMachines.start',
      azureId,
      bodyHash: bodyHash(azureId),
      effect: { changes: 'ours' },
    },
    async look() {
      const vm = await read(azureId);
      if (vm === null) throw vmMissing(azureId);
      return power(vm, 'running');
    },
    send: () => connection.compute.virtualMachines.start(resourceGroup, name),
    resume: (state) => restorePoller(connection.compute, state, connection.compute.virtualMachines.start),
  };
}

/** A VM that is gone costs nothing either. */
export function deallocate(connection: AzureConnection, read: ReadVm, azureId: string): Change<null> {
  const { resourceGroup, name } = vmPath(connection, azureId);
  return {
    doing: `deallocate the VM "${name}"`,
    intent: {
      key: `vm.deallocate:${name}`,
      operation: 'virtualMachines.deallocate',
      azureId,
      bodyHash: bodyHash(azureId),
      effect: { changes: 'ours' },
    },
    async look() {
      const vm = await read(azureId);
      return vm === null ? { state: 'done', value: null } : power(vm, 'deallocated');
    },
    send: () => connection.compute.virtualMachines.deallocate(resourceGroup, name),
    resume: (state) => restorePoller(connection.compute, state, connection.compute.virtualMachines.deallocate),
  };
}

export function vmPath(connection: AzureConnection, azureId: string): ResourcePath {
  return requireResourceId(azureId, connection.subscriptionId, 'vm');
}

/** @throws nothing; returned for the caller to throw */
export function vmMissing(azureId: string): PermanentError {
  return new PermanentError({
    code: 'VM_MISSING',
    message: `The VM ${azureId} does not exist any more.`,
    fix: 'Find out who removed it in the activity log; roll the restore back and begin anew.',
  });
}

/** Whether an operation on the VM is under way. */
export function isBusy(vm: CloudVm): boolean {
  return !['Succeeded', 'Failed', 'Canceled'].includes(vm.provisioningState);
}

function creation(
  connection: AzureConnection,
  read: ReadVm,
  azureId: string,
  spec: VmSpec | WorkerSpec,
  body: VirtualMachine,
  check: (vm: CloudVm) => void,
): Change<CloudVm> {
  return {
    doing: `create the VM "${spec.name}" in the resource group "${spec.resourceGroup}"`,
    intent: {
      key: `vm.create:${spec.name}`,
      operation: 'virtualMachines.createOrUpdate',
      azureId,
      bodyHash: bodyHash(body),
      effect: { creates: { kind: 'vm', role: spec.role, purpose: spec.purpose } },
    },
    instanceOf: (vm) => vm.instanceId,
    async look(): Promise<Finding<CloudVm>> {
      const vm = await read(azureId);
      if (vm === null) return { state: 'needed' };
      requireOwn(vm, spec.tags);
      check(vm);
      if (vm.size !== spec.size) throw changed(vm, `its size is ${vm.size} and not ${spec.size}`);
      if (isBusy(vm)) return { state: 'busy' };
      return vm.provisioningState === 'Succeeded' ? { state: 'done', value: vm } : { state: 'needed' };
    },
    send: () => connection.compute.virtualMachines.createOrUpdate(spec.resourceGroup, spec.name, body),
    resume: (state) => restorePoller(connection.compute, state, connection.compute.virtualMachines.createOrUpdate),
  };
}

function place(spec: VmSpec | WorkerSpec): VirtualMachine {
  return {
    location: spec.region,
    tags: { ...spec.tags },
    ...(spec.zone === null ? {} : { zones: [spec.zone] }),
    hardwareProfile: { vmSize: spec.size },
    networkProfile: { networkInterfaces: [{ id: spec.nicId, primary: true, deleteOption: 'Detach' }] },
    // Azure's own storage keeps the serial console's log: what a VM that does not come up says.
    diagnosticsProfile: { bootDiagnostics: { enabled: true } },
  };
}

export function power(vm: CloudVm, wanted: 'running' | 'deallocated'): Finding<null> {
  if (isBusy(vm)) return { state: 'busy' };
  if (vm.powerState === wanted) return { state: 'done', value: null };
  return ['starting', 'stopping', 'deallocating'].includes(vm.powerState ?? '')
    ? { state: 'busy' }
    : { state: 'needed' };
}

function imageReference(image: string): ImageReference {
  if (image.startsWith('/')) return { id: image };
  const [publisher, offer, sku, version, ...rest] = image.split(':');
  if (!publisher || !offer || !sku || !version || rest.length > 0) {
    throw new BadInputError({
      code: 'WORKER_IMAGE_INVALID',
      message: `The worker image "${image}" is neither publisher:offer:sku:version nor a full image ID.`,
      fix: 'Set LANDFALL_WORKER_IMAGE to one of the two forms.',
    });
  }
  return { publisher, offer, sku, version };
}

/** Lines `NAME=value`, as base64. */
function customData(environment: Readonly<Record<string, string>>): string {
  const lines = Object.entries(environment).map(([name, value]) => {
    if (/^[A-Z][A-Z0-9_]*$/.test(name) && !/[\r\n]/.test(value)) return `${name}=${value}\n`;
    throw new BadInputError({
      code: 'WORKER_ENVIRONMENT_INVALID',
      message: `The worker's setting "${name}" has a name or value that can't be one line.`,
      fix: 'Take line breaks out of the setting.',
    });
  });
  return Buffer.from(lines.join('')).toString('base64');
}
