import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { BadInputError, isPassword, outlineOf } from '@landfall/domain';
import { badUsage } from './usage.js';

/** A password of the most characters that the API takes, in any encoding, with blanks and lines around it. */
const LARGEST_FILE_BYTES = 64 * 1024;

/**
 * A repository's password: from the given file, or from restic's own variables. A file is read as restic reads it
 * (`internal/textfile` and `ReadPassword` of its sources): with a byte order mark as UTF-8 or UTF-16, and without the white
 * space around the password. What stands in RESTIC_PASSWORD is the password as it is.
 * @returns null where none is given
 * @throws BadInputError `PASSWORD_FILE_UNREADABLE`, `PASSWORD_EMPTY`, `PASSWORD_INVALID`, `REPOSITORY_PASSWORD_WRONG`
 */
export function repositoryPassword(file: string | undefined, environment = process.env): string | null {
  const path = file ?? (environment.RESTIC_PASSWORD ? undefined : environment.RESTIC_PASSWORD_FILE);
  if (path === undefined || (path === '' && file === undefined)) return environment.RESTIC_PASSWORD || null;
  const password = trimmed(decoded(bytesOf(path), path));
  if (isPassword(password)) return password;
  if (password === '') {
    throw badUsage('PASSWORD_EMPTY', `The password file ${path} is empty.`, 'Write the password into it.');
  }
  throw badUsage(
    'PASSWORD_INVALID',
    `The password file ${path} holds a NUL character, or half of a character: no program can be handed such a password.`,
    'Save the password as plain text in UTF-8, and nothing else in the file.',
  );
}

/** A file that is none of the usual kind is not opened for good: a pipe would wait for its writer. */
function bytesOf(path: string): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(path, outlineOf(error));
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw unreadable(path, 'it is a folder, a pipe or a device');
    if (stats.size > LARGEST_FILE_BYTES) throw unreadable(path, `it has ${stats.size} bytes, far more than a password`);
    const bytes = Buffer.alloc(LARGEST_FILE_BYTES);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } catch (error) {
    throw error instanceof BadInputError ? error : unreadable(path, outlineOf(error));
  } finally {
    closeSync(descriptor);
  }
}

function decoded(bytes: Buffer, path: string): string {
  if (hasMark(bytes, 0xff, 0xfe)) return new TextDecoder('utf-16le').decode(bytes);
  if (hasMark(bytes, 0xfe, 0xff)) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badUsage(
      'REPOSITORY_PASSWORD_WRONG',
      `The password file ${path} is not written in UTF-8 (nor in UTF-16 with a byte order mark), so its password opens no repository here.`,
      'Save it in UTF-8. Where the repository was made with just these bytes, add a password in UTF-8 with `restic key add`.',
    );
  }
}

function hasMark(bytes: Buffer, first: number, second: number): boolean {
  return bytes[0] === first && bytes[1] === second;
}

/** As Go's `strings.TrimSpace` trims: not quite what JavaScript takes for white space. */
const SPACE = '[\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';

function trimmed(text: string): string {
  return text.replace(new RegExp(`^${SPACE}+`), '').replace(new RegExp(`${SPACE}+$`), '');
}

function unreadable(path: string, why: string): BadInputError {
  return badUsage(
    'PASSWORD_FILE_UNREADABLE',
    `The password file ${path} can't be read: ${why}.`,
    'Give a file that you may read; it holds the password and nothing else.',
  );
}
