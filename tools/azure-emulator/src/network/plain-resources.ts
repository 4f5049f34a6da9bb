import { randomUUID } from 'node:crypto';
import { derivedUuid } from '../arm/derived-uuid.js';
import { badRequest, resourceNotFound } from '../arm/errors.js';
import { parseBody } from '../arm/body.js';
import { resourceId } from '../arm/resource-id.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireGroup, requireName, requireOpenGroup, requireSameLocation } from '../groups/placement.js';
import { requireRegion } from '../groups/regions.js';
import { accepted, acceptedWrite } from '../operations/answers.js';
import { PUBLIC_IP, SECURITY_GROUP, type PublicIpRecord, type SecurityGroupRecord } from '../state/records.js';
import { put } from '../state/state.js';
import { withChildren } from './children.js';
import { DEFAULT_SECURITY_RULES } from './default-rules.js';
import { holderOf, newPublicAddress } from './public-addresses.js';
import { PUBLIC_IP_BODY, SECURITY_GROUP_BODY } from './schema.js';
import { DELETE_NETWORK_RESOURCE, SETTLE_NETWORK_RESOURCE } from './settle.js';
import { usersOf } from './users.js';

/* Public IP addresses and network security groups: kept, listed, referred to, and refused deletion while in use. */
type PlainRecord = PublicIpRecord | SecurityGroupRecord;
type PlainType = PlainRecord['type'];

interface Collection {
  readonly type: PlainType;
  readonly segment: string;
  readonly operations: string;
  readonly inUseCode: string;
  make(id: string, name: string, body: unknown, existing: PlainRecord | undefined, azure: Azure): PlainRecord;
}

const COLLECTIONS: readonly Collection[] = [
  {
    type: PUBLIC_IP,
    segment: 'publicIPAddresses',
    operations: 'PublicIPAddresses',
    inUseCode: 'PublicIPAddressCannotBeDeleted',
    make: makePublicIp,
  },
  {
    type: SECURITY_GROUP,
    segment: 'networkSecurityGroups',
    operations: 'NetworkSecurityGroups',
    inUseCode: 'InUseNetworkSecurityGroupCannotBeDeleted',
    make: makeSecurityGroup,
  },
];

export const PLAIN_NETWORK_ROUTES: readonly Route[] = COLLECTIONS.flatMap((collection): Route[] => {
  const root = `/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Network/${collection.segment}`;
  const path = `${root}/{resourceName}`;
  const { operations } = collection;
  return [
    {
      operation: `${operations}_CreateOrUpdate`,
      method: 'PUT',
      effect: 'write',
      path,
      handle: (call, azure) => createOrUpdate(collection, call, azure),
    },
    {
      operation: `${operations}_Get`,
      method: 'GET',
      effect: 'read',
      path,
      handle: (call, azure) => ok(plainResourceView(named(collection, call, azure), azure)),
    },
    {
      operation: `${operations}_Delete`,
      method: 'DELETE',
      effect: 'delete',
      path,
      handle: (call, azure) => beginDelete(collection, call, azure),
    },
    {
      operation: `${operations}_List`,
      method: 'GET',
      effect: 'read',
      path: root,
      handle: (call, azure) => {
        const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
        return list(
          azure.state
            .inGroup(group.name)
            .flatMap((found) =>
              isPlain(found) && found.type === collection.type ? [plainResourceView(found, azure)] : [],
            ),
        );
      },
    },
  ];
});

function isPlain(resource: { readonly type: string }): resource is PlainRecord {
  return resource.type === PUBLIC_IP || resource.type === SECURITY_GROUP;
}

function named(collection: Collection, call: Call, azure: Azure): PlainRecord {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const name = parameter(call, 'resourceName');
  const found = azure.state.find(collection.type, resourceId(azure.subscriptionId, group.name, collection.type, name));
  if (found === undefined) throw resourceNotFound(collection.type, name, group.name);
  return found;
}

function createOrUpdate(collection: Collection, call: Call, azure: Azure): Answer {
  const group = requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const name = parameter(call, 'resourceName');
  requireName('network', name);
  const id = resourceId(azure.subscriptionId, group.name, collection.type, name);
  const existing = azure.state.find(collection.type, id);
  const made = collection.make(id, name, call.body, existing, azure);
  requireSameLocation(azure.state.resource(id), made.location);
  const operation = azure.operations.begin(SETTLE_NETWORK_RESOURCE, {
    resourceId: id,
    location: made.location,
    input: null,
    changes: [put(made)],
  });
  return acceptedWrite(azure, operation, 'network', existing === undefined ? 201 : 200, plainResourceView(made, azure));
}

function beginDelete(collection: Collection, call: Call, azure: Azure): Answer {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const id = resourceId(azure.subscriptionId, group.name, collection.type, parameter(call, 'resourceName'));
  const found = azure.state.find(collection.type, id);
  if (found === undefined) return { status: 204 };
  const user = usersOf(id, azure)[0];
  if (user !== undefined) {
    throw badRequest(collection.inUseCode, `${found.type} ${id} cannot be deleted because it is in use by ${user}.`);
  }
  const operation = azure.operations.begin(DELETE_NETWORK_RESOURCE, {
    resourceId: id,
    location: found.location,
    input: null,
    changes: [put({ ...found, provisioningState: 'Deleting' })],
  });
  return accepted(azure, operation, 'network');
}

function makePublicIp(
  id: string,
  name: string,
  content: unknown,
  existing: PlainRecord | undefined,
  azure: Azure,
): PublicIpRecord {
  const body = parseBody(PUBLIC_IP_BODY, content);
  const { ipAddress, ipConfiguration, provisioningState, resourceGuid: _, ...kept } = body.properties ?? {};
  void [ipAddress, ipConfiguration, provisioningState, _];
  const before = existing?.type === PUBLIC_IP ? existing : undefined;
  return {
    ...common(id, name, body, existing, azure),
    type: PUBLIC_IP,
    sku: body.sku?.name ?? 'Standard',
    zones: body.zones ?? [],
    address: before?.address ?? newPublicAddress(),
    kept: { publicIPAddressVersion: 'IPv4', publicIPAllocationMethod: 'Static', ...kept },
  };
}

function makeSecurityGroup(
  id: string,
  name: string,
  content: unknown,
  existing: PlainRecord | undefined,
  azure: Azure,
): SecurityGroupRecord {
  const body = parseBody(SECURITY_GROUP_BODY, content);
  const {
    provisioningState,
    resourceGuid: _,
    networkInterfaces,
    subnets,
    defaultSecurityRules,
    ...kept
  } = body.properties ?? {};
  void [provisioningState, _, networkInterfaces, subnets, defaultSecurityRules];
  return { ...common(id, name, body, existing, azure), type: SECURITY_GROUP, kept };
}

function common(
  id: string,
  name: string,
  body: { readonly location: string; readonly tags?: Readonly<Record<string, string>> | undefined },
  existing: PlainRecord | undefined,
  azure: Azure,
) {
  const now = azure.now().toISOString();
  return {
    id: existing?.id ?? id,
    name: existing?.name ?? name,
    location: requireRegion(body.location, 'Microsoft.Network').name,
    tags: body.tags ?? {},
    etag: randomUUID(),
    provisioningState: 'Updating',
    createdAt: existing?.createdAt ?? now,
    changedAt: now,
  } as const;
}

export function plainResourceView(resource: PlainRecord, azure: Azure): unknown {
  return {
    name: resource.name,
    id: resource.id,
    etag: `W/"${resource.etag}"`,
    type: resource.type,
    location: resource.location,
    tags: resource.tags,
    ...(resource.type === PUBLIC_IP ? { sku: { name: resource.sku, tier: 'Regional' }, zones: resource.zones } : {}),
    properties: {
      ...(resource.type === PUBLIC_IP ? publicIpMembers(resource, azure) : securityGroupMembers(resource, azure)),
      provisioningState: resource.provisioningState,
      resourceGuid: resourceGuid(resource),
    },
  };
}

function publicIpMembers(resource: PublicIpRecord, azure: Azure): Record<string, unknown> {
  const holder = holderOf(resource.id, azure);
  return {
    idleTimeoutInMinutes: 4,
    ipTags: [],
    ...resource.kept,
    ...(resource.address === null ? {} : { ipAddress: resource.address }),
    ...(holder === undefined ? {} : { ipConfiguration: { id: holder } }),
  };
}

function securityGroupMembers(resource: SecurityGroupRecord, azure: Azure): Record<string, unknown> {
  const kept = { securityRules: [], ...resource.kept, defaultSecurityRules: DEFAULT_SECURITY_RULES };
  const users = usersOf(resource.id, azure);
  const named = (kind: RegExp) => users.filter((id) => kind.test(id)).map((id) => ({ id }));
  const [networkInterfaces, subnets] = [named(/\/networkInterfaces\/[^/]+$/i), named(/\/subnets\/[^/]+$/i)];
  return {
    ...withChildren(resource, kept, ['securityRules', 'defaultSecurityRules']),
    ...(networkInterfaces.length === 0 ? {} : { networkInterfaces }),
    ...(subnets.length === 0 ? {} : { subnets }),
  };
}

/** Stays the same through moves. */
export function resourceGuid({
  type,
  name,
  createdAt,
}: Pick<PlainRecord, 'name' | 'createdAt'> & { type: string }): string {
  return derivedUuid(`guid of ${type} ${name} of ${createdAt}`);
}
