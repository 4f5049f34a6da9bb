import { describe, expect, it } from '@jest/globals';
import { RESTORE_REQUEST } from '@landfall/contract';
import { fingerprintOf } from './fingerprint.js';

const SHORT = { restorePointId: 'rp-0123456789', destination: { kind: 'new' } };

describe("a request's fingerprint", () => {
  const base = RESTORE_REQUEST.parse({ ...SHORT, excludeDisks: ['a', 'b'] });

  it('does not depend on the order of fields nor on spelled-out defaults', () => {
    const other = RESTORE_REQUEST.parse({
      verify: 'sampled',
      excludeDisks: ['a', 'b'],
      destination: { kind: 'new' },
      restorePointId: SHORT.restorePointId,
    });
    expect(fingerprintOf(other)).toBe(fingerprintOf(base));
  });

  it('changes with every value', () => {
    const others = [
      { ...base, powerOn: false },
      { ...base, excludeDisks: ['b', 'a'] },
      { ...base, destination: { kind: 'new' as const, name: 'x' } },
      { ...base, reason: 'x' },
    ];
    expect(new Set([base, ...others].map(fingerprintOf)).size).toBe(others.length + 1);
  });
});
