import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ROUTES } from '@landfall/contract';
import { BadInputError } from '@landfall/domain';
import { resticAddress } from '@landfall/repository/writing';
import type { Api } from '../stack/api.js';
import { ApiProblem } from '../stack/errors.js';
import { checkedId, REPOSITORY_NAME } from '../ids.js';
import { connect } from '../stack/connect.js';

export interface RepositoryLocation {
  /** As restic wants it. */
  readonly location: string;
  /** The stack that knows the repository by this name, to be told of the new point; null for one of the user's own. */
  readonly known: { readonly api: Api; readonly name: string } | null;
}

/**
 * `--repo` is the name of a repository of the stack; or else, where it looks like one, the path or URL of any restic
 * repository.
 */
export async function repositoryLocation(
  repo: string,
  data: string | undefined,
  signal: AbortSignal,
): Promise<RepositoryLocation> {
  if (repo === '' || /\p{Cc}/u.test(repo)) checkedId(repo, REPOSITORY_NAME);
  if (!REPOSITORY_NAME.looksLike.test(repo)) {
    return { location: repo.includes(':') ? repo : resolve(repo), known: null };
  }
  try {
    const { api } = connect(data);
    const { name, kind, url } = await api.ask(ROUTES.showRepository, { params: { name: repo }, signal });
    if (kind === 'restic') return { location: resticAddress(url), known: { api, name } };
    throw new BadInputError({
      code: 'REPOSITORY_KIND_UNAVAILABLE',
      message: `The repository ${name} is of kind ${kind}; capture writes restic repositories.`,
      fix: 'Name a restic repository with --repo.',
    });
  } catch (error) {
    const isUnknown = error instanceof ApiProblem ? error.status === 404 : !(error instanceof BadInputError);
    if (isUnknown && existsSync(resolve(repo, 'config'))) return { location: resolve(repo), known: null };
    throw error;
  }
}
