import { inspect } from 'node:util';
import { BadInputError } from './errors.js';

const REDACTED = '[secret]';

/**
 * A value that no log, job or error can print: text, JSON and inspection all give `[secret]`.
 * The value itself comes out of `reveal()` only, so that a search for that word finds every place that uses one.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

/**
 * The header `Authorization` for a token. What can't stand in a header is refused here: the error of whoever sends it quotes it.
 * @param whose completes "The token …", such as `of stack.json`
 * @throws BadInputError `TOKEN_INVALID`
 */
export function bearerOf(token: Secret, whose: string): string {
  const value = token.reveal();
  if (/^[\x21-\x7e]+$/.test(value)) return `Bearer ${value}`;
  throw new BadInputError({
    code: 'TOKEN_INVALID',
    message: `The token ${whose} is empty or holds characters that no token has.`,
    fix: 'Give the token as it was made, without blanks and line breaks.',
  });
}

/**
 * Whether a text can be a repository's password. restic takes any bytes; a NUL can't be handed to a program in its
 * environment, and half of a character is in no UTF-8.
 */
export function isPassword(text: string): boolean {
  return text !== '' && !text.includes('\0') && text.isWellFormed();
}
