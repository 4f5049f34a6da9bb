import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { matchesTags, parseFilter } from './filter.js';

describe('$filter', () => {
  it('joins comparisons with and', () => {
    assert.deepEqual(parseFilter("tagName eq 'a' and tagValue eq 'b'"), { tagName: 'a', tagValue: 'b' });
    assert.deepEqual(parseFilter("resourceType EQ 'Microsoft.Compute/disks'"), {
      resourceType: 'Microsoft.Compute/disks',
    });
  });

  it('doubles a quote inside of a value', () => {
    assert.deepEqual(parseFilter("tagName eq 'it''s' and tagValue eq ''"), { tagName: "it's", tagValue: '' });
  });

  it('is nothing when it is empty', () => {
    assert.deepEqual(parseFilter(null), {});
    assert.deepEqual(parseFilter('  '), {});
  });

  it('refuses what it does not understand', () => {
    for (const text of [
      "a eq 'b'",
      "tagName ne 'b'",
      'tagName eq b',
      "tagName eq 'a' and",
      "tagName eq 'a' or tagValue eq 'b'",
      "tagName eq 'a' x",
    ]) {
      assert.throws(() => parseFilter(text), { code: 'InvalidFilterInQueryString' }, text);
    }
  });

  it('compares tag names without regard to case and values with it', () => {
    assert.equal(matchesTags({ tagName: 'OWNER', tagValue: 'me' }, { owner: 'me' }), true);
    assert.equal(matchesTags({ tagName: 'owner', tagValue: 'Me' }, { owner: 'me' }), false);
    assert.equal(matchesTags({ tagName: 'owner' }, {}), false);
  });
});
