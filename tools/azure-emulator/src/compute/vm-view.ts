import type { Azure } from '../azure.js';
import { DISK, type ExtensionRecord, type PowerState, type VirtualMachineRecord } from '../state/records.js';
import { GIB } from './disk-view.js';
import type { DataDisk, OsDisk } from './vm-schema.js';

/** What a GET shows beside what it always shows: `$expand`. */
export interface Expanded {
  readonly instanceView?: boolean;
  readonly userData?: boolean;
}

/** A VM as a GET shows it. */
export function vmView(vm: VirtualMachineRecord, azure: Azure, expanded: Expanded = {}): Record<string, unknown> {
  const extensions = vm.extensions ?? [];
  const { userData, ...properties } = vm.properties;
  return {
    name: vm.name,
    id: vm.id,
    type: vm.type,
    location: vm.location,
    ...(Object.keys(vm.tags).length === 0 ? {} : { tags: vm.tags }),
    etag: `"${vm.etag}"`,
    ...(vm.zones.length === 0 ? {} : { zones: vm.zones }),
    ...(vm.plan === null ? {} : { plan: vm.plan }),
    ...(vm.identity === null ? {} : { identity: vm.identity }),
    ...(vm.extendedLocation === null ? {} : { extendedLocation: vm.extendedLocation }),
    ...(vm.placement === null ? {} : { placement: vm.placement }),
    properties: {
      ...properties,
      ...(expanded.userData === true && userData !== undefined ? { userData } : {}),
      vmId: vm.vmId,
      storageProfile: storageProfileView(vm, azure),
      provisioningState: vm.provisioningState,
      timeCreated: vm.createdAt,
      ...(expanded.instanceView === true ? { instanceView: instanceView(vm, azure) } : {}),
    },
    ...(extensions.length === 0
      ? {}
      : { resources: extensions.map((extension) => extensionView(vm, extension, false)) }),
  };
}

export function extensionView(
  vm: VirtualMachineRecord,
  extension: ExtensionRecord,
  withInstanceView: boolean,
): Record<string, unknown> {
  return {
    name: extension.name,
    id: `${vm.id}/extensions/${extension.name}`,
    type: `${vm.type}/extensions`,
    location: vm.location,
    tags: extension.tags,
    properties: {
      ...extension.properties,
      provisioningState: extension.provisioningState,
      ...(withInstanceView ? { instanceView: extensionInstanceView(extension) } : {}),
    },
  };
}

function extensionInstanceView({ name, properties, provisioningState, changedAt }: ExtensionRecord) {
  const word = provisioningState.toLowerCase();
  return {
    name,
    type: `${properties.publisher}.${properties.type}`,
    typeHandlerVersion: properties.typeHandlerVersion,
    statuses: [
      {
        code: `ProvisioningState/${word}`,
        level: provisioningState === 'Failed' ? 'Error' : 'Info',
        displayStatus: `Provisioning ${word}`,
        time: changedAt,
      },
    ],
  };
}

export function storageProfileView(vm: VirtualMachineRecord, azure: Azure): Record<string, unknown> {
  const { osDisk, dataDisks, ...rest } = vm.properties.storageProfile;
  return {
    ...rest,
    osDisk: attachedDiskView(osDisk, azure),
    dataDisks: dataDisks.map((disk) => ({
      ...attachedDiskView(disk, azure),
      toBeDetached: azure.state.find(DISK, disk.managedDisk?.id ?? '')?.detaching ?? false,
    })),
  };
}

function attachedDiskView(attached: OsDisk | DataDisk, azure: Azure): Record<string, unknown> {
  const disk = azure.state.find(DISK, attached.managedDisk?.id ?? '');
  if (disk === undefined) return { ...attached };
  return {
    ...attached,
    diskSizeGB: Math.ceil(disk.sizeBytes / GIB),
    managedDisk: { ...attached.managedDisk, storageAccountType: disk.sku },
  };
}

const POWER_WORDS: Readonly<Record<PowerState, string>> = {
  starting: 'VM starting',
  running: 'VM running',
  stopping: 'VM stopping',
  stopped: 'VM stopped',
  deallocating: 'VM deallocating',
  deallocated: 'VM deallocated',
  unknown: 'VM status unknown',
};

export function instanceView(vm: VirtualMachineRecord, azure: Azure): Record<string, unknown> {
  const provisioning = vm.provisioningState.toLowerCase();
  const { osDisk, dataDisks } = vm.properties.storageProfile;
  const generation = azure.state.find(DISK, osDisk.managedDisk?.id ?? '')?.hyperVGeneration ?? 'V1';
  const computerName = vm.properties.osProfile?.computerName;
  return {
    ...(computerName === undefined ? {} : { computerName }),
    hyperVGeneration: generation,
    ...(vm.properties.diagnosticsProfile?.bootDiagnostics?.enabled === true ? { bootDiagnostics: {} } : {}),
    disks: [osDisk, ...dataDisks].map((disk) => ({
      name: disk.name ?? '',
      statuses: [
        {
          code: 'ProvisioningState/succeeded',
          level: 'Info',
          displayStatus: 'Provisioning succeeded',
          time: vm.changedAt,
        },
      ],
    })),
    ...(vm.extensions === undefined ? {} : { extensions: vm.extensions.map(extensionInstanceView) }),
    statuses: [
      {
        code: `ProvisioningState/${provisioning}`,
        level: vm.provisioningState === 'Failed' ? 'Error' : 'Info',
        displayStatus: `Provisioning ${provisioning}`,
        time: vm.changedAt,
      },
      ...(vm.power === 'unknown'
        ? []
        : [
            {
              code: `PowerState/${vm.power}`,
              level: 'Info',
              displayStatus: POWER_WORDS[vm.power],
              time: vm.powerChangedAt,
            },
          ]),
    ],
  };
}
