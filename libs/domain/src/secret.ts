import { inspect } from 'node:util';

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
