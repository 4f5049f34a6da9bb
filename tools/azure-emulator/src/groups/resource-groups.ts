import { z } from 'zod';
import { conflict } from '../arm/errors.js';
import { KEPT, parseBody, READ_ONLY_MEMBERS, TAGS } from '../arm/body.js';
import { resourceGroupId } from '../arm/resource-id.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { accepted } from '../operations/answers.js';
import type { OperationKind } from '../operations/kind.js';
import { RESOURCE_GROUP, type ResourceGroupRecord } from '../state/records.js';
import { put, remove } from '../state/state.js';
import { emptyGroup } from './empty-group.js';
import { matchesTags, parseFilter } from './filter.js';
import { requireGroup, requireName, requireOpenGroup } from './placement.js';
import { requireRegion } from './regions.js';

const PATH = '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}';

const BODY = z.strictObject({
  ...READ_ONLY_MEMBERS,
  location: z.string().min(1),
  tags: TAGS.optional(),
  managedBy: z.string().optional(),
  properties: KEPT.optional(),
});

const UPDATE_BODY = z.strictObject({
  ...READ_ONLY_MEMBERS,
  tags: TAGS.optional(),
  managedBy: z.string().optional(),
  properties: KEPT.optional(),
});

export const RESOURCE_GROUP_ROUTES: readonly Route[] = [
  { operation: 'ResourceGroups_CreateOrUpdate', method: 'PUT', effect: 'write', path: PATH, handle: createOrUpdate },
  { operation: 'ResourceGroups_Update', method: 'PATCH', effect: 'write', path: PATH, handle: update },
  {
    operation: 'ResourceGroups_Get',
    method: 'GET',
    effect: 'read',
    path: PATH,
    handle: (call, azure) => ok(groupView(requireGroup(parameter(call, 'resourceGroupName'), azure))),
  },
  { operation: 'ResourceGroups_CheckExistence', method: 'HEAD', effect: 'read', path: PATH, handle: exists },
  { operation: 'ResourceGroups_Delete', method: 'DELETE', effect: 'delete', path: PATH, handle: beginDelete },
  {
    operation: 'ResourceGroups_List',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/resourceGroups',
    handle: listGroups,
  },
];

export const DELETE_GROUP: OperationKind<{ readonly name: string }> = {
  name: 'resources.deleteGroup',
  run: async ({ name }, operation, azure) => {
    await emptyGroup(name, azure);
    return { changes: [remove(operation.resourceId)] };
  },
  abandon: (_, operation, azure) => {
    const group = azure.state.find(RESOURCE_GROUP, operation.resourceId);
    return group === undefined ? [] : [put({ ...group, provisioningState: 'Succeeded' })];
  },
};

export function newGroup(
  azure: Pick<Azure, 'subscriptionId' | 'now'>,
  name: string,
  location: string,
  tags: Readonly<Record<string, string>> = {},
): ResourceGroupRecord {
  const now = azure.now().toISOString();
  return {
    type: RESOURCE_GROUP,
    id: resourceGroupId(azure.subscriptionId, name),
    name,
    location,
    tags,
    managedBy: null,
    movingBy: null,
    provisioningState: 'Succeeded',
    createdAt: now,
    changedAt: now,
  };
}

function createOrUpdate(call: Call, azure: Azure): Answer {
  const name = parameter(call, 'resourceGroupName');
  requireName('resourceGroup', name);
  const body = parseBody(BODY, call.body);
  const region = requireRegion(body.location, RESOURCE_GROUP);
  const existing = azure.state.find(RESOURCE_GROUP, resourceGroupId(azure.subscriptionId, name));
  if (existing !== undefined) {
    requireOpenGroup(name, azure);
    if (existing.location !== region.name) {
      throw conflict(
        'InvalidResourceGroupLocation',
        `Invalid resource group location '${body.location}'. The Resource group already exists in location '${existing.location}'.`,
      );
    }
  }
  const group: ResourceGroupRecord = {
    ...(existing ?? newGroup(azure, name, region.name)),
    tags: body.tags ?? {},
    managedBy: body.managedBy ?? null,
    changedAt: azure.now().toISOString(),
  };
  azure.state.commit([put(group)]);
  return { status: existing === undefined ? 201 : 200, body: groupView(group) };
}

function update(call: Call, azure: Azure): Answer {
  const group = requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const body = parseBody(UPDATE_BODY, call.body);
  const next = { ...group, tags: body.tags ?? group.tags, changedAt: azure.now().toISOString() };
  azure.state.commit([put(next)]);
  return ok(groupView(next));
}

function exists(call: Call, azure: Azure): Answer {
  const id = resourceGroupId(azure.subscriptionId, parameter(call, 'resourceGroupName'));
  return { status: azure.state.find(RESOURCE_GROUP, id) === undefined ? 404 : 204 };
}

function beginDelete(call: Call, azure: Azure): Answer {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const running = azure.operations.on(group.id);
  if (running?.kind === DELETE_GROUP.name) return accepted(azure, running, 'resources');
  const operation = azure.operations.begin(DELETE_GROUP, {
    resourceId: group.id,
    location: group.location,
    input: { name: group.name },
    changes: [put({ ...group, provisioningState: 'Deleting' })],
  });
  return accepted(azure, operation, 'resources');
}

function listGroups(call: Call, azure: Azure): Answer {
  const filter = parseFilter(call.query.get('$filter'));
  return list(
    azure.state
      .ofType(RESOURCE_GROUP)
      .filter((group) => matchesTags(filter, group.tags))
      .map(groupView),
  );
}

export function groupView(group: ResourceGroupRecord): unknown {
  return {
    id: group.id,
    name: group.name,
    type: group.type,
    location: group.location,
    tags: group.tags,
    ...(group.managedBy === null ? {} : { managedBy: group.managedBy }),
    properties: { provisioningState: group.movingBy === null ? group.provisioningState : 'MovingResources' },
  };
}
