import assert from 'node:assert/strict';
import { test } from 'node:test';
import { throwAwayPublicKey } from './throw-away-key.js';

test('the key that nobody has is a 2048-bit ssh-rsa line', async () => {
  const [type, blob = ''] = (await throwAwayPublicKey()).split(' ');
  assert.equal(type, 'ssh-rsa');
  const bytes = Buffer.from(blob, 'base64');
  const fields: Buffer[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const length = bytes.readUInt32BE(offset);
    fields.push(bytes.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  assert.equal(fields.length, 3);
  assert.equal(fields[0]?.toString(), 'ssh-rsa');
  assert.equal(fields[1]?.readUIntBE(0, 3), 65_537);
  // A zero byte before the leading one bit, then 256 bytes of modulus.
  assert.equal(fields[2]?.length, 257);
  assert.equal(fields[2]?.[0], 0);
});
