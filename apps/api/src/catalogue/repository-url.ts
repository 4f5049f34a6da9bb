import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BlobLocation, parseBlobUrl } from '@landfall/azure/blob';
import { BadInputError, withoutCredentials } from '@landfall/domain';

/*
 * Where a repository may lie: a folder of this machine (or mounted on it), or a container of an Azure storage account.
 * Nothing else, and the account's address is made from its name: a URL from outside never decides which host is asked.
 */
export type RepositoryLocation =
  { readonly kind: 'folder'; readonly path: string } | ({ readonly kind: 'blob' } & BlobLocation);

/** @throws BadInputError `REPOSITORY_URL_INVALID`, `BLOB_URL_INVALID` */
export function parseRepositoryUrl(url: string): RepositoryLocation {
  if (url.startsWith('/')) return folder(url, url);
  if (/^[a-z][a-z0-9+.-]*:/i.test(url) && /[?#@]/.test(url)) {
    throw invalid(url, 'it has a part that could be a credential (after "?" or "#", or before "@")');
  }
  if (url.startsWith('file://')) return folder(url, pathOf(url));
  if (url.startsWith('azure://')) return { kind: 'blob', ...parseBlobUrl(url) };
  const scheme = /^([a-z][a-z0-9+.-]*:)/i.exec(url)?.[1];
  if (scheme !== undefined) throw invalid(url, `locations of the kind "${scheme}" are not supported`);
  throw invalid(url, 'a folder must be given by its absolute path');
}

/** The form in which a location is kept: two spellings of one place are the same text. */
export function canonicalUrl(location: RepositoryLocation): string {
  if (location.kind === 'folder') return location.path;
  const { account, container, prefix } = location;
  return `azure://${account}/${container}${prefix === '' ? '' : `/${prefix}`}`;
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    throw invalid(url, 'a file:// address names a folder of this machine, as in file:///srv/backups');
  }
}

function folder(url: string, path: string): RepositoryLocation {
  if (path.split('/').includes('..')) throw invalid(url, 'it leads upwards with ".."');
  if (/\p{Cc}/u.test(path)) throw invalid(url, 'it holds control characters');
  const plain = posix.normalize(path);
  return { kind: 'folder', path: plain.length > 1 ? plain.replace(/\/$/, '') : plain };
}

/** What was typed may hold a password or a SAS; it must not come back in an answer or a log. */
function invalid(url: string, why: string): BadInputError {
  return new BadInputError({
    code: 'REPOSITORY_URL_INVALID',
    message: `"${withoutCredentials(url)}" cannot be a repository's location: ${why}.`,
    fix: "Give a folder's absolute path, or azure://ACCOUNT/CONTAINER or azure://ACCOUNT/CONTAINER/PREFIX without keys in it.",
  });
}
