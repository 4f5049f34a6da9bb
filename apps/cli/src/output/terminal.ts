import { detailsOf, type ErrorDetails } from '@landfall/domain';

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
  readonly terminal: Terminal;
  readonly json: boolean;

  constructor(terminal: Terminal, json: boolean) {
    this.terminal = terminal;
    this.json = json;
  }

  /** The command's result; `text` is made only when it is shown. */
  print(value: unknown, text: () => string): void {
    this.terminal.stdout.write(this.json ? `${JSON.stringify(value, null, 2)}\n` : `${text()}\n`);
  }

  say(line: string): void {
    this.terminal.stderr.write(`${line}\n`);
  }

  /** Without `--json`, as three lines; with it, as `{"error": {"code", "message", "fix"}}`. */
  error(error: unknown): void {
    this.terminal.stderr.write(
      this.json ? `${JSON.stringify({ error: errorOf(error) })}\n` : errorText(errorOf(error)),
    );
  }
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
