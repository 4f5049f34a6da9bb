import { type ErrorFacts, LandfallError, PermanentError, RetryableError } from '@landfall/domain';

/** What went wrong in a call to blob storage, by what the caller can do about it. */
export type StorageTrouble =
  | { readonly kind: 'aborted' }
  | { readonly kind: 'missing-container' }
  | { readonly kind: 'missing-blob' }
  | { readonly kind: 'archived' }
  | { readonly kind: 'past-end' }
  | { readonly kind: 'denied' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unreachable' };

export function troubleOf(error: unknown): StorageTrouble {
  if (error instanceof Error && error.name === 'AbortError') return { kind: 'aborted' };
  if (error instanceof Error && /^(Aggregate)?Authentication|^CredentialUnavailable/.test(error.name)) {
    return { kind: 'denied' };
  }
  const { statusCode, code } = partsOf(error);
  if (code === 'ContainerNotFound' || code === 'ContainerBeingDeleted' || code === 'ResourceNotFound') {
    return { kind: 'missing-container' };
  }
  if (code === 'BlobArchived' || code === 'BlobBeingRehydrated') return { kind: 'archived' };
  if (statusCode === 404) return { kind: 'missing-blob' };
  if (statusCode === 416) return { kind: 'past-end' };
  if (statusCode === 401 || statusCode === 403) return { kind: 'denied' };
  if (statusCode !== null && statusCode >= 400 && statusCode < 500 && ![408, 429].includes(statusCode)) {
    return { kind: 'refused' };
  }
  return { kind: 'unreachable' };
}

/** Storage's own code, or what broke underneath; never a URL, which may carry a SAS. */
export function reasonOf(error: unknown): string {
  const { statusCode, code } = partsOf(error);
  if (statusCode !== null) return code === null ? `status ${statusCode}` : `status ${statusCode}, ${code}`;
  return code ?? 'the connection failed';
}

/** The same as facts, for those who put it into words of their own. */
export function factsOf(error: unknown): ErrorFacts {
  const { statusCode, code } = partsOf(error);
  return { ...(statusCode === null ? {} : { status: statusCode }), ...(code === null ? {} : { system: code }) };
}

/** An error of reading a repository's files. `path` is null while listing. */
export function asStoreError(error: unknown, store: string, path: string | null): Error {
  if (error instanceof LandfallError) return error;
  const trouble = troubleOf(error);
  const facts = { ...factsOf(error), ...(path === null ? {} : { file: path }) };
  // The SDK's error is not kept as the cause: its request carries the SAS.
  switch (trouble.kind) {
    case 'aborted':
      return error instanceof Error ? error : new DOMException('The operation was aborted.', 'AbortError');
    case 'missing-container':
      return new PermanentError(
        {
          code: 'STORE_NOT_FOUND',
          message: `${store} does not exist.`,
          fix: 'Check the names of the account and the container.',
        },
        { facts },
      );
    case 'missing-blob':
      return new PermanentError(
        {
          code: 'FILE_NOT_FOUND',
          message: `${store} has no file ${path ?? ''}.`,
          fix: 'Check the repository (restic check); the file may have been removed by another program.',
        },
        { facts },
      );
    case 'archived':
      return new PermanentError(
        {
          code: 'FILE_ARCHIVED',
          message: `The file ${path ?? ''} of ${store} lies in the archive tier and can't be read from there.`,
          fix: 'Bring it back to an online tier (rehydrate it) and try again.',
        },
        { facts },
      );
    case 'past-end':
      return new PermanentError(
        {
          code: 'FILE_TRUNCATED',
          message: `The file ${path ?? ''} of ${store} is shorter than it should be.`,
          fix: 'Check the repository (restic check).',
        },
        { facts },
      );
    case 'denied':
      return new PermanentError(
        {
          code: 'STORE_DENIED',
          message: `${store} refused to be read (${reasonOf(error)}).`,
          fix: "Check the account's key in LANDFALL_BLOB_ACCOUNTS, or give Landfall's identity the role Storage Blob Data Reader.",
        },
        { facts },
      );
    case 'refused':
      return new PermanentError(
        {
          code: 'STORE_REFUSED',
          message: `${store} refused a request${path === null ? '' : ` for ${path}`} (${reasonOf(error)}).`,
          fix: 'Look the code up in the documentation of Azure Blob Storage.',
        },
        { facts },
      );
    case 'unreachable':
      return new RetryableError(
        {
          code: 'STORE_UNREACHABLE',
          message: `${store} could not be asked (${reasonOf(error)}).`,
          fix: "Nothing has to be done: Landfall tries again. Check the account's name and the network if it goes on.",
        },
        { facts },
      );
  }
}

function partsOf(error: unknown): { statusCode: number | null; code: string | null } {
  if (typeof error !== 'object' || error === null) return { statusCode: null, code: null };
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  return {
    statusCode: typeof statusCode === 'number' ? statusCode : null,
    code: typeof code === 'string' ? code : null,
  };
}
