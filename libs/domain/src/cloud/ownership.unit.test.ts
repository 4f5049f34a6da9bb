import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { carriesTags, ownerTags, tagOf } from './ownership.js';

describe('Ownership by tags', () => {
  const wanted = ownerTags('appliance-1', 'r-1', 'disk');

  it('takes a tag for the same whatever the case of its name', () => {
    const found = { 'Landfall-Appliance': 'appliance-1', 'LANDFALL-RESTORE': 'r-1', 'landfall-role': 'disk', env: 'x' };
    expect(carriesTags(found, wanted)).toBe(true);
    expect(tagOf(found, 'landfall-restore')).toBe('r-1');
  });

  it('minds the case of a value', () => {
    expect(carriesTags({ ...wanted, 'landfall-restore': 'R-1' }, wanted)).toBe(false);
  });

  it('wants every tag', () => {
    for (const name of Object.keys(wanted)) {
      const { [name]: _, ...rest } = wanted;
      assert.equal(carriesTags(rest, wanted), false, name);
    }
  });

  it('is not told by a tag that only begins alike', () => {
    expect(tagOf({ 'landfall-restores': 'r-1' }, 'landfall-restore')).toBe(null);
  });
});
