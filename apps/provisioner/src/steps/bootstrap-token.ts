import { createHash, randomBytes } from 'node:crypto';
import { Secret } from '@landfall/domain';

/** As long as a worker may take from the order to its first sign of life. */
export const BOOTSTRAP_SECONDS = 600;

/** What a worker proves itself with, once. The books keep its SHA-256 in hexadecimal only. */
export interface BootstrapToken {
  readonly token: Secret;
  readonly hash: string;
}

export function newBootstrapToken(): BootstrapToken {
  const token = randomBytes(32).toString('base64url');
  return {
    token: new Secret(token),
    hash: createHash('sha256').update(token).digest('hex'),
  };
}
