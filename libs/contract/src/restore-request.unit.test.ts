import { describe, expect, it } from '@jest/globals';
import { RESTORE_REQUEST } from './restore-request.js';

const SHORT = { restorePointId: 'rp-0123456789', destination: { kind: 'new' } };

describe('the request for a restore', () => {
  it('is filled up with the documented defaults', () => {
    expect(RESTORE_REQUEST.parse(SHORT)).toStrictEqual({
      ...SHORT,
      generation: 'auto',
      disksOnly: false,
      excludeDisks: [],
      transfer: 'worker',
      verify: 'sampled',
      archivePriority: 'standard',
      powerOn: true,
      isolated: false,
    });
  });

  for (const [what, body] of [
    ['an unknown field', { ...SHORT, force: true }],
    ['an unknown field deeper down', { ...SHORT, destination: { kind: 'new', vnet: 'x' } }],
    ['a generation as text', { ...SHORT, generation: '1' }],
    ['generation 3', { ...SHORT, generation: 3 }],
    ['no destination', { restorePointId: 'rp-0123456789' }],
    ['an unknown kind of destination', { ...SHORT, destination: { kind: 'elsewhere' } }],
    ['an empty point', { ...SHORT, restorePointId: '' }],
    ['a NUL in a name', { ...SHORT, destination: { kind: 'new', name: 'a\u0000b' } }],
    ['half a character', { ...SHORT, reason: 'a\ud800b' }],
    ['a stop of half a minute', { ...SHORT, maxStopSeconds: 30 }],
    ['no day to wait', { ...SHORT, waitDays: 0 }],
    ['31 days to wait', { ...SHORT, waitDays: 31 }],
    ['null for a field', { ...SHORT, reason: null }],
    ['an endless name', { ...SHORT, destination: { kind: 'new', name: 'a'.repeat(257) } }],
    ['a list', [SHORT]],
    ['nothing', undefined],
  ] as const) {
    it(`is refused with ${what}`, () => expect(RESTORE_REQUEST.safeParse(body).success).toBe(false));
  }

  it('leaves it to the planner whether names and addresses are right', () => {
    const destination = { kind: 'new', name: '-bad-name-', privateIp: '999.1.1.1', size: 'Enormous' };
    expect(RESTORE_REQUEST.safeParse({ ...SHORT, destination }).success).toBe(true);
  });
});
