import { resourceGroupId, resourceId } from './arm/resource-id.js';
import { newGroup } from './groups/resource-groups.js';
import { newNetwork } from './network/virtual-networks.js';
import { VIRTUAL_NETWORK } from './state/records.js';
import { put, type State } from './state/state.js';

/** What an emulator has at its first start, so that a restore to a new place works without preparation. */
export const SEED = {
  region: 'westeurope',
  resourceGroup: 'landfall-demo',
  network: 'landfall-network',
  networkPrefix: '10.20.0.0/16',
  machineSubnet: { name: 'machines', prefix: '10.20.1.0/24' },
  workerSubnet: { name: 'workers', prefix: '10.20.2.0/24' },
} as const;

export interface SeedIds {
  readonly resourceGroupId: string;
  readonly networkId: string;
  readonly machineSubnetId: string;
  readonly workerSubnetId: string;
}

export function seedIds(subscriptionId: string): SeedIds {
  const networkId = resourceId(subscriptionId, SEED.resourceGroup, VIRTUAL_NETWORK, SEED.network);
  return {
    resourceGroupId: resourceGroupId(subscriptionId, SEED.resourceGroup),
    networkId,
    machineSubnetId: `${networkId}/subnets/${SEED.machineSubnet.name}`,
    workerSubnetId: `${networkId}/subnets/${SEED.workerSubnet.name}`,
  };
}

/** Does nothing when it was done before, even if the resources are gone by now. */
export function seed(state: State, subscriptionId: string, now: () => Date): void {
  if (state.get('settings', 'seeded') !== undefined) return;
  const ids = seedIds(subscriptionId);
  const subnets = [SEED.machineSubnet, SEED.workerSubnet].map(({ name, prefix }) => ({
    name,
    prefixes: [prefix],
    properties: { addressPrefix: prefix },
  }));
  state.commit([
    put(newGroup({ subscriptionId, now }, SEED.resourceGroup, SEED.region)),
    put(newNetwork(ids.networkId, SEED.network, SEED.region, [SEED.networkPrefix], subnets, now())),
    { table: 'settings', key: 'seeded', value: { value: true } },
  ]);
}
