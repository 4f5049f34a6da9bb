import { restorePoller, type NetworkSecurityGroup, type SecurityRule, type VirtualNetwork } from '@azure/arm-network';
import { ISOLATED_PREFIX, type IsolatedNetworkSpec } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { byProvisioning } from './disks.js';
import { sameId } from './ids.js';
import { bodyHash, changed, requireOwn } from './ownership.js';
import type { Change } from './perform.js';

/*
 * A virtual network out of which nothing gets and into which nothing does. Three things keep it closed, each for itself: it is joined
 * to no other network and nothing in it has a public address; its subnet has no default outbound access, which Azure else lends to
 * whatever has no other (Azure documentation, "Default outbound access in Azure"); and its security group denies what is left, the
 * subnet's own traffic and Azure's name servers included. What a machine needs of its own host (an address, what it is called) passes no
 * security group.
 */
const SUBNET = 'machine';
const FIRST_PRIORITY = 100;

/** Azure's name servers, which no other rule stops, and which ask the world on behalf of whoever asks them. */
const NAME_SERVERS = 'AzurePlatformDNS';

export interface FoundNetwork {
  readonly azureId: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly region: string;
  readonly provisioningState: string;
}

type Read<T> = (id: string) => Promise<T | null>;

export function createSecurityGroup(
  connection: AzureConnection,
  read: Read<NetworkSecurityGroup>,
  azureId: string,
  spec: IsolatedNetworkSpec,
): Change<NetworkSecurityGroup> {
  const { networkSecurityGroups } = connection.network;
  const name = azureId.split('/').at(-1) ?? '';
  const body: NetworkSecurityGroup = {
    location: spec.region,
    tags: { ...spec.tags },
    securityRules: [
      rule('deny-in', 'Inbound', FIRST_PRIORITY),
      rule('deny-out', 'Outbound', FIRST_PRIORITY),
      rule('deny-names', 'Outbound', FIRST_PRIORITY + 1, NAME_SERVERS),
    ],
  };
  return {
    doing: `create the network security group "${name}"`,
    intent: {
      key: `security-group.create:${name}`,
      operation: 'networkSecurityGroups.createOrUpdate',
      azureId,
      bodyHash: bodyHash(body),
      effect: { creates: { kind: 'security-group', role: spec.role, purpose: spec.purpose } },
    },
    async look() {
      const found = await read(azureId);
      if (found === null) return { state: 'needed' };
      const known = toFound(found);
      requireOwn(known, spec.tags);
      if (known.provisioningState === 'Succeeded' && !denies(found)) throw changed(known, 'it lets something through');
      return withValue(byProvisioning(known), found);
    },
    send: () => networkSecurityGroups.createOrUpdate(spec.resourceGroup, name, body),
    resume: (state) => restorePoller(connection.network, state, networkSecurityGroups.createOrUpdate),
  };
}

export function createNetwork(
  connection: AzureConnection,
  read: Read<VirtualNetwork>,
  { azureId, securityGroupId }: { readonly azureId: string; readonly securityGroupId: string },
  spec: IsolatedNetworkSpec,
): Change<VirtualNetwork> {
  const { virtualNetworks } = connection.network;
  const body: VirtualNetwork = {
    location: spec.region,
    tags: { ...spec.tags },
    addressSpace: { addressPrefixes: [ISOLATED_PREFIX] },
    subnets: [
      {
        name: SUBNET,
        addressPrefix: ISOLATED_PREFIX,
        networkSecurityGroup: { id: securityGroupId },
        defaultOutboundAccess: false,
      },
    ],
  };
  return {
    doing: `create the isolated network "${spec.name}" in the resource group "${spec.resourceGroup}"`,
    intent: {
      key: `network.create:${spec.name}`,
      operation: 'virtualNetworks.createOrUpdate',
      azureId,
      bodyHash: bodyHash(body),
      effect: { creates: { kind: 'network', role: spec.role, purpose: spec.purpose } },
    },
    async look() {
      const found = await read(azureId);
      if (found === null) return { state: 'needed' };
      const known = toFound(found);
      requireOwn(known, spec.tags);
      const opened = known.provisioningState === 'Succeeded' ? whyOpen(found, securityGroupId) : null;
      if (opened !== null) throw changed(known, opened);
      return withValue(byProvisioning(known), found);
    },
    send: () => virtualNetworks.createOrUpdate(spec.resourceGroup, spec.name, body),
    resume: (state) => restorePoller(connection.network, state, virtualNetworks.createOrUpdate),
  };
}

export function toFound({
  id,
  tags,
  location,
  provisioningState,
}: VirtualNetwork | NetworkSecurityGroup): FoundNetwork {
  return {
    ...{ azureId: id ?? '', tags: tags ?? {}, region: location ?? '' },
    provisioningState: provisioningState ?? '',
  };
}

function rule(
  name: string,
  direction: 'Inbound' | 'Outbound',
  priority: number,
  destinationAddressPrefix = '*',
): SecurityRule {
  return {
    ...{ name, direction, priority, access: 'Deny', protocol: '*', sourceAddressPrefix: '*', sourcePortRange: '*' },
    ...{ destinationAddressPrefix, destinationPortRange: '*' },
  };
}

/** Nobody has let anything in or out since it was made. */
function denies({ securityRules = [] }: NetworkSecurityGroup): boolean {
  return (
    securityRules.every(({ access }) => access === 'Deny') &&
    ['Inbound', 'Outbound'].every((way) =>
      securityRules.some(({ direction, destinationAddressPrefix: to }) => direction === way && to === '*'),
    )
  );
}

/** Null: it is as it was made. */
function whyOpen(
  { subnets = [], virtualNetworkPeerings = [] }: VirtualNetwork,
  securityGroupId: string,
): string | null {
  if (virtualNetworkPeerings.length > 0) return 'it is joined to another network';
  const isGuarded = subnets.every(({ networkSecurityGroup }) =>
    sameId(networkSecurityGroup?.id ?? '', securityGroupId),
  );
  if (!isGuarded || subnets.length === 0) return 'a subnet of it is without its security group';
  return subnets.every(({ defaultOutboundAccess }) => defaultOutboundAccess === false)
    ? null
    : 'a subnet of it has default outbound access';
}

function withValue<T>(finding: ReturnType<typeof byProvisioning>, value: T) {
  return finding.state === 'done' ? { state: 'done' as const, value } : { state: finding.state };
}
