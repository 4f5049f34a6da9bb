import { BadInputError, PermanentError, RetryableError, type ByteRange, type LandfallError } from '@landfall/domain';

/** The segments of a relative path. @throws BadInputError `PATH_INVALID` for one that climbs or is not relative */
export function relativeParts(file: string): string[] {
  if (file === '') return [];
  const parts = file.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..' || /[\\\0]/.test(part))) {
    throw new BadInputError({
      code: 'PATH_INVALID',
      message: `${JSON.stringify(file)} is not a plain relative path.`,
      fix: 'Name the file relative to the repository, without empty parts, "." or "..".',
    });
  }
  return parts;
}

export function systemCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

export function fileNotFound(store: string, file: string): PermanentError {
  return new PermanentError(
    {
      code: 'FILE_NOT_FOUND',
      message: `${file} is not in ${store}.`,
      fix: 'Check that the whole repository is there, and that no other program is removing from it.',
    },
    { facts: { file } },
  );
}

export function storeNotFound(store: string): PermanentError {
  return new PermanentError({
    code: 'STORE_NOT_FOUND',
    message: `There is no folder ${store}.`,
    fix: 'Check the path, and that the share it lies on is mounted.',
  });
}

export function fileTruncated(store: string, file: string, sizeBytes: number, range?: ByteRange): PermanentError {
  const wanted = range === undefined ? '' : `; bytes ${range.offset} to ${range.offset + range.length} were asked for`;
  return new PermanentError(
    {
      code: 'FILE_TRUNCATED',
      message: `${file} in ${store} ends after ${sizeBytes} bytes${wanted}.`,
      fix: 'The file is cut off: fetch it again from another copy of the repository.',
    },
    { facts: { file } },
  );
}

export function linkLeadsOut(store: string, file: string): PermanentError {
  return new PermanentError(
    {
      code: 'STORE_DENIED',
      message: `${file} in ${store} is a link that leads out of the repository's folder.`,
      fix: 'Put the file itself into the folder, or add the folder that really holds the repository.',
    },
    { facts: { file } },
  );
}

/** What the operating system said, as permanent where asking again can't help. */
export function storeFailure(store: string, file: string, error: unknown): LandfallError {
  const system = systemCode(error);
  const code = system ?? 'unknown error';
  const about = { cause: error, facts: { file, ...(system === undefined ? {} : { system }) } };
  if (code === 'EACCES' || code === 'EPERM' || code === 'ELOOP') {
    return new PermanentError(
      {
        code: 'STORE_DENIED',
        message: `${file} in ${store} may not be read (${code}).`,
        fix: 'Let the account that Landfall runs under read the folder and everything in it.',
      },
      about,
    );
  }
  return new RetryableError(
    {
      code: 'STORE_UNREACHABLE',
      message: `${file} in ${store} can't be read just now (${code}).`,
      fix: 'Check the disk or the share that the repository lies on.',
    },
    about,
  );
}
