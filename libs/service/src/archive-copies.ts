import { openArchiveCopies, parseBlobUrl, type BlobAccounts } from '@landfall/azure/blob';
import { NotFoundError, type ArchiveCopies, type Catalogue, type Retrieval } from '@landfall/domain';

/** The copies of a retrieval, by the repository that they are of. */
export type CopiesOf = (retrieval: Pick<Retrieval, 'url'>, repositoryName: string) => Promise<ArchiveCopies>;

/** @throws (later) NotFoundError `REPOSITORY_UNKNOWN` */
export function archiveCopies(catalogue: Pick<Catalogue, 'repository'>, accounts: BlobAccounts): CopiesOf {
  return async ({ url }, repositoryName) => {
    const repository = await catalogue.repository(repositoryName);
    if (repository !== null)
      return openArchiveCopies(parseBlobUrl(repository.url), parseBlobUrl(url).container, accounts);
    throw new NotFoundError({
      code: 'REPOSITORY_UNKNOWN',
      message: `There is no repository called "${repositoryName}", of which files are copied out of the archive tier.`,
      fix: 'Add it again under its name; or cancel the restore, and delete the container of the copies by hand.',
    });
  };
}
