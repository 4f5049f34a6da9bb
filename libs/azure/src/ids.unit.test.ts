import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseResourceGroupId, parseResourceId, parseSubnetId, requireResourceId, resourceId, sameId } from './ids.js';

const SUBSCRIPTION = '00000000-0000-4000-8000-00000000abcd';

describe('resource IDs', () => {
  it('are read back from what was put together, in any case', () => {
    const id = resourceId(SUBSCRIPTION, 'My.Group', 'Microsoft.Compute/disks', 'd-1');
    assert.equal(id, `/subscriptions/${SUBSCRIPTION}/resourceGroups/My.Group/providers/Microsoft.Compute/disks/d-1`);
    const parsed = parseResourceId(id.toUpperCase(), SUBSCRIPTION, 'Microsoft.Compute/disks');
    assert.deepEqual(parsed, { resourceGroup: 'MY.GROUP', name: 'D-1' });
    assert.ok(sameId(id, id.toUpperCase()));
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
      assert.equal(parseResourceId(id, SUBSCRIPTION, 'Microsoft.Compute/disks'), null);
      assert.throws(() => requireResourceId(id, SUBSCRIPTION, 'Microsoft.Compute/disks'), {
        code: 'AZURE_ID_INVALID',
      });
    });
  }

  it('of subnets have their network in them', () => {
    const network = `/subscriptions/${SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n`;
    assert.deepEqual(parseSubnetId(`${network}/subnets/s`, SUBSCRIPTION), {
      resourceGroup: 'g',
      networkName: 'n',
      name: 's',
    });
    assert.equal(parseSubnetId(network, SUBSCRIPTION), null);
    assert.equal(parseSubnetId(`${network}/peerings/s`, SUBSCRIPTION), null);
  });

  it('of resource groups end with the name', () => {
    assert.equal(parseResourceGroupId(`/subscriptions/${SUBSCRIPTION}/resourcegroups/g`, SUBSCRIPTION), 'g');
    assert.equal(parseResourceGroupId(`/subscriptions/${SUBSCRIPTION}/resourcegroups/g/x`, SUBSCRIPTION), null);
  });
});
