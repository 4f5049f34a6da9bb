import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { matchesTags, parseFilter } from './filter.js';

describe('$filter', () => {
  it('joins comparisons with and', () => {
    expect(parseFilter("tagName eq 'a' and tagValue eq 'b'")).toStrictEqual({ tagName: 'a', tagValue: 'b' });
    expect(parseFilter("resourceType EQ 'Microsoft.Compute/disks'")).toStrictEqual({
      resourceType: 'Microsoft.Compute/disks',
    });
  });

  it('doubles a quote inside of a value', () => {
    expect(parseFilter("tagName eq 'it''s' and tagValue eq ''")).toStrictEqual({ tagName: "it's", tagValue: '' });
  });

  it('is nothing when it is empty', () => {
    expect(parseFilter(null)).toStrictEqual({});
    expect(parseFilter('  ')).toStrictEqual({});
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
    expect(matchesTags({ tagName: 'OWNER', tagValue: 'me' }, { owner: 'me' })).toBe(true);
    expect(matchesTags({ tagName: 'owner', tagValue: 'Me' }, { owner: 'me' })).toBe(false);
    expect(matchesTags({ tagName: 'owner' }, {})).toBe(false);
  });
});
