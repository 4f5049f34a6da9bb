import { describe, expect, it } from '@jest/globals';
import { Secret } from '@landfall/domain';
import { MemorySecretBox } from '@landfall/testing';
import { openSession, sealSession } from './session.js';

const HOUR = 3_600_000;
const START = new Date('2026-01-01T00:00:00Z');
const at = (milliseconds: number) => new Date(START.getTime() + milliseconds);

describe('a sealed session', () => {
  it('stands for its token for twelve hours', () => {
    const secrets = new MemorySecretBox();
    const sealed = sealSession(secrets, 'hash', START);
    expect(openSession(secrets, sealed, at(12 * HOUR - 1))).toBe('hash');
    expect(openSession(secrets, sealed, at(12 * HOUR))).toBe(null);
  });

  it('is nothing when it was sealed for something else, or is no session', () => {
    const secrets = new MemorySecretBox();
    const content = JSON.stringify({ tokenHash: 'hash', expiresAt: at(HOUR).getTime() });
    const cookie = (sealed: string) => Buffer.from(sealed).toString('base64url');
    const elsewhere = cookie(secrets.seal(new Secret(content), 'repository:nightly'));
    const noJson = cookie(secrets.seal(new Secret('{'), 'browser-session'));
    const noSession = cookie(secrets.seal(new Secret('{"tokenHash":1}'), 'browser-session'));
    for (const value of [elsewhere, noJson, noSession, '', 'x', '%%%']) {
      expect(openSession(secrets, value, START)).toBe(null);
    }
  });
});
