import { expect, test } from '@jest/globals';
import { throwAwayPublicKey } from './throw-away-key.js';

test('the key that nobody has is a 2048-bit ssh-rsa line', async () => {
  const [type, blob = ''] = (await throwAwayPublicKey()).split(' ');
  expect(type).toBe('ssh-rsa');
  const bytes = Buffer.from(blob, 'base64');
  const fields: Buffer[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const length = bytes.readUInt32BE(offset);
    fields.push(bytes.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  expect(fields.length).toBe(3);
  expect(fields[0]?.toString()).toBe('ssh-rsa');
  expect(fields[1]?.readUIntBE(0, 3)).toBe(65_537);
  // A zero byte before the leading one bit, then 256 bytes of modulus.
  expect(fields[2]?.length).toBe(257);
  expect(fields[2]?.[0]).toBe(0);
});
