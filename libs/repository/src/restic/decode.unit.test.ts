import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { BlobFault, decodeBlob, nonZeroStretches, type SealedBlob } from './decode.js';

const KEY = { encrypt: randomBytes(32), macK: randomBytes(16), macR: randomBytes(16) };

function sealedBlob(plain: Buffer, { compressed = true, plainLength = plain.length, of = plain } = {}) {
  const iv = randomBytes(16);
  const body = compressed ? zstdCompressSync(plain) : plain;
  const read = Buffer.concat([iv, createCipheriv('aes-256-ctr', KEY.encrypt, iv).update(body), Buffer.alloc(16)]);
  const id = createHash('sha256').update(of).digest();
  const blob: SealedBlob = { id, offset: 0, length: read.length, compressed, plainLength };
  return { read, blob };
}

describe('Decoding a blob', () => {
  test('gives back the plaintext, compressed or not, of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.boolean(), (bytes, compressed) => {
        const { read, blob } = sealedBlob(Buffer.from(bytes), { compressed });
        return Buffer.from(decodeBlob(KEY, read, blob).bytes).equals(bytes);
      }),
    );
  });

  test('refuses a plaintext whose SHA-256 is not the id', () => {
    const { read, blob } = sealedBlob(Buffer.from('one'), { of: Buffer.from('two') });
    expect(() => decodeBlob(KEY, read, blob)).toThrow(BlobFault);
  });

  test('refuses a changed bit anywhere in the ciphertext, though the MAC is not looked at', () => {
    const { read, blob } = sealedBlob(randomBytes(200), { compressed: false });
    fc.assert(
      fc.property(fc.nat({ max: 16 * 8 + 200 * 8 - 1 }), (bit) => {
        const changed = Buffer.from(read);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(() => decodeBlob(KEY, changed, blob)).toThrow(BlobFault);
      }),
    );
  });

  test('refuses a blob that is longer or shorter than the index says', () => {
    for (const plainLength of [999, 1_001, 0]) {
      const { read, blob } = sealedBlob(Buffer.alloc(1_000, 'x'), { plainLength });
      assert.throws(() => decodeBlob(KEY, read, blob), BlobFault, String(plainLength));
    }
  });

  test('does not unpack a bomb beyond the length that the index says', () => {
    const { read, blob } = sealedBlob(Buffer.alloc(64 * 1024 * 1024), { plainLength: 1_000 });
    const before = process.memoryUsage().arrayBuffers;
    expect(() => decodeBlob(KEY, read, blob)).toThrow(BlobFault);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });

  test('refuses at once what no blob can be', () => {
    const { read, blob } = sealedBlob(Buffer.from('x'));
    expect(() => decodeBlob(KEY, read, { ...blob, plainLength: 2 ** 32 - 2 })).toThrow(BlobFault);
    expect(() => decodeBlob(KEY, read, { ...blob, length: 31 })).toThrow(BlobFault);
  });
});

describe('nonZeroStretches', () => {
  test('covers every byte that is not zero, in order, without touching neighbours', () => {
    const block = 64 * 1024;
    const marks = fc.array(fc.nat({ max: 5 * block - 1 }), { maxLength: 6 });
    fc.assert(
      fc.property(marks, fc.integer({ min: 1, max: 5 * block }), (positions, length) => {
        const bytes = Buffer.alloc(length);
        for (const position of positions) if (position < length) bytes[position] = 1;
        const stretches = nonZeroStretches(bytes);
        let end = -1;
        for (let at = 0; at < stretches.length; at += 2) {
          const [from, to] = [stretches[at]!, stretches[at + 1]!];
          expect(from > end && to > from && to <= length).toBe(true);
          assert.ok(bytes.subarray(from, to).includes(1), 'each stretch has something in it');
          bytes.fill(0, from, to);
          end = to;
        }
        assert.ok(!bytes.includes(1), 'nothing is left out');
      }),
    );
  });
});
