import type { Kept } from '../state/records.js';

type Row = readonly [name: string, priority: number, direction: string, access: string, from: string, to: string];

/** The rules that Azure gives every network security group (Azure documentation, network security groups). */
const ROWS: readonly Row[] = [
  ['AllowVnetInBound', 65_000, 'Inbound', 'Allow', 'VirtualNetwork', 'VirtualNetwork'],
  ['AllowAzureLoadBalancerInBound', 65_001, 'Inbound', 'Allow', 'AzureLoadBalancer', '*'],
  ['DenyAllInBound', 65_500, 'Inbound', 'Deny', '*', '*'],
  ['AllowVnetOutBound', 65_000, 'Outbound', 'Allow', 'VirtualNetwork', 'VirtualNetwork'],
  ['AllowInternetOutBound', 65_001, 'Outbound', 'Allow', '*', 'Internet'],
  ['DenyAllOutBound', 65_500, 'Outbound', 'Deny', '*', '*'],
];

export const DEFAULT_SECURITY_RULES: readonly Kept[] = ROWS.map(([name, priority, direction, access, from, to]) => ({
  name,
  properties: {
    protocol: '*',
    sourcePortRange: '*',
    destinationPortRange: '*',
    sourceAddressPrefix: from,
    destinationAddressPrefix: to,
    access,
    priority,
    direction,
    sourcePortRanges: [],
    destinationPortRanges: [],
    sourceAddressPrefixes: [],
    destinationAddressPrefixes: [],
  },
}));
