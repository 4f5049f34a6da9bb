import { z } from 'zod';
import { parseBody, READ_ONLY_MEMBERS, TAGS } from '../arm/body.js';
import { resourceNotFound } from '../arm/errors.js';
import { parseResourceId } from '../arm/resource-id.js';
import { ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireGroup } from '../groups/placement.js';
import type { ResourceRecord, Tags } from '../state/records.js';
import { put } from '../state/state.js';
import { requirePolicy } from './policies.js';
import { scopeOf } from './scopes.js';

/* The tags of a resource or a resource group as a resource of their own: `{scope}/providers/Microsoft.Resources/tags/default`. */
const GROUP = '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}';
const SCOPES = [GROUP, `${GROUP}/providers/{namespace}/{resourceType}/{resourceName}`];
const TAGS_PATH = 'providers/Microsoft.Resources/tags/default';

const BODY = z.strictObject({ ...READ_ONLY_MEMBERS, properties: z.strictObject({ tags: TAGS.optional() }) });
const PATCH_BODY = z.strictObject({
  operation: z.enum(['Replace', 'Merge', 'Delete']).optional(),
  properties: z.strictObject({ tags: TAGS.optional() }).optional(),
});

export const TAG_ROUTES: readonly Route[] = SCOPES.flatMap((scope, index): Route[] => {
  const path = `${scope}/${TAGS_PATH}`;
  const at = index === 0 ? 'Group' : 'Resource';
  return [
    {
      operation: `Tags_GetAt${at}`,
      method: 'GET',
      effect: 'read',
      path,
      handle: (call, azure) => ok(view(tagged(call, azure))),
    },
    {
      operation: `Tags_CreateOrUpdateAt${at}`,
      method: 'PUT',
      effect: 'write',
      path,
      handle: (call, azure) => changed(tagged(call, azure), parseBody(BODY, call.body).properties.tags ?? {}, azure),
    },
    { operation: `Tags_UpdateAt${at}`, method: 'PATCH', effect: 'write', path, handle: update },
    {
      operation: `Tags_DeleteAt${at}`,
      method: 'DELETE',
      effect: 'write',
      path,
      handle: (call, azure) => {
        changed(tagged(call, azure), {}, azure);
        return { status: 200 };
      },
    },
  ];
});

function update(call: Call, azure: Azure): Answer {
  const { operation, properties } = parseBody(PATCH_BODY, call.body);
  const resource = tagged(call, azure);
  const given = properties?.tags ?? {};
  const names = new Set(Object.keys(given).map((name) => name.toLowerCase()));
  const others = Object.fromEntries(Object.entries(resource.tags).filter(([name]) => !names.has(name.toLowerCase())));
  const tags = operation === 'Replace' ? given : operation === 'Delete' ? others : { ...others, ...given };
  return changed(resource, parseBody(TAGS, tags), azure);
}

function changed(resource: ResourceRecord, tags: Tags, azure: Azure): Answer {
  const next = { ...resource, tags, changedAt: azure.now().toISOString() };
  requirePolicy(next, azure);
  azure.state.commit([put(next)]);
  return ok(view(next));
}

/** @throws AzureError 404 */
function tagged(call: Call, azure: Azure): ResourceRecord {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const scope = scopeOf(call.path);
  const address = parseResourceId(scope);
  if (address === null) return group;
  const resource = azure.state.resource(scope);
  if (resource === undefined) throw resourceNotFound(address.type, address.name, group.name);
  return resource;
}

function view(resource: ResourceRecord): unknown {
  return {
    id: `${resource.id}/${TAGS_PATH}`,
    name: 'default',
    type: 'Microsoft.Resources/tags',
    properties: { tags: resource.tags },
  };
}
