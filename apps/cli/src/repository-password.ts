import { readFileSync } from 'node:fs';
import { badUsage } from './command-line.js';

/**
 * A repository's password: from the given file, or from restic's own variables. One line break at a file's end does
 * not belong to it, as with restic.
 * @returns null where none is given
 * @throws BadInputError `PASSWORD_FILE_UNREADABLE`, `PASSWORD_EMPTY`
 */
export function repositoryPassword(file: string | undefined, environment = process.env): string | null {
  const path = file ?? (environment.RESTIC_PASSWORD ? undefined : environment.RESTIC_PASSWORD_FILE);
  if (path === undefined || path === '') return environment.RESTIC_PASSWORD || null;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw badUsage(
      'PASSWORD_FILE_UNREADABLE',
      `The password file ${path} can't be read: ${(error as Error).message}.`,
      'Give a file that you may read; it holds the password and nothing else.',
    );
  }
  const password = text.replace(/\r?\n$/, '');
  if (password !== '') return password;
  throw badUsage('PASSWORD_EMPTY', `The password file ${path} is empty.`, 'Write the password into it.');
}
