import { randomBytes } from 'node:crypto';
import { hashOf } from '../access/session.js';

/** Prolonged by every heartbeat; long enough to outlast an API that is being replaced. */
export const SESSION_SECONDS = 3600;

export function newSession(token = randomBytes(32).toString('base64url')): {
  token: string;
  tokenHash: string;
  validSeconds: number;
} {
  return { token, tokenHash: hashOf(token), validSeconds: SESSION_SECONDS };
}
