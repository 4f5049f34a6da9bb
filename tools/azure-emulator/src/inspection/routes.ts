import { z } from 'zod';
import { AzureError } from '../arm/errors.js';
import { parseBody } from '../arm/body.js';
import type { CallLog } from '../arm/call-log.js';
import { ok, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { SETTINGS } from '../settings/settings.js';
import { DISK, SNAPSHOT } from '../state/records.js';
import { inventory } from './inventory.js';
import { LOCAL_MACHINE, makeLocalMachine } from './local-machine.js';
import { resourceView } from './resource-view.js';

/*
 * The emulator's own interface, behind the same token: what lies in it, for people and tests, and the means to make a
 * VM out of local disk images. The product never calls it.
 */
export function inspectionRoutes(log: CallLog, operationKinds: readonly string[]): readonly Route[] {
  return [
    {
      operation: 'Emulator_Resources',
      method: 'GET',
      effect: 'read',
      path: '/_emulator/resources',
      handle: (_, azure) => ok(inventory(azure)),
    },
    {
      operation: 'Emulator_Resource',
      method: 'GET',
      effect: 'read',
      path: '/_emulator/resource',
      handle: (call, azure) => ok(resourceView(named(call, azure), azure)),
    },
    {
      operation: 'Emulator_DiskPath',
      method: 'GET',
      effect: 'read',
      path: '/_emulator/disk-path',
      handle: (call, azure) => {
        const resource = named(call, azure);
        if (resource.type !== DISK && resource.type !== SNAPSHOT) {
          throw new AzureError(400, 'NotADisk', `'${resource.id}' is a ${resource.type} and has no disk file.`);
        }
        return ok({ path: azure.files.path(resource.uniqueId) });
      },
    },
    {
      operation: 'Emulator_Workers',
      method: 'GET',
      effect: 'read',
      path: '/_emulator/workers',
      handle: (_, azure) => ok(azure.workers.list().map(({ vmId, name, pid }) => ({ vm: vmId, name, pid }))),
    },
    {
      operation: 'Emulator_CreateMachine',
      method: 'POST',
      effect: 'action',
      path: '/_emulator/vms',
      handle: async (call, azure) => ({
        status: 201,
        body: await makeLocalMachine(parseBody(LOCAL_MACHINE, call.body), azure),
      }),
    },
    {
      operation: 'Emulator_Statistics',
      method: 'GET',
      effect: 'read',
      path: '/_emulator/statistics',
      handle: (_, azure) =>
        ok({ resources: azure.state.count('resources'), recordsLookedAt: azure.state.recordsLookedAt }),
    },
    {
      operation: 'Emulator_Calls',
      method: 'GET',
      effect: 'read',
      path: '/_emulator/calls',
      handle: () => ok(log.list()),
    },
    {
      operation: 'Emulator_ForgetCalls',
      method: 'DELETE',
      effect: 'action',
      path: '/_emulator/calls',
      handle: () => {
        log.clear();
        return { status: 204 };
      },
    },
    {
      operation: 'Emulator_OperationKinds',
      method: 'GET',
      effect: 'read',
      path: '/_emulator/operation-kinds',
      handle: (_, azure) =>
        ok(operationKinds.toSorted().map((name) => ({ name, delayMs: azure.settings.delayMsOf(name) }))),
    },
    {
      operation: 'Emulator_Settings',
      method: 'GET',
      effect: 'read',
      path: '/_emulator/settings',
      handle: (_, azure) => ok(azure.settings.values),
    },
    {
      operation: 'Emulator_ChangeSettings',
      method: 'PATCH',
      effect: 'action',
      path: '/_emulator/settings',
      handle: (call, azure) => {
        const changed = parseBody(CHANGED_SETTINGS, call.body);
        requireKnownKinds(Object.keys(changed.delaysMs ?? {}), operationKinds);
        azure.settings.change(changed);
        return ok(azure.settings.values);
      },
    },
  ];
}

const CHANGED_SETTINGS: z.ZodType<Partial<z.infer<typeof SETTINGS>>> = SETTINGS.partial();

/** A time that nothing takes is a mistake of its maker. @throws AzureError 400 */
function requireKnownKinds(named: readonly string[], known: readonly string[]): void {
  const unknown = named.find((kind) => !known.includes(kind));
  if (unknown === undefined) return;
  throw new AzureError(
    400,
    'UnknownOperation',
    `No kind of operation is named '${unknown}'. There are ${known.toSorted().join(', ')}.`,
  );
}

function named(call: Call, azure: Azure) {
  const id = call.query.get('id') ?? '';
  const resource = azure.state.resource(id);
  if (resource === undefined) throw new AzureError(404, 'ResourceNotFound', `The Resource '${id}' was not found.`);
  return resource;
}
