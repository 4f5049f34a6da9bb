import { z } from 'zod';
import { badRequest, conflict, missingParameter, resourceNotFound } from '../arm/errors.js';
import { KEPT, parseBody, READ_ONLY_MEMBERS, TAGS } from '../arm/body.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireName, requireOpenGroup } from '../groups/placement.js';
import { accepted, acceptedWrite } from '../operations/answers.js';
import type { OperationKind } from '../operations/kind.js';
import { VIRTUAL_MACHINE, type ExtensionRecord, type VirtualMachineRecord } from '../state/records.js';
import { put, type Change } from '../state/state.js';
import { requireAgent, requireRunning } from './vm-guest-rules.js';
import { requireIdleMachine, requireMachine } from './vm-rules.js';
import { extensionView } from './vm-view.js';

/*
 * Extensions of a VM. They are kept in the VM's record and go with it; no program of theirs runs. What an extension
 * does to its VM takes the VM's turn: while it is written or deleted, nothing else is done to the VM.
 */
const EXTENSION = `${VIRTUAL_MACHINE}/extensions`;
const COLLECTION =
  '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Compute/virtualMachines/{vmName}/extensions';
const PATH = `${COLLECTION}/{vmExtensionName}`;

const PROPERTIES = z.strictObject({
  forceUpdateTag: z.string().optional(),
  publisher: z.string().min(1).optional(),
  type: z.string().min(1).optional(),
  typeHandlerVersion: z.string().min(1).optional(),
  autoUpgradeMinorVersion: z.boolean().optional(),
  enableAutomaticUpgrade: z.boolean().optional(),
  settings: z.unknown().optional(),
  protectedSettings: z.unknown().optional(),
  suppressFailures: z.boolean().optional(),
  protectedSettingsFromKeyVault: KEPT.optional(),
  provisionAfterExtensions: z.array(z.string()).optional(),
  // Read-only members, which a client may send back as it has read them.
  provisioningState: z.unknown().optional(),
  instanceView: z.unknown().optional(),
});

const EXTENSION_BODY = z.strictObject({
  ...READ_ONLY_MEMBERS,
  location: z.string().min(1),
  tags: TAGS.optional(),
  properties: PROPERTIES.optional(),
});

const EXTENSION_UPDATE_BODY = z.strictObject({
  ...READ_ONLY_MEMBERS,
  location: z.string().optional(),
  tags: TAGS.optional(),
  properties: PROPERTIES.optional(),
});

export const EXTENSION_ROUTES: readonly Route[] = [
  { operation: 'VirtualMachineExtensions_CreateOrUpdate', method: 'PUT', effect: 'write', path: PATH, handle: replace },
  { operation: 'VirtualMachineExtensions_Update', method: 'PATCH', effect: 'write', path: PATH, handle: update },
  {
    operation: 'VirtualMachineExtensions_Get',
    method: 'GET',
    effect: 'read',
    path: PATH,
    handle: (call, azure) => {
      const { vm, extension } = named(call, azure);
      const isExpanded = (call.query.get('$expand') ?? '').toLowerCase() === 'instanceview';
      return ok(extensionView(vm, extension, isExpanded));
    },
  },
  { operation: 'VirtualMachineExtensions_Delete', method: 'DELETE', effect: 'delete', path: PATH, handle: beginDelete },
  {
    operation: 'VirtualMachineExtensions_List',
    method: 'GET',
    effect: 'read',
    path: COLLECTION,
    handle: (call, azure) => {
      const vm = machine(call, azure);
      return list((vm.extensions ?? []).map((extension) => extensionView(vm, extension, false)));
    },
  },
];

interface ExtensionInput {
  readonly name: string;
}

export const WRITE_EXTENSION: OperationKind<ExtensionInput> = {
  name: 'virtualMachineExtensions.write',
  run: ({ name }, operation, azure) => ({ changes: settled(operation.resourceId, name, 'Succeeded', azure) }),
  abandon: ({ name }, operation, azure) => settled(operation.resourceId, name, 'Failed', azure),
};

export const DELETE_EXTENSION: OperationKind<ExtensionInput> = {
  name: 'virtualMachineExtensions.delete',
  run: ({ name }, operation, azure) => {
    const vm = azure.state.find(VIRTUAL_MACHINE, operation.resourceId);
    if (vm === undefined) return { changes: [] };
    return { changes: [put({ ...vm, extensions: others(vm, name) })] };
  },
  abandon: ({ name }, operation, azure) => settled(operation.resourceId, name, 'Failed', azure),
};

function settled(vmId: string, name: string, provisioningState: 'Succeeded' | 'Failed', azure: Azure): Change[] {
  const vm = azure.state.find(VIRTUAL_MACHINE, vmId);
  const extension = vm === undefined ? undefined : find(vm, name);
  if (vm === undefined || extension === undefined) return [];
  const changed = { ...extension, provisioningState, changedAt: azure.now().toISOString() };
  return [put({ ...vm, extensions: [...others(vm, name), changed] })];
}

function machine(call: Call, azure: Azure): VirtualMachineRecord {
  return requireMachine(parameter(call, 'resourceGroupName'), parameter(call, 'vmName'), azure);
}

function named(call: Call, azure: Azure): { vm: VirtualMachineRecord; extension: ExtensionRecord } {
  const vm = machine(call, azure);
  const name = parameter(call, 'vmExtensionName');
  const extension = find(vm, name);
  if (extension === undefined) {
    throw resourceNotFound(EXTENSION, `${vm.name}/${name}`, parameter(call, 'resourceGroupName'));
  }
  return { vm, extension };
}

function find(vm: VirtualMachineRecord, name: string): ExtensionRecord | undefined {
  return vm.extensions?.find((extension) => extension.name.toLowerCase() === name.toLowerCase());
}

function others(vm: VirtualMachineRecord, name: string): readonly ExtensionRecord[] {
  return (vm.extensions ?? []).filter((extension) => extension.name.toLowerCase() !== name.toLowerCase());
}

function replace(call: Call, azure: Azure): Answer {
  const vm = writable(call, azure);
  const name = parameter(call, 'vmExtensionName');
  requireName('disk', name);
  const { location, tags, properties = {} } = parseBody(EXTENSION_BODY, call.body);
  if (location.toLowerCase().replaceAll(' ', '') !== vm.location) {
    throw conflict(
      'InvalidResourceLocation',
      `The extension '${name}' is in location '${location}', its VM in '${vm.location}'.`,
    );
  }
  for (const member of ['publisher', 'type', 'typeHandlerVersion'] as const) {
    if (properties[member] === undefined) throw missingParameter(`properties.${member}`);
  }
  return write(vm, name, tags ?? {}, shown(properties), azure);
}

function update(call: Call, azure: Azure): Answer {
  const vm = writable(call, azure);
  const { extension } = named(call, azure);
  const { tags, properties = {} } = parseBody(EXTENSION_UPDATE_BODY, call.body);
  return write(vm, extension.name, tags ?? extension.tags, { ...extension.properties, ...shown(properties) }, azure);
}

function writable(call: Call, azure: Azure): VirtualMachineRecord {
  requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const vm = machine(call, azure);
  requireIdleMachine(vm, 'VMExtension', azure);
  requireAgent(vm);
  requireRunning(vm, 'Cannot modify extensions in the VM when the VM is not running.');
  return vm;
}

function write(
  vm: VirtualMachineRecord,
  name: string,
  tags: Readonly<Record<string, string>>,
  properties: ExtensionRecord['properties'],
  azure: Azure,
): Answer {
  const existing = find(vm, name);
  const handler = `${properties.publisher}.${properties.type}`;
  const rest = others(vm, name);
  if (rest.some((other) => `${other.properties.publisher}.${other.properties.type}` === handler)) {
    const { osType } = vm.properties.storageProfile.osDisk;
    throw badRequest(
      'BadRequest',
      `Multiple VMExtensions per handler not supported for OS type '${osType}'. VMExtension '${name}' with handler ` +
        `'${handler}' already added or specified in input.`,
    );
  }
  const now = azure.now().toISOString();
  const extension: ExtensionRecord = {
    name: existing?.name ?? name,
    tags,
    properties,
    provisioningState: existing === undefined ? 'Creating' : 'Updating',
    changedAt: now,
  };
  const operation = azure.operations.begin(WRITE_EXTENSION, {
    resourceId: vm.id,
    location: vm.location,
    input: { name: extension.name },
    changes: [put({ ...vm, extensions: [...rest, extension] })],
  });
  const status = existing === undefined ? 201 : 200;
  return acceptedWrite(azure, operation, 'virtual-machines', status, extensionView(vm, extension, false));
}

/** Protected settings are never shown again, so they are not kept. */
function shown(properties: z.infer<typeof PROPERTIES>): ExtensionRecord['properties'] {
  const { protectedSettings, provisioningState, instanceView, ...rest } = properties;
  void [protectedSettings, provisioningState, instanceView];
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
}

function beginDelete(call: Call, azure: Azure): Answer {
  const vm = machine(call, azure);
  const extension = find(vm, parameter(call, 'vmExtensionName'));
  if (extension === undefined) return { status: 204 };
  writable(call, azure);
  const operation = azure.operations.begin(DELETE_EXTENSION, {
    resourceId: vm.id,
    location: vm.location,
    input: { name: extension.name },
    changes: [
      put({ ...vm, extensions: [...others(vm, extension.name), { ...extension, provisioningState: 'Deleting' }] }),
    ],
  });
  return accepted(azure, operation, 'virtual-machines');
}
