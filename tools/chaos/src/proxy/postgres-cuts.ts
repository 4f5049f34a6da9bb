import type { Observer } from './fault-proxy.js';

/*
 * Cuts a connection to Postgres around a COMMIT, the one moment at which a client can't know what has happened:
 *
 *   before-commit   the server never sees it: the transaction is rolled back
 *   after-commit    the server has committed and says so; the client never hears it
 *
 * Both look the same to the client. The stream is taken apart by message (protocol 3: a letter, a length of 4 bytes, the
 * rest; the first one of a client has no letter). A COMMIT comes as a simple query, or prepared: parsed at its first use and
 * from then on only bound by name.
 */
export type CommitCut = 'before-commit' | 'after-commit';

export interface WantedCut {
  readonly at: CommitCut;
  /** Gets everything that the client has sent since BEGIN, statements and parameters, as one text. */
  readonly matching?: (transaction: string) => boolean;
}

interface Armed extends WantedCut {
  fired(): void;
}

const SSL_REQUEST = 80_877_103;
const CANCEL_REQUEST = 80_877_102;
const KEPT_CHARACTERS = 256 * 1024;

export class PostgresCuts {
  #armed: Armed | null = null;

  readonly observe = (): Observer => new PostgresStream(() => this.#armed);

  /** Cuts the next COMMIT that matches, once. Resolves when it has happened. */
  arm(cut: WantedCut): Promise<void> {
    return new Promise((resolve) => {
      this.#armed = {
        ...cut,
        fired: () => {
          this.#armed = null;
          resolve();
        },
      };
    });
  }

  disarm(): void {
    this.#armed = null;
  }
}

class PostgresStream implements Observer {
  readonly #client = new Messages(true);
  readonly #server = new Messages(false);
  readonly #commitNames = new Set<string>();
  #transaction = '';
  /** A COMMIT that matched is on its way, and its answer is to be swallowed. */
  #swallow: Armed | null = null;

  constructor(private readonly armed: () => Armed | null) {}

  toServer(chunk: Buffer): number | null {
    return this.#client.read(chunk, (type, body) => {
      const text = body.toString('latin1');
      if (/^\s*BEGIN\b/i.test(statementOf(type, text))) this.#transaction = '';
      if (this.#transaction.length < KEPT_CHARACTERS) this.#transaction += `${text}\n`;
      if (!this.#isCommit(type, text)) return false;
      const armed = this.armed();
      if (armed === null || !(armed.matching?.(this.#transaction) ?? true)) return false;
      if (armed.at === 'after-commit') {
        this.#swallow = armed;
        return false;
      }
      armed.fired();
      return true;
    });
  }

  toClient(chunk: Buffer): number | null {
    return this.#server.read(chunk, (type, body) => {
      if (this.#swallow === null || type !== 'C' || !body.toString('latin1').startsWith('COMMIT')) return false;
      this.#swallow.fired();
      this.#swallow = null;
      return true;
    });
  }

  #isCommit(type: string, text: string): boolean {
    const isCommit = /^\s*(COMMIT|END)\b/i.test(statementOf(type, text));
    if (type === 'Q') return isCommit;
    const [first = '', second = ''] = text.split('\0', 2);
    if (type === 'P') {
      if (isCommit) this.#commitNames.add(first);
      else this.#commitNames.delete(first);
      return false;
    }
    // Bind: the portal's name, then the statement's.
    return type === 'B' && this.#commitNames.has(second);
  }
}

/** The words of a simple query, or of a statement that is parsed under a name. */
function statementOf(type: string, text: string): string {
  if (type === 'Q') return text;
  return type === 'P' ? text.slice(text.indexOf('\0') + 1) : '';
}

/** One direction of a connection, cut into messages. */
class Messages {
  #left: Buffer = Buffer.alloc(0);
  #untyped: boolean;
  /** The server answers a request for TLS with one letter alone. */
  #plain = true;

  constructor(private readonly fromClient: boolean) {
    this.#untyped = fromClient;
  }

  /** How many bytes of the chunk lie before the message that `look` wants cut; null when it wants none. */
  read(chunk: Buffer, look: (type: string, body: Buffer) => boolean): number | null {
    const before = this.#left.length;
    let bytes = before === 0 ? chunk : Buffer.concat([this.#left, chunk]);
    let at = 0;
    for (;;) {
      const head = this.#untyped ? 0 : 1;
      if (!this.fromClient && this.#plain && bytes.length > 0) {
        this.#plain = false;
        if (bytes[0] === 0x4e && bytes.length === 1) {
          bytes = bytes.subarray(1);
          at += 1;
        }
      }
      if (bytes.length < head + 4) break;
      const length = head + bytes.readUInt32BE(head);
      if (bytes.length < length) break;
      const body = bytes.subarray(head + 4, length);
      if (this.#untyped) {
        const code = body.length >= 4 ? body.readUInt32BE(0) : 0;
        if (code !== SSL_REQUEST && code !== CANCEL_REQUEST) this.#untyped = false;
      } else if (look(String.fromCharCode(bytes[0]!), body)) {
        // Bytes of an earlier chunk have passed already; what is left of the message stays unfinished for its reader.
        return Math.max(0, at - before);
      }
      bytes = bytes.subarray(length);
      at += length;
    }
    this.#left = Buffer.from(bytes);
    return null;
  }
}
