import { randomBytes } from 'node:crypto';
import { hashOf } from '../access/session.js';

/** Prolonged by every heartbeat; long enough to outlast an API that is being replaced. */
const SESSION_SECONDS = 3600;

export function newSession(
  now: Date,
  token = randomBytes(32).toString('base64url'),
): { token: string; tokenHash: string; expiresAt: Date } {
  return { token, tokenHash: hashOf(token), expiresAt: sessionEnd(now) };
}

export function sessionEnd(now: Date): Date {
  return new Date(now.getTime() + SESSION_SECONDS * 1000);
}
