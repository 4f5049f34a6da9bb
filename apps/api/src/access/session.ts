import { createHash } from 'node:crypto';
import { LandfallError, Secret, type ApiTokens, type SecretBox } from '@landfall/domain';
import type { CookieOptions, Request } from 'express';
import { z } from 'zod';
import type { Principal } from './roles.js';

/*
 * A session in a browser is a sealed cookie that names the token's hash and an end. Nothing is kept on the server, so
 * it outlives a restart and works with several processes; it dies with its token, which is looked up every time.
 */
const SESSION_SECONDS = 12 * 3600;
const SEAL_CONTEXT = 'browser-session';
const CONTENT = z.object({ tokenHash: z.string(), expiresAt: z.number() });

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export function sealSession(secrets: SecretBox, tokenHash: string, now: Date): string {
  const content = { tokenHash, expiresAt: now.getTime() + SESSION_SECONDS * 1000 };
  return Buffer.from(secrets.seal(new Secret(JSON.stringify(content)), SEAL_CONTEXT)).toString('base64url');
}

/** The token's hash that a session cookie stands for, or null when it is forged, damaged or over. */
export function openSession(secrets: SecretBox, sealed: string, now: Date): string | null {
  try {
    const text = secrets.open(Buffer.from(sealed, 'base64url').toString(), SEAL_CONTEXT).reveal();
    const content = CONTENT.parse(JSON.parse(text));
    return content.expiresAt > now.getTime() ? content.tokenHash : null;
  } catch (error) {
    // A cookie is untrusted input: whatever is wrong with it, nobody is signed in by it.
    if (error instanceof LandfallError || error instanceof z.ZodError || error instanceof SyntaxError) return null;
    throw error;
  }
}

export function sessionCookie(request: Request): CookieOptions {
  return { httpOnly: true, sameSite: 'strict', secure: request.secure, path: '/', maxAge: SESSION_SECONDS * 1000 };
}

/** Looked up by hash: the time of the look-up says nothing about a token, of which only the hash is compared. */
export async function principalOf(
  tokens: ApiTokens,
  tokenHash: string,
  via: 'token' | 'cookie',
): Promise<Principal | null> {
  const record = await tokens.byHash(tokenHash);
  return record === null ? null : { kind: 'user', name: record.name, role: record.role, via };
}
