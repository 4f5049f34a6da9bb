import { ConflictError } from './errors.js';
import type { ApiTokenRecord } from './ports/accounts.js';

/*
 * Who somebody is, as far as it can be told: people come with tokens, and a token has a name. Whoever may make tokens can make
 * one for himself under another name, so those by whom a token was made stand behind it.
 */

/** @returns the name itself, and the names of the tokens by which it was made, of those by which these were, and so on */
export function standingBehind(
  name: string,
  tokens: readonly Pick<ApiTokenRecord, 'name' | 'createdBy'>[],
): readonly string[] {
  const names = new Set([name]);
  // A set goes on with what is added to it while it is gone through.
  for (const each of names)
    for (const token of tokens) if (token.name === each && token.createdBy !== null) names.add(token.createdBy);
  return [...names];
}

export function tokenNameTaken(name: string): ConflictError {
  return new ConflictError({
    code: 'TOKEN_NAME_TAKEN',
    message: `A token called "${name}" was made before. A name stays one person's, also after the token is revoked.`,
    fix: 'Choose another name; "landfall token list" shows those that there are.',
  });
}
