import { type ApiTokens, PermanentError, type Secret } from '@landfall/domain';
import { hashOf } from './session.js';

/** Under this name stands the token from the environment; a token made for a person has another. */
export const ADMINISTRATOR = 'administrator';

/**
 * Makes the token from the environment the administrator's, and voids the ones that were there before: whoever changes
 * LANDFALL_API_TOKEN does it because the old one must no longer work.
 * @throws PermanentError `API_TOKEN_REVOKED` when it is one that was voided
 */
export async function establishAdministrator(tokens: ApiTokens, token: Secret): Promise<void> {
  const tokenHash = hashOf(token.reveal());
  const mine = await tokens.put({ name: ADMINISTRATOR, role: 'admin', tokenHash, expiresAt: null });
  if (mine.revokedAt !== null) {
    throw new PermanentError({
      code: 'API_TOKEN_REVOKED',
      message: 'The token in LANDFALL_API_TOKEN was used before and is revoked.',
      fix: 'Set LANDFALL_API_TOKEN to a new random text, such as the output of "openssl rand -base64 32".',
    });
  }
  for (const other of await tokens.list()) {
    if (other.name === ADMINISTRATOR && other.id !== mine.id && other.revokedAt === null) await tokens.revoke(other.id);
  }
}
