import { createHash } from 'node:crypto';
import { canonicalJson } from '@landfall/domain';

/** SHA-256 in hexadecimal; the same for two bodies that mean the same, whatever the order of their fields. */
export function fingerprintOf(request: object): string {
  return createHash('sha256').update(canonicalJson(request)).digest('hex');
}
