import { parseBlobUrl } from '@landfall/azure/blob';
import { SEALING_CONTEXT } from '@landfall/domain';
import type { RepositoryAccess } from '@landfall/transfer';
import { parseRepositoryUrl } from '../catalogue/repository-url.js';
import type { ApiPorts } from '../ports.js';

/** A segment takes seconds to minutes; a repository stays open in a data-mover for a while beyond it. */
const BLOB_ACCESS_SECONDS = 4 * 3600;

/** Where a repository lies and what opens it, for a data-mover that is granted a segment of a restore. Null: it is gone. */
export async function accessToRepository(
  { catalogue, secrets, blobs, retrievals }: Pick<ApiPorts, 'catalogue' | 'secrets' | 'blobs' | 'retrievals'>,
  name: string,
  restoreId: string,
): Promise<RepositoryAccess | null> {
  const record = await catalogue.repository(name);
  if (record === null || record.kind === 'snapshots') return null;
  const sealed = await catalogue.sealedPassword(name);
  const password = sealed === null ? null : secrets.open(sealed, SEALING_CONTEXT.repositoryPassword(name)).reveal();
  const location = parseRepositoryUrl(record.url);
  if (location.kind === 'folder') {
    return { kind: record.kind, store: { kind: 'folder', path: location.path }, password };
  }
  const containerUrl = await blobs.containerReadUrl(location, BLOB_ACCESS_SECONDS);
  const copies = await retrievals.url(restoreId);
  const copiesUrl = copies === null ? null : await blobs.containerReadUrl(parseBlobUrl(copies), BLOB_ACCESS_SECONDS);
  return { kind: record.kind, store: { kind: 'blob', containerUrl, prefix: location.prefix, copiesUrl }, password };
}
