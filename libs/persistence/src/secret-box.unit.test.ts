import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { Secret } from '@landfall/domain';
import { createSecretBox } from './secret-box.js';

const KEY = new Secret('00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff');
const UNREADABLE = { code: 'SECRET_UNREADABLE' };

describe('a secret box', () => {
  const box = createSecretBox(KEY);

  it('opens what it has sealed, under the same context only', () => {
    const sealed = box.seal(new Secret('pässword ✓'), 'repository:backups');
    expect(box.open(sealed, 'repository:backups').reveal()).toBe('pässword ✓');
    expect(() => box.open(sealed, 'repository:other')).toThrow(expect.objectContaining(UNREADABLE));
  });

  it('seals the same secret differently each time, and never in clear text', () => {
    const [one, two] = [1, 2].map(() => box.seal(new Secret('hunter2-hunter2'), 'c'));
    expect(one).not.toBe(two);
    expect(Buffer.from(one?.split('.')[2] ?? '', 'base64url').includes('hunter2')).toBe(false);
  });

  it('does not open with another key', () => {
    const other = createSecretBox(new Secret(randomBytes(32).toString('hex')));
    expect(() => other.open(box.seal(new Secret('s'), 'c'), 'c')).toThrow(expect.objectContaining(UNREADABLE));
  });

  it('notices any byte that was changed, and any text that it has not made', () => {
    const sealed = box.seal(new Secret('secret'), 'c');
    const [version, nonce, body] = sealed.split('.');
    const bytes = Buffer.from(body ?? '', 'base64url');
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(() => box.open(`${version}.${nonce}.${changed.toString('base64url')}`, 'c')).toThrow(
        expect.objectContaining(UNREADABLE),
      );
    }
    for (const text of ['', 'v1', 'v1..', `v2.${nonce}.${body}`, `${sealed}.x`, 'v1.AAAA.AAAA', 'plain']) {
      assert.throws(() => box.open(text, 'c'), UNREADABLE, text);
    }
  });

  it('keeps to its written format: AES-256-GCM, 96-bit nonce, tag at the end, context as associated data', () => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', Buffer.from(KEY.reveal(), 'hex'), nonce);
    cipher.setAAD(Buffer.from('disk:x'));
    const body = Buffer.concat([cipher.update('from elsewhere'), cipher.final(), cipher.getAuthTag()]);
    const text = `v1.${nonce.toString('base64url')}.${body.toString('base64url')}`;
    expect(box.open(text, 'disk:x').reveal()).toBe('from elsewhere');
  });

  it('refuses a key that is not 32 bytes in hexadecimal, without showing it', () => {
    assert.throws(
      () => createSecretBox(new Secret('short')),
      (error: Error & { code?: string }) => error.code === 'SECRET_KEY_INVALID' && !error.message.includes('short'),
    );
  });
});
