import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  includesAddress,
  isPrefixAligned,
  isReserved,
  lowestFree,
  overlap,
  parsePrefix,
  usableCount,
} from './addresses.js';

describe('IPv4 prefixes', () => {
  it('keep the first four addresses and the last one of a subnet for Azure', () => {
    const range = parsePrefix('10.20.1.0/24');
    const free = (address: string): boolean => !isReserved(range, address);
    expect(['10.20.1.0', '10.20.1.3', '10.20.1.4', '10.20.1.254', '10.20.1.255'].map(free)).toStrictEqual([
      false,
      false,
      true,
      true,
      false,
    ]);
    expect(usableCount(range)).toBe(251);
    expect(usableCount(parsePrefix('10.0.0.0/29'))).toBe(3);
  });

  it('give out each usable address once, in order, and then none', () => {
    const range = parsePrefix('10.0.0.8/29');
    const taken = new Set<string>();
    const given: (string | null)[] = [];
    for (let count = 0; count < 4; count++) {
      const address = lowestFree(range, taken);
      given.push(address);
      if (address !== null) taken.add(address);
    }
    expect(given).toStrictEqual(['10.0.0.12', '10.0.0.13', '10.0.0.14', null]);
  });

  it('know when their host part is not zero', () => {
    expect(isPrefixAligned('192.168.0.0/16')).toBe(true);
    expect(isPrefixAligned('192.168.0.1/16')).toBe(false);
  });

  it('reach to the end of the address space', () => {
    expect(includesAddress(parsePrefix('255.255.255.0/24'), '255.255.255.255')).toBe(true);
    expect(includesAddress(parsePrefix('0.0.0.0/0'), '255.255.255.255')).toBe(true);
  });

  it('overlap with what contains them, whichever way round', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 17, max: 30 }), (third, bits) => {
        const outer = parsePrefix('10.9.0.0/16');
        const inner = parsePrefix(`10.9.${third}.0/${bits}`);
        expect(overlap(outer, inner) && overlap(inner, outer)).toBe(true);
        expect(overlap(parsePrefix('10.8.0.0/16'), inner)).toBe(false);
      }),
    );
  });
});
