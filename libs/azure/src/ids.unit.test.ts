import { describe, expect, it } from '@jest/globals';
import { networkOf, resourceId } from '@landfall/domain';
import { parseNetworkId, parseResourceGroupId, parseResourceId, requireResourceId, sameId } from './ids.js';

const SUBSCRIPTION = '00000000-0000-4000-8000-00000000abcd';

describe('resource IDs', () => {
  it('are read back from what was put together, in any case', () => {
    const id = resourceId(SUBSCRIPTION, 'My.Group', 'disk', 'd-1');
    expect(id).toBe(`/subscriptions/${SUBSCRIPTION}/resourceGroups/My.Group/providers/Microsoft.Compute/disks/d-1`);
    const parsed = parseResourceId(id.toUpperCase(), SUBSCRIPTION, 'disk');
    expect(parsed).toStrictEqual({ resourceGroup: 'MY.GROUP', name: 'D-1' });
    expect(sameId(id, id.toUpperCase())).toBe(true);
  });

  for (const [what, id] of [
    ['another type', `/subscriptions/${SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Compute/snapshots/d`],
    ['another subscription', '/subscriptions/other/resourceGroups/g/providers/Microsoft.Compute/disks/d'],
    ['a child', `/subscriptions/${SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Compute/disks/d/x/y`],
    ['no name', `/subscriptions/${SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Compute/disks/`],
    ['a name alone', 'd'],
    ['nothing', ''],
  ] as const) {
    it(`are nothing when they are of ${what}`, () => {
      expect(parseResourceId(id, SUBSCRIPTION, 'disk')).toBe(null);
      expect(() => requireResourceId(id, SUBSCRIPTION, 'disk')).toThrow(
        expect.objectContaining({ code: 'AZURE_ID_INVALID' }),
      );
    });
  }

  it('of networks are told from those of what lies in them', () => {
    const network = `/subscriptions/${SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n`;
    expect(parseNetworkId(network, SUBSCRIPTION)).toStrictEqual({ resourceGroup: 'g', name: 'n' });
    expect(parseNetworkId(`${network}/subnets/s`, SUBSCRIPTION)).toBe(null);
    expect(networkOf(`${network}/subnets/s`)).toBe(network);
    expect(networkOf(network)).toBe(network);
  });

  it('of resource groups end with the name', () => {
    expect(parseResourceGroupId(`/subscriptions/${SUBSCRIPTION}/resourcegroups/g`, SUBSCRIPTION)).toBe('g');
    expect(parseResourceGroupId(`/subscriptions/${SUBSCRIPTION}/resourcegroups/g/x`, SUBSCRIPTION)).toBe(null);
  });
});
