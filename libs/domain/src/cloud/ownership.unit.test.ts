import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { carriesTags, ownerTags, tagOf } from './ownership.js';

describe('Ownership by tags', () => {
  const wanted = ownerTags('appliance-1', 'r-1', 'disk');

  it('takes a tag for the same whatever the case of its name', () => {
    const found = { 'Landfall-Appliance': 'appliance-1', 'LANDFALL-RESTORE': 'r-1', 'landfall-role': 'disk', env: 'x' };
    assert.equal(carriesTags(found, wanted), true);
    assert.equal(tagOf(found, 'landfall-restore'), 'r-1');
  });

  it('minds the case of a value', () => {
    assert.equal(carriesTags({ ...wanted, 'landfall-restore': 'R-1' }, wanted), false);
  });

  it('wants every tag', () => {
    for (const name of Object.keys(wanted)) {
      const { [name]: _, ...rest } = wanted;
      assert.equal(carriesTags(rest, wanted), false, name);
    }
  });

  it('is not told by a tag that only begins alike', () => {
    assert.equal(tagOf({ 'landfall-restores': 'r-1' }, 'landfall-restore'), null);
  });
});
