import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { KEPT, parseBody, READ_ONLY_MEMBERS, TAGS, ZONES } from '../arm/body.js';
import { AzureError, conflict, resourceNotFound } from '../arm/errors.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireGroup, requireName, requireOpenGroup, requireSameLocation } from '../groups/placement.js';
import { requireRegion } from '../groups/regions.js';
import { withChildren } from '../network/children.js';
import { requireUnused } from '../network/public-addresses.js';
import { DELETE_NETWORK_RESOURCE, SETTLE_NETWORK_RESOURCE } from '../network/settle.js';
import { accepted, acceptedWrite } from '../operations/answers.js';
import { REFERRED_TYPES, type ReferredRecord, type ReferredType } from '../state/records.js';
import { put, remove } from '../state/state.js';
import { idsAt, isReferred, referrersOf, requireNetworkReferences } from './references.js';
import { REFERRED } from './types.js';

const SUBSCRIPTION = '/subscriptions/{subscriptionId}';
const GROUP = `${SUBSCRIPTION}/resourceGroups/{resourceGroupName}`;

const BODY = z.strictObject({
  ...READ_ONLY_MEMBERS,
  location: z.string().min(1),
  tags: TAGS.optional(),
  sku: KEPT.optional(),
  identity: KEPT.optional(),
  zones: ZONES.optional(),
  properties: KEPT.optional(),
});

/** Of the properties what only Azure says. */
const OBSERVED = ['provisioningState', 'resourceGuid', 'principalId', 'clientId', 'tenantId', 'virtualMachines'];

export const REFERRED_ROUTES: readonly Route[] = REFERRED_TYPES.flatMap((type): Route[] => {
  const [namespace = '', collection = '', nested] = type.split('/');
  const top = `${GROUP}/providers/${namespace}/${collection}`;
  const root = nested === undefined ? top : `${top}/{parentName}/${nested}`;
  const path = `${root}/{resourceName}`;
  const { operations } = REFERRED[type];
  const routes: Route[] = [
    {
      operation: `${operations}_CreateOrUpdate`,
      method: 'PUT',
      effect: 'write',
      path,
      handle: (call, azure) => createOrUpdate(type, call, azure),
    },
    {
      operation: `${operations}_Get`,
      method: 'GET',
      effect: 'read',
      path,
      handle: (call, azure) => ok(referredView(named(type, call, azure), azure)),
    },
    {
      operation: `${operations}_Delete`,
      method: 'DELETE',
      effect: 'delete',
      path,
      handle: (call, azure) => beginDelete(type, call, azure),
    },
    {
      operation: nested === undefined ? `${operations}_List` : `${operations}_ListByGroup`,
      method: 'GET',
      effect: 'read',
      path: root,
      handle: (call, azure) => {
        const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
        const scope = nested === undefined ? '' : `/${parameter(call, 'parentName')}/${nested}/`.toLowerCase();
        return shown(
          azure.state.inGroup(group.name).filter(({ id }) => id.toLowerCase().includes(scope)),
          type,
          azure,
        );
      },
    },
  ];
  if (nested !== undefined) return routes;
  return [
    ...routes,
    {
      operation: `${operations}_ListAll`,
      method: 'GET',
      effect: 'read',
      path: `${SUBSCRIPTION}/providers/${namespace}/${collection}`,
      handle: (_, azure) => shown(azure.state.ofType(type), type, azure),
    },
  ];
});

function shown(resources: readonly { readonly type: string }[], type: ReferredType, azure: Azure): Answer {
  return list(
    resources.flatMap((found) => (isReferred(found) && found.type === type ? [referredView(found, azure)] : [])),
  );
}

/** The id that a request's path names, written as Azure writes it. */
function idOf(type: ReferredType, call: Call, azure: Azure): string {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const [namespace = '', collection = '', nested] = type.split('/');
  const name = parameter(call, 'resourceName');
  const root = `/subscriptions/${azure.subscriptionId}/resourceGroups/${group.name}/providers/${namespace}/${collection}`;
  if (nested === undefined) return `${root}/${name}`;
  const parentName = parameter(call, 'parentName');
  const parent = azure.state.resource(`${root}/${parentName}`);
  if (parent === undefined) throw resourceNotFound(`${namespace}/${collection}`, parentName, group.name);
  return `${parent.id}/${nested}/${name}`;
}

function named(type: ReferredType, call: Call, azure: Azure): ReferredRecord {
  const found = azure.state.find(type, idOf(type, call, azure));
  if (found !== undefined) return found;
  throw resourceNotFound(type, parameter(call, 'resourceName'), parameter(call, 'resourceGroupName'));
}

function createOrUpdate(type: ReferredType, call: Call, azure: Azure): Answer {
  requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const name = parameter(call, 'resourceName');
  requireName('network', name);
  const body = parseBody(BODY, call.body);
  const id = idOf(type, call, azure);
  const existing = azure.state.find(type, id) as ReferredRecord | undefined;
  requireSameLocation(existing, body.location);
  const region = requireRegion(body.location, type);
  const { isNetwork, created, defaults, memberDefaults } = REFERRED[type];
  const { sku, identity, zones } = body;
  const members = { ...memberDefaults, ...definedOf({ sku, identity, zones }) };
  const sent = Object.entries(body.properties ?? {}).filter(([member]) => !OBSERVED.includes(member));
  const now = azure.now().toISOString();
  const record = {
    type,
    id: existing?.id ?? id,
    name: existing?.name ?? name,
    location: region.name,
    tags: body.tags ?? {},
    etag: randomUUID(),
    members,
    kept: { ...defaults, ...Object.fromEntries(sent) },
    provisioningState: isNetwork === true ? 'Updating' : 'Succeeded',
    createdAt: existing?.createdAt ?? now,
    changedAt: now,
  } as ReferredRecord;
  if (isNetwork !== true) {
    azure.state.commit([put(record)]);
    return { status: existing === undefined ? created : 200, body: referredView(record, azure) };
  }
  const references = outerReferences(record);
  requireNetworkReferences(references, record.id, record.location, azure);
  for (const addressId of references) requireUnused(addressId, record.id, azure);
  const operation = azure.operations.begin(SETTLE_NETWORK_RESOURCE, {
    resourceId: record.id,
    location: record.location,
    input: null,
    changes: [put(record)],
  });
  const status = existing === undefined ? 201 : 200;
  return acceptedWrite(azure, operation, 'network', status, referredView(record, azure));
}

/** What a load balancer's frontends, and a NAT gateway, name of others. */
function outerReferences({ kept }: ReferredRecord): readonly string[] {
  const frontends = (kept['frontendIPConfigurations'] ?? []) as readonly {
    readonly properties?: Record<string, unknown>;
  }[];
  return [
    ...frontends.flatMap(({ properties = {} }) => idsAt(properties, 'publicIPAddress')),
    ...idsAt(kept, 'publicIpAddresses'),
  ];
}

function beginDelete(type: ReferredType, call: Call, azure: Azure): Answer {
  const found = azure.state.find(type, idOf(type, call, azure)) as ReferredRecord | undefined;
  if (found === undefined) return { status: 204 };
  const { label, isNetwork } = REFERRED[type];
  const nested = azure.state
    .inGroup(parameter(call, 'resourceGroupName'))
    .find(({ id }) => id.toLowerCase().startsWith(`${found.id.toLowerCase()}/`));
  if (nested !== undefined) {
    throw conflict(
      'CannotDeleteResource',
      `Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '${nested.id}'. ` +
        'Please delete all nested resources before deleting this resource.',
    );
  }
  const user = referrersOf(found.id, azure)[0];
  if (user !== undefined) {
    throw new AzureError(
      isNetwork === true ? 400 : 409,
      isNetwork === true ? `InUse${label.replaceAll(' ', '')}CannotBeDeleted` : 'OperationNotAllowed',
      `${label} '${found.name}' cannot be deleted because it is in use by ${user}.`,
    );
  }
  if (isNetwork !== true) {
    azure.state.commit([remove(found.id)]);
    return { status: 200 };
  }
  const operation = azure.operations.begin(DELETE_NETWORK_RESOURCE, {
    resourceId: found.id,
    location: found.location,
    input: null,
    changes: [put({ ...found, provisioningState: 'Deleting' })],
  });
  return accepted(azure, operation, 'network');
}

export function referredView(record: ReferredRecord, azure: Azure): unknown {
  const { isNetwork, children, shows } = REFERRED[record.type];
  return {
    name: record.name,
    id: record.id,
    ...(isNetwork === true ? { etag: `W/"${record.etag}"` } : {}),
    type: record.type,
    location: record.location,
    tags: record.tags,
    ...record.members,
    properties: {
      ...withChildren(record, record.kept, children ?? []),
      ...shows?.(record.id, azure),
      ...(hasState(record) ? { provisioningState: record.provisioningState } : {}),
      ...machinesOf(record, azure),
    },
  };
}

/** Sets, groups and identities have none. */
function hasState({ type }: ReferredRecord): boolean {
  return !/\/(availabilitySets|proximityPlacementGroups|hostGroups|capacityReservationGroups|userAssignedIdentities)$/.test(
    type,
  );
}

/** An availability set and a proximity placement group tell which machines they have. */
function machinesOf({ type, id }: ReferredRecord, azure: Azure): Record<string, unknown> {
  if (type !== 'Microsoft.Compute/availabilitySets' && type !== 'Microsoft.Compute/proximityPlacementGroups') return {};
  const machines = referrersOf(id, azure).filter((user) => /\/virtualMachines\//i.test(user));
  return { virtualMachines: machines.map((machine) => ({ id: machine })) };
}

function definedOf(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
