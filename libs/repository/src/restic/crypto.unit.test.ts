import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SealBroken, decryptUnchecked, unseal, type SealingKey } from './crypto.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/*
 * The MAC's inputs and output are from the appendix of D. J. Bernstein, "The Poly1305-AES message-authentication code"; the
 * ciphertext of that example decrypts to something under any AES key.
 */
const KEY: SealingKey = {
  encrypt: Buffer.alloc(32, 7),
  macK: hex('ec074c835580741701425b623235add6'),
  macR: hex('851fc40c3467ac0be05cc20404f3f700'),
};
const SEALED = hex('fb447350c4e868c52ac3275cf9d4327e f3f6 f4c633c3044fc145f84f335cb81953de');

describe('A seal', () => {
  test('is accepted when its MAC is the published one', () => {
    expect(unseal(KEY, Buffer.from(SEALED)).length).toBe(2);
  });

  test('is refused after any one bit of IV, ciphertext or MAC was changed', () => {
    fc.assert(
      fc.property(fc.nat({ max: SEALED.length * 8 - 1 }), (bit) => {
        const changed = Buffer.from(SEALED);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(() => unseal(KEY, changed)).toThrow(SealBroken);
      }),
    );
  });

  test('is refused when it is too short to be one', () => {
    for (let length = 0; length < 32; length += 1) {
      expect(() => unseal(KEY, Buffer.alloc(length))).toThrow(SealBroken);
    }
  });

  test('decrypts to the same with and without its MAC looked at', () => {
    expect(decryptUnchecked(KEY, SEALED)).toStrictEqual(unseal(KEY, Buffer.from(SEALED)));
  });
});
