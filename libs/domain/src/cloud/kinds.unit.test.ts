import { describe, expect, it } from '@jest/globals';
import { CLOUD_KINDS, CLOUD_RESOURCE_KINDS, kindOfArmType, REMOVAL_WAVES, resourceId } from './kinds.js';

describe('the kinds of resources', () => {
  it('are removed each exactly once, VMs before what they hold, and resource groups last', () => {
    expect(REMOVAL_WAVES.flat().sort()).toStrictEqual([...CLOUD_RESOURCE_KINDS].sort());
    expect(REMOVAL_WAVES[0]).toStrictEqual(['vm']);
    expect(REMOVAL_WAVES.at(-1)).toStrictEqual(['resource-group']);
  });

  it('are told by the type that Azure names, in whatever case', () => {
    for (const kind of CLOUD_RESOURCE_KINDS) expect(kindOfArmType(CLOUD_KINDS[kind].armType.toUpperCase())).toBe(kind);
    expect(kindOfArmType('Microsoft.Compute/images')).toBe(null);
  });

  it('give the IDs of their resources', () => {
    expect(resourceId('s', 'My.Group', 'nic', 'n-1')).toBe(
      '/subscriptions/s/resourceGroups/My.Group/providers/Microsoft.Network/networkInterfaces/n-1',
    );
  });
});
