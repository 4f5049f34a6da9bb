import { list, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import { badRequest } from '../arm/errors.js';
import type { Azure } from '../azure.js';
import { DISK, RESOURCE_GROUP, type ResourceRecord } from '../state/records.js';
import { matchesTags, parseFilter, type Filter } from './filter.js';
import { requireGroup } from './placement.js';
import { regionName } from './regions.js';

/* The generic lists of resources, of whatever type. */
export const RESOURCE_LIST_ROUTES: readonly Route[] = [
  {
    operation: 'Resources_ListByResourceGroup',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/resources',
    handle: (call, azure) => {
      const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
      return chosen(call, azure.state.inGroup(group.name));
    },
  },
  {
    operation: 'Resources_List',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/resources',
    handle: (call, azure: Azure) =>
      chosen(
        call,
        azure.state.all('resources').filter(({ type }) => type !== RESOURCE_GROUP),
      ),
  },
];

function chosen(call: Call, resources: readonly ResourceRecord[]): Answer {
  const filter = parseFilter(call.query.get('$filter'));
  const expand = (call.query.get('$expand') ?? '').split(',').map((name) => name.trim());
  const matching = resources.filter((resource) => matches(filter, resource));
  return list(matching.slice(0, top(call)).map((resource) => view(resource, expand)));
}

function top(call: Call): number {
  const text = call.query.get('$top');
  if (text === null) return Number.POSITIVE_INFINITY;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) {
    throw badRequest('InvalidTopInQueryString', `Invalid $top '${text}' specified in the query string.`);
  }
  return count;
}

function matches(filter: Filter, resource: ResourceRecord): boolean {
  return (
    (filter.resourceType === undefined || filter.resourceType.toLowerCase() === resource.type.toLowerCase()) &&
    (filter.name === undefined || filter.name.toLowerCase() === resource.name.toLowerCase()) &&
    (filter.location === undefined || regionName(filter.location) === resource.location) &&
    matchesTags(filter, resource.tags)
  );
}

function view(resource: ResourceRecord, expand: readonly string[]): unknown {
  return {
    id: resource.id,
    name: resource.name,
    type: resource.type,
    location: resource.location,
    tags: resource.tags,
    ...('sku' in resource ? { sku: { name: resource.sku } } : {}),
    ...('zones' in resource && resource.zones.length > 0 ? { zones: resource.zones } : {}),
    ...(resource.type === DISK && resource.managedBy !== null ? { managedBy: resource.managedBy } : {}),
    ...('identity' in resource && resource.identity !== null ? { identity: resource.identity } : {}),
    ...(expand.includes('provisioningState') ? { provisioningState: resource.provisioningState } : {}),
    ...(expand.includes('createdTime') ? { createdTime: resource.createdAt } : {}),
    ...(expand.includes('changedTime') ? { changedTime: resource.changedAt } : {}),
  };
}
