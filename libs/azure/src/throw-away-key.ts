import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';

/*
 * Azure wants a sign-in for every Linux VM, and a worker shall have none. It gets the public half of a key pair whose
 * private half is dropped at once.
 */
let made: Promise<string> | null = null;

/** An OpenSSH `ssh-rsa` line; one a process is enough, because its private half exists nowhere. */
export function throwAwayPublicKey(): Promise<string> {
  made ??= make();
  return made;
}

async function make(): Promise<string> {
  const { publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const { e, n } = publicKey.export({ format: 'jwk' });
  const blob = Buffer.concat([
    lengthPrefixed(Buffer.from('ssh-rsa')),
    lengthPrefixed(positiveInteger(Buffer.from(e ?? '', 'base64url'))),
    lengthPrefixed(positiveInteger(Buffer.from(n ?? '', 'base64url'))),
  ]);
  return `ssh-rsa ${blob.toString('base64')} landfall-worker`;
}

function lengthPrefixed(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The format's integers are signed: a leading one bit needs a zero byte before it. */
function positiveInteger(bytes: Buffer): Buffer {
  return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
}
