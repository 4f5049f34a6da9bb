/*
 * A JSON reader that walks over the bytes and builds nothing but what it is asked for.
 *
 * One file's list of blobs can be 140 MB of JSON (2 million ids for a sparse 1 TiB disk), and an index can have a
 * million entries; as JavaScript values either would take several times that. The caller is called back for each key and
 * element, and has to consume its value with exactly one of the reading methods.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const DEEPEST = 64;
const ID_DIGITS = 64;

const HEX_VALUE = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 16; digit += 1) HEX_VALUE[digit.toString(16).charCodeAt(0)] = digit;

/** Thrown for anything that is not JSON, or not of the kind that was asked for. */
export class JsonFault extends Error {}

export class JsonScanner {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Byte position of the next token. */
  get position(): number {
    this.#space();
    return this.#at;
  }

  /** Calls back for each key, with the scanner standing at the key's value. */
  object(onKey: (key: string) => void): void {
    this.#expect(OPEN_OBJECT, '{');
    if (this.#take(CLOSE_OBJECT)) return;
    do {
      const key = this.string();
      this.#expect(COLON, ':');
      onKey(key);
    } while (this.#take(COMMA));
    this.#expect(CLOSE_OBJECT, '}');
  }

  /** Calls back for each element, with the scanner standing at it; `null` has none. */
  array(onElement: () => void): void {
    if (this.takeNull()) return;
    this.#expect(OPEN_ARRAY, '[');
    if (this.#take(CLOSE_ARRAY)) return;
    do onElement();
    while (this.#take(COMMA));
    this.#expect(CLOSE_ARRAY, ']');
  }

  string(): string {
    const start = this.position;
    const escaped = this.#skipString();
    if (!escaped) return this.#bytes.toString('utf8', start + 1, this.#at - 1);
    try {
      const value: unknown = JSON.parse(this.#bytes.toString('utf8', start, this.#at));
      if (typeof value === 'string') return value;
    } catch {
      // Falls through to the fault below: an escape that JSON does not have.
    }
    throw this.#fault('a string', start);
  }

  /** A whole number from 0 to 2^53 - 1. */
  count(): number {
    const start = this.position;
    let value = 0;
    while (this.#at < this.#bytes.length) {
      const digit = this.#bytes[this.#at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      this.#at += 1;
    }
    if (this.#at === start || this.#at - start > 16 || value > Number.MAX_SAFE_INTEGER) {
      throw this.#fault('a whole number that is not negative', start);
    }
    const next = this.#bytes[this.#at];
    if (next === 0x2e || next === 0x65 || next === 0x45) throw this.#fault('a whole number', start);
    return value;
  }

  /** 64 lower-case hexadecimal digits in quotes, written as 32 bytes to `into` at `at`. */
  id(into: Uint8Array, at: number): void {
    const start = this.position;
    const bytes = this.#bytes;
    if (bytes[start] !== QUOTE || bytes[start + ID_DIGITS + 1] !== QUOTE) throw this.#fault('an id', start);
    for (let index = 0; index < ID_DIGITS / 2; index += 1) {
      const high = HEX_VALUE[bytes[start + 1 + 2 * index]!]!;
      const low = HEX_VALUE[bytes[start + 2 + 2 * index]!]!;
      if ((high | low) > 15) throw this.#fault('an id', start);
      into[at + index] = (high << 4) | low;
    }
    this.#at = start + ID_DIGITS + 2;
  }

  /** Passes over one value of any kind. */
  skip(depth = 0): void {
    if (depth > DEEPEST) throw this.#fault('less nesting', this.#at);
    switch (this.#bytes[this.position]) {
      case OPEN_OBJECT:
        this.object(() => this.skip(depth + 1));
        return;
      case OPEN_ARRAY:
        this.array(() => this.skip(depth + 1));
        return;
      case QUOTE:
        this.#skipString();
        return;
      default:
        this.#skipBareWord();
    }
  }

  /** Whether the value is `null`, which is then passed over. */
  takeNull(): boolean {
    const at = this.position;
    if (this.#bytes.toString('latin1', at, at + 4) !== 'null') return false;
    this.#at = at + 4;
    return true;
  }

  /** Nothing but white space may follow. */
  end(): void {
    if (this.position !== this.#bytes.length) throw this.#fault('the end', this.#at);
  }

  /** Leaves the scanner after the closing quote; says whether there was an escape. */
  #skipString(): boolean {
    const bytes = this.#bytes;
    const start = this.position;
    if (bytes[start] !== QUOTE) throw this.#fault('a string', start);
    let escaped = false;
    for (let at = start + 1; at < bytes.length; at += 1) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return escaped;
      }
      if (byte === BACKSLASH) {
        escaped = true;
        at += 1;
      } else if (byte < 0x20) {
        break;
      }
    }
    throw this.#fault('a closed string', start);
  }

  /** Numbers, true, false, null. */
  #skipBareWord(): void {
    const start = this.#at;
    while (this.#at < this.#bytes.length && isWordByte(this.#bytes[this.#at]!)) this.#at += 1;
    const word = this.#bytes.toString('latin1', start, Math.min(this.#at, start + 400));
    if (!/^(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.test(word)) throw this.#fault('a value', start);
  }

  #take(byte: number): boolean {
    if (this.#bytes[this.position] !== byte) return false;
    this.#at += 1;
    return true;
  }

  #expect(byte: number, name: string): void {
    if (!this.#take(byte)) throw this.#fault(name, this.#at);
  }

  #space(): void {
    const bytes = this.#bytes;
    for (;;) {
      const byte = bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at += 1;
    }
  }

  #fault(wanted: string, at: number): JsonFault {
    return new JsonFault(`at byte ${at}, ${wanted} was expected`);
  }
}

function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x45
  );
}
