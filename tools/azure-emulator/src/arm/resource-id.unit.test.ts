import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { nameOf, parseResourceId, resourceGroupOf, resourceId, sameId } from './resource-id.js';

const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);

describe('resource ids', () => {
  it('come apart into what they were made of', () => {
    fc.assert(
      fc.property(word, word, word, (subscription, group, name) => {
        const id = resourceId(subscription, group, 'Microsoft.Compute/disks', name);
        const address = parseResourceId(id);
        expect([address?.subscriptionId, address?.resourceGroup, address?.type, address?.name]).toStrictEqual([
          subscription,
          group,
          'Microsoft.Compute/disks',
          name,
        ]);
        expect(resourceGroupOf(id)).toBe(group);
        expect(nameOf(id)).toBe(name);
        expect(sameId(id, id.toUpperCase())).toBe(true);
      }),
    );
  });

  it('may name a resource inside another one', () => {
    const address = parseResourceId(
      '/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n',
    );
    expect(address?.type).toBe('Microsoft.Network/virtualNetworks/subnets');
    expect(address?.names).toStrictEqual(['v', 'n']);
  });

  it('are nothing else', () => {
    for (const text of [
      '',
      '/subscriptions/s',
      '/subscriptions/s/resourceGroups/g',
      'disks/d',
      '/subscriptions/s/resourceGroups/g/providers/P/t',
    ]) {
      assert.equal(parseResourceId(text), null, text);
    }
  });
});
