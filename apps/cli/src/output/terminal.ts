import { detailsOf, type ErrorDetails } from '@landfall/domain';
import { withData } from './hints.js';

/** Where a command writes; tests give streams of their own. */
export interface Terminal {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
}

/**
 * What a command prints: with `--json` one document on standard output, else text for people. Messages and progress
 * always go to standard error.
 */
export class Output {
  /** Completes the commands that are named in what is written to standard error. */
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly #hinted: (text: string) => string;

  /** @param data the folder that the call was given, for the commands that it names */
  constructor(terminal: Terminal, json: boolean, data?: string) {
    this.#hinted = (text) => withData(text, data);
    const { stderr } = terminal;
    const hinted = {
      write: (text: string): unknown => stderr.write(this.#hinted(text)),
      get isTTY(): boolean {
        return stderr.isTTY === true;
      },
      get columns(): number | undefined {
        return stderr.columns;
      },
    };
    this.terminal = { stdout: terminal.stdout, stderr: hinted as Terminal['stderr'] };
    this.json = json;
  }

  /** The command's result; `text` is made only when it is shown. */
  print(value: unknown, text: () => string): void {
    this.terminal.stdout.write(this.json ? `${jsonText(value, 2)}\n` : `${printable(this.#hinted(text()))}\n`);
  }

  say(line: string): void {
    this.terminal.stderr.write(`${printable(line)}\n`);
  }

  /** Without `--json`, as three lines; with it, as `{"error": {"code", "message", "fix"}}`. */
  error(error: unknown): void {
    const { code, message, fix } = errorOf(error);
    const details = { code, message: this.#hinted(message), fix: this.#hinted(fix) };
    this.terminal.stderr.write(this.json ? `${jsonText({ error: details })}\n` : printable(errorText(details)));
  }
}

const STEERS = /[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The same document; what JSON would leave as it is, and a terminal takes for orders, is escaped. */
function jsonText(value: unknown, indent?: number): string {
  const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, null, indent).replace(STEERS, escaped);
}

/** Names of files and backups are other people's text: nothing in them steers the terminal. */
export function printable(text: string): string {
  return text.replace(STEERS, '\ufffd');
}

function errorOf(error: unknown): ErrorDetails {
  const { code, message, fix } = detailsOf(error);
  return {
    code,
    message,
    fix: code === 'UNEXPECTED' ? 'Call again; if it stays, "./landfall doctor" may tell why.' : fix,
  };
}

export function errorText({ code, message, fix }: ErrorDetails): string {
  return `${code}: ${message}\n  ${fix}\n`;
}
