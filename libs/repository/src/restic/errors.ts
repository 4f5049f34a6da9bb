import { PermanentError } from '@landfall/domain';

/*
 * Everything that can be wrong with a restic repository, named for the person who has to put it right.
 * All are permanent: reading the same bytes again gives the same answer.
 */

const REPAIR = 'Run `restic check` on the repository and repair it, or use an intact copy of it.';

export function repositoryNotFound(store: string, cause?: unknown): PermanentError {
  return new PermanentError(
    {
      code: 'REPOSITORY_NOT_FOUND',
      message: `There is no restic repository in ${store}: it has no file named config.`,
      fix: 'Check the location; it has to be the folder or container prefix that was given to `restic init`.',
    },
    { cause },
  );
}

export function repositoryPasswordWrong(store: string, keys: number): PermanentError {
  const tried = keys === 1 ? 'the only key' : `any of the ${keys} keys`;
  return new PermanentError({
    code: 'REPOSITORY_PASSWORD_WRONG',
    message: `The password does not open ${tried} of the restic repository in ${store}.`,
    fix: 'Give the password that restic opens it with; if it is lost, nobody can read the repository any more.',
  });
}

export function repositoryVersion(store: string, version: number): PermanentError {
  return new PermanentError({
    code: 'REPOSITORY_VERSION',
    message: `The restic repository in ${store} has format version ${version}; versions 1 and 2 can be read.`,
    fix: 'Use a version of Landfall that knows this format, or copy the snapshots into a version 2 repository with `restic copy`.',
  });
}

export function repositoryDamaged(file: string, why: string, cause?: unknown): PermanentError {
  return new PermanentError(
    { code: 'REPOSITORY_DAMAGED', message: `The repository's ${file} is damaged: ${why}.`, fix: REPAIR },
    { cause, facts: { file: file.replace(/^file /, '') } },
  );
}

export function packMissing(pack: string, cause?: unknown): PermanentError {
  return new PermanentError(
    {
      code: 'PACK_MISSING',
      message: `Pack ${pack} is named by the repository's index but is not there.`,
      fix: 'Restore another point, or fetch the pack from another copy of the repository; `restic check` names all that is missing. A prune that runs at the same time may have removed it, with the snapshot that it belonged to: then scan the repository once it has ended.',
    },
    { cause, facts: { pack } },
  );
}

export function blobCorrupt(pack: string, blob: string, why: string, cause?: unknown): PermanentError {
  return new PermanentError(
    { code: 'BLOB_CORRUPT', message: `Blob ${blob} in pack ${pack} is damaged: ${why}.`, fix: REPAIR },
    { cause, facts: { pack, blob } },
  );
}

/** A piece of an image of which no copy is good, in the words of whoever wants the image. */
export function missingBytes(error: PermanentError, image: string, offset: number, length: number): PermanentError {
  return new PermanentError(
    {
      code: error.code,
      message: `Bytes ${offset} to ${offset + length} of ${image} can't be had from the backup. ${error.message}`,
      fix: error.fix,
    },
    { cause: error.cause, facts: { ...error.facts, offset, length } },
  );
}

export function blobMissing(blob: string, neededBy: string): PermanentError {
  return new PermanentError(
    {
      code: 'REPOSITORY_DAMAGED',
      message: `The repository's index does not know blob ${blob}, which ${neededBy} needs.`,
      fix: 'Run `restic rebuild-index` (or `restic repair index`) and `restic check`, or use an intact copy of the repository.',
    },
    { facts: { blob } },
  );
}

export function tooLarge(what: string, sizeBytes: number, limitBytes: number): PermanentError {
  return new PermanentError({
    code: 'REPOSITORY_LIMIT',
    message: `${what} has ${sizeBytes} bytes and at most ${limitBytes} are read.`,
    fix: 'If the repository is genuine, it holds more than this version can read; check it with `restic check`.',
  });
}

export function imageNotFound(location: string): PermanentError {
  return new PermanentError({
    code: 'IMAGE_NOT_FOUND',
    message: `There is no disk image ${location} in the repository.`,
    fix: 'Scan the repository again: its snapshots have changed since the restore point was listed.',
  });
}
