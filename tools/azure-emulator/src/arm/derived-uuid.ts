import { createHash } from 'node:crypto';

/** A UUID that is the same for the same text: for what Azure would hand out and what need not be kept. */
export function derivedUuid(text: string): string {
  const digest = createHash('sha256').update(text).digest('hex');
  const version = `4${digest.slice(13, 16)}`;
  const variant = `a${digest.slice(17, 20)}`;
  return [digest.slice(0, 8), digest.slice(8, 12), version, variant, digest.slice(20, 32)].join('-');
}
