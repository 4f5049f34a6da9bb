import { CLOUD_KINDS, kindOfArmType, resourceGroupId, tagOf, sameId, type CloudResourceKind } from '@landfall/domain';
import { refused, type Answer, type ArmCall } from './answers.js';
import { shown, type AnyResource, type GroupResource } from './resources.js';

/*
 * What a subscription offers, and the lists of what is in it. Nothing here takes time or changes anything.
 */
export interface Network {
  readonly id: string;
  readonly subnets: readonly { readonly name: string; readonly prefix: string }[];
}

export interface Lock {
  /** The ID of what it is set on. */
  readonly scope: string;
  readonly name: string;
  readonly level: 'CanNotDelete' | 'ReadOnly';
}

/** Denies all of a kind that is made within its scope. */
export interface Policy {
  readonly scope: string;
  readonly name: string;
  readonly kind: CloudResourceKind;
  readonly effect: 'deny' | 'audit';
}

export interface Holdings {
  readonly now: number;
  readonly subscriptionId: string;
  readonly resources: ReadonlyMap<string, AnyResource>;
  readonly networks: readonly Network[];
  readonly locks: readonly Lock[];
  readonly policies: readonly Policy[];
}

const REGIONS = ['westeurope', 'northeurope'];
export const MOST_DATA_DISKS = 4;

const CORES = { Standard_F2s_v2: '2', Standard_F4s_v2: '4', Standard_B2s: '2' };
const SKUS = Object.entries(CORES).map(([name, vCPUs]) => ({
  resourceType: 'virtualMachines',
  name,
  family: 'standardFamily',
  capabilities: [
    { name: 'vCPUs', value: vCPUs },
    { name: 'MaxDataDiskCount', value: String(MOST_DATA_DISKS) },
    { name: 'HyperVGenerations', value: 'V1,V2' },
  ],
}));

/** Null: something else is asked for. */
export function readSubscription(call: ArmCall, holdings: Holdings): Answer | null {
  const { method, path, query } = call;
  const [, scope] = /^(.*)\/providers\/Microsoft\.PolicyInsights\/checkPolicyRestrictions$/i.exec(path) ?? [];
  if (method === 'POST' && scope !== undefined) return judged(scope, call, holdings);
  if (method !== 'GET') return null;
  const [, asked = ''] = /^\/subscriptions\/[^/]+(\/.*)$/i.exec(path) ?? [];
  const filter = query.get('$filter');
  if (/\/providers\/Microsoft\.Authorization\/permissions$/i.test(path))
    return list([{ actions: ['*'], notActions: [] }]);
  const [, locked] = /^(.*)\/providers\/Microsoft\.Authorization\/locks$/i.exec(path) ?? [];
  if (locked !== undefined) return list(locksOn(locked, filter, holdings));
  if (/^\/locations$/i.test(asked)) return list(REGIONS.map((name) => ({ name })));
  if (/\/skus$/i.test(asked)) return list(SKUS);
  if (/\/usages$/i.test(asked)) {
    return list([{ unit: 'Count', name: { value: 'cores' }, currentValue: 0, limit: 100 }]);
  }
  const [, namespace] = /^\/providers\/([^/]+)$/i.exec(asked) ?? [];
  if (namespace !== undefined) return { status: 200, body: { namespace, registrationState: 'Registered' } };
  if (/^\/resourceGroups$/i.test(asked)) {
    return list(seen(holdings, filter, ({ kind }) => kind === 'resource-group'));
  }
  if (/^\/resources$/i.test(asked)) return list(seen(holdings, filter, ({ kind }) => kind !== 'resource-group'));
  return readGroup(asked, query, holdings);
}

/** The group that is to hold something of this ID, or why nothing can be put there. */
export function requireGroup(id: string, holdings: Holdings): GroupResource | Answer {
  const name = id.split('/')[4] ?? '';
  const group = holdings.resources.get(resourceGroupId(holdings.subscriptionId, name).toLowerCase());
  if (group?.kind !== 'resource-group') return noGroup(name);
  if (group.provisioningState !== 'Deleting') return group;
  return refused(409, 'ResourceGroupBeingDeleted', `The resource group '${name}' is in deprovisioning state.`);
}

export function hasSubnet(id: string, { networks, resources }: Holdings): boolean {
  const made = [...resources.values()].filter((each) => each.kind === 'network');
  return [...networks, ...made].some((network) =>
    network.subnets.some(({ name }) => sameId(`${network.id}/subnets/${name}`, id)),
  );
}

function readGroup(asked: string, query: URLSearchParams, holdings: Holdings): Answer | null {
  const [, groupName = '', wanted = ''] =
    /^\/resourceGroups\/([^/]+)\/(resources|providers\/Microsoft\.Network\/virtualNetworks.*)$/i.exec(asked) ?? [];
  if (wanted === '') return null;
  const group = resourceGroupId(holdings.subscriptionId, groupName).toLowerCase();
  if (!holdings.resources.has(group)) return noGroup(groupName);
  if (wanted === 'resources') return list(seen(holdings, null, ({ id }) => id.toLowerCase().startsWith(`${group}/`)));
  const networks = holdings.networks.filter(({ id }) => id.toLowerCase().startsWith(`${group}/`));
  const [, name, action] = /virtualNetworks\/([^/]+)(\/CheckIPAddressAvailability)?$/i.exec(wanted) ?? [];
  if (name === undefined) return list(networks.map((network) => shownNetwork(network)));
  const network = networks.find(({ id }) => sameId(nameOf(id), name));
  if (network !== undefined && action !== undefined) {
    return { status: 200, body: { available: isFree(query.get('ipAddress'), holdings) } };
  }
  if (network !== undefined) return { status: 200, body: shownNetwork(network) };
  // One that was made since is a resource like others.
  return null;
}

/** The policy that denies what has this ID; null: none does. */
export function denyingPolicy(
  id: string,
  kind: CloudResourceKind,
  { policies }: Pick<Holdings, 'policies'>,
): Policy | null {
  const holds = (each: Policy): boolean => each.effect === 'deny' && each.kind === kind && lies(id, each.scope);
  return policies.find(holds) ?? null;
}

function judged(scope: string, { body }: ArmCall, holdings: Holdings): Answer {
  const group = /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)$/i.exec(scope)?.[1];
  if (group !== undefined && !holdings.resources.has(scope.toLowerCase())) return noGroup(group);
  const { resourceContent: content = {} } = body.resourceDetails as { resourceContent?: Record<string, unknown> };
  const type = String(content['type']).replace('Microsoft.Resources/subscriptions/', 'Microsoft.Resources/');
  const kind = kindOfArmType(type);
  if (kind === null) return refused(400, 'InvalidResourceType', `There is no type '${type}'.`);
  const name = String(content['name']);
  const id = kind === 'resource-group' ? `${scope}/resourceGroups/${name}` : `${scope}/providers/${type}/${name}`;
  const policy = denyingPolicy(id, kind, holdings);
  const authorization = 'providers/Microsoft.Authorization';
  const evaluation = (denying: Policy) => ({
    policyInfo: {
      policyAssignmentId: `${denying.scope}/${authorization}/policyAssignments/${denying.name}`,
      policyDefinitionId: `/subscriptions/${holdings.subscriptionId}/${authorization}/policyDefinitions/${denying.name}`,
    },
    evaluationResult: 'NonCompliant',
    effectDetails: { policyEffect: 'Deny' },
  });
  const policyEvaluations = policy === null ? [] : [evaluation(policy)];
  return { status: 200, body: { fieldRestrictions: [], contentEvaluationResult: { policyEvaluations } } };
}

/** Those that hold there, and those beneath it where they are not left out. */
function locksOn(id: string, filter: string | null, { locks }: Holdings): unknown[] {
  return locks
    .filter(({ scope }) => lies(id, scope) || (filter !== 'atScope()' && lies(scope, id)))
    .map(({ scope, name, level }) => ({
      ...{ id: `${scope}/providers/Microsoft.Authorization/locks/${name}`, name, properties: { level } },
    }));
}

function lies(inner: string, outer: string): boolean {
  return sameId(inner, outer) || inner.toLowerCase().startsWith(`${outer.toLowerCase()}/`);
}

function seen(
  { resources, now }: Holdings,
  filter: string | null,
  wanted: (resource: AnyResource) => boolean,
): unknown[] {
  const text = "'((?:[^']|'')*)'";
  const [, tag, value] = new RegExp(`^tagName eq ${text} and tagValue eq ${text}$`).exec(filter ?? '') ?? [];
  return [...resources.values()]
    .filter((each) => each.hiddenUntil <= now && wanted(each))
    .filter(({ tags }) => tag === undefined || tagOf(tags, unquoted(tag)) === unquoted(value ?? ''))
    .map((each) => ({ ...(shown(each) as object), type: CLOUD_KINDS[each.kind].armType }));
}

function shownNetwork(network: Network): unknown {
  const subnets = network.subnets.map(({ name, prefix }) => ({
    id: `${network.id}/subnets/${name}`,
    name,
    properties: { addressPrefix: prefix },
  }));
  return { id: network.id, name: nameOf(network.id), location: 'westeurope', properties: { subnets } };
}

/** There is one network: who has the address, has it in there. */
export function isFree(address: string | null | undefined, { resources }: Holdings): boolean {
  return [...resources.values()].every((each) => each.kind !== 'nic' || each.address !== address);
}

function noGroup(name: string): Answer {
  return refused(404, 'ResourceGroupNotFound', `Resource group '${name}' could not be found.`);
}

function list(value: readonly unknown[]): Answer {
  return { status: 200, body: { value } };
}

function nameOf(id: string): string {
  return id.split('/').at(-1) ?? '';
}

function unquoted(text: string): string {
  return text.replaceAll("''", "'");
}
