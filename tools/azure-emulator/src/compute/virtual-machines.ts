import { preconditionFailed } from '../arm/errors.js';
import { parseBody } from '../arm/body.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireGroup, requireOpenGroup, requireSameLocation } from '../groups/placement.js';
import { accepted, acceptedWrite } from '../operations/answers.js';
import type { OperationKind } from '../operations/kind.js';
import { VIRTUAL_MACHINE, type VirtualMachineRecord } from '../state/records.js';
import { put, remove } from '../state/state.js';
import { isOffered, sizeList } from './size-availability.js';
import { VM_SIZES } from './size-catalogue.js';
import { CREATE_VM, planVm, vmResourceId } from './vm-create.js';
import { isForcedDetach, isForcedDetachUpdate, requireIdleOrForced } from './vm-forced-detach.js';
import { beginPowerAction, type PowerAction } from './vm-power.js';
import { removeMachine } from './vm-removal.js';
import { requireIdleMachine, requireMachine } from './vm-rules.js';
import { ATTACH_DETACH_BODY, VM_BODY, VM_UPDATE_BODY } from './vm-schema.js';
import { beginAttachDetach, beginUpdate } from './vm-update.js';
import { instanceView, vmView } from './vm-view.js';

const COLLECTION =
  '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Compute/virtualMachines';
const PATH = `${COLLECTION}/{vmName}`;
const POWER_ACTIONS: readonly PowerAction[] = ['start', 'restart', 'powerOff', 'deallocate'];

export const VIRTUAL_MACHINE_ROUTES: readonly Route[] = [
  { operation: 'VirtualMachines_CreateOrUpdate', method: 'PUT', effect: 'write', path: PATH, handle: createOrUpdate },
  { operation: 'VirtualMachines_Update', method: 'PATCH', effect: 'write', path: PATH, handle: update },
  {
    operation: 'VirtualMachines_Get',
    method: 'GET',
    effect: 'read',
    path: PATH,
    handle: (call, azure) => {
      const expand = (call.query.get('$expand') ?? '').toLowerCase();
      const asked = (what: string): boolean => expand.split(',').includes(what);
      const expanded = { instanceView: asked('instanceview'), userData: asked('userdata') };
      return ok(vmView(named(call, azure), azure, expanded));
    },
  },
  {
    operation: 'VirtualMachines_InstanceView',
    method: 'GET',
    effect: 'read',
    path: `${PATH}/instanceView`,
    handle: (call, azure) => ok(instanceView(named(call, azure), azure)),
  },
  {
    operation: 'VirtualMachines_ListAvailableSizes',
    method: 'GET',
    effect: 'read',
    path: `${PATH}/vmSizes`,
    handle: (call, azure) => {
      const { location, zones } = named(call, azure);
      return sizeList(VM_SIZES.filter((size) => isOffered(size, location, zones, azure)));
    },
  },
  { operation: 'VirtualMachines_Delete', method: 'DELETE', effect: 'delete', path: PATH, handle: beginDelete },
  {
    operation: 'VirtualMachines_AttachDetachDataDisks',
    method: 'POST',
    effect: 'action',
    path: `${PATH}/attachDetachDataDisks`,
    handle: (call, azure) => {
      const vm = named(call, azure);
      const body = parseBody(ATTACH_DETACH_BODY, call.body);
      requireIdleOrForced(vm, 'attachDetachDataDisks', isForcedDetach(body), azure);
      return accepted(azure, beginAttachDetach(vm, body, azure), 'virtual-machines');
    },
  },
  ...POWER_ACTIONS.map((action): Route => ({
    operation: `VirtualMachines_${action[0]?.toUpperCase()}${action.slice(1)}`,
    method: 'POST',
    effect: 'action',
    path: `${PATH}/${action}`,
    handle: (call, azure) => {
      const vm = named(call, azure);
      requireIdleMachine(vm, action, azure);
      return accepted(azure, beginPowerAction(vm, action, azure), 'virtual-machines');
    },
  })),
  {
    operation: 'VirtualMachines_List',
    method: 'GET',
    effect: 'read',
    path: COLLECTION,
    handle: (call, azure) => {
      const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
      const machines = azure.state
        .inGroup(group.name)
        .flatMap((found) => (found.type === VIRTUAL_MACHINE ? [found] : []));
      return list(machines.map((vm) => vmView(vm, azure)));
    },
  },
  {
    operation: 'VirtualMachines_ListAll',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/providers/Microsoft.Compute/virtualMachines',
    handle: (_, azure) => list(azure.state.ofType(VIRTUAL_MACHINE).map((vm) => vmView(vm, azure))),
  },
];

export const DELETE_VM: OperationKind<null> = {
  name: 'virtualMachines.delete',
  run: async (_, operation, azure) => {
    const vm = azure.state.find(VIRTUAL_MACHINE, operation.resourceId);
    return { changes: vm === undefined ? [remove(operation.resourceId)] : await removeMachine(vm, azure) };
  },
  abandon: (_, operation, azure) => {
    const vm = azure.state.find(VIRTUAL_MACHINE, operation.resourceId);
    return vm === undefined ? [] : [put({ ...vm, provisioningState: 'Failed' })];
  },
};

function named(call: Call, azure: Azure): VirtualMachineRecord {
  return requireMachine(parameter(call, 'resourceGroupName'), parameter(call, 'vmName'), azure);
}

function createOrUpdate(call: Call, azure: Azure): Answer {
  const group = requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const name = parameter(call, 'vmName');
  const id = vmResourceId(group.name, name, azure);
  const existing = azure.state.find(VIRTUAL_MACHINE, id);
  requirePreconditions(call, existing);
  const body = parseBody(VM_BODY, call.body);
  requireSameLocation(azure.state.resource(id), body.location);
  if (existing !== undefined) {
    requireIdleMachine(existing, 'createOrUpdate', azure);
    if (existing.power !== 'unknown') {
      const operation = beginUpdate(existing, body, 'PUT', azure);
      return acceptedWrite(azure, operation, 'virtual-machines', 200, vmView(named(call, azure), azure));
    }
  }
  const { vm, input, changes } = planVm(id, name, body, azure);
  const operation = azure.operations.begin(CREATE_VM, { resourceId: id, location: vm.location, input, changes });
  return acceptedWrite(azure, operation, 'virtual-machines', 201, vmView(vm, azure));
}

function update(call: Call, azure: Azure): Answer {
  requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const vm = named(call, azure);
  requirePreconditions(call, vm);
  const body = parseBody(VM_UPDATE_BODY, call.body);
  requireIdleOrForced(vm, 'update', isForcedDetachUpdate(vm, body, azure), azure);
  const operation = beginUpdate(vm, body, 'PATCH', azure);
  return acceptedWrite(azure, operation, 'virtual-machines', 200, vmView(named(call, azure), azure));
}

function beginDelete(call: Call, azure: Azure): Answer {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const vm = azure.state.find(VIRTUAL_MACHINE, vmResourceId(group.name, parameter(call, 'vmName'), azure));
  if (vm === undefined) return { status: 204 };
  const running = azure.operations.on(vm.id);
  if (running?.kind === DELETE_VM.name) return accepted(azure, running, 'virtual-machines');
  if (call.query.get('forceDeletion') !== 'true') requireIdleMachine(vm, 'delete', azure);
  const operation = azure.operations.begin(DELETE_VM, {
    resourceId: vm.id,
    location: vm.location,
    input: null,
    changes: [put({ ...vm, provisioningState: 'Deleting' })],
  });
  return accepted(azure, operation, 'virtual-machines');
}

/** `If-None-Match: *` refuses to touch a VM that exists; `If-Match` one that has changed. @throws AzureError 412 */
function requirePreconditions(call: Call, existing: VirtualMachineRecord | undefined): void {
  const ifNoneMatch = call.headers['if-none-match'];
  if (ifNoneMatch === '*' && existing !== undefined) {
    throw preconditionFailed(
      `The precondition given in the request header 'If-None-Match' failed: VM '${existing.name}' exists.`,
    );
  }
  const ifMatch = call.headers['if-match'];
  if (typeof ifMatch !== 'string' || (ifMatch === '*' && existing !== undefined)) return;
  if (existing === undefined || ifMatch.replace(/^W\//, '') !== `"${existing.etag}"`) {
    throw preconditionFailed(
      "The precondition given in the request header 'If-Match' failed: the VM's ETag is another one.",
    );
  }
}
