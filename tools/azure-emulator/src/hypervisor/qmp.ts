import type { Duplex } from 'node:stream';

/*
 * QMP: one JSON document a line. QEMU greets, wants `qmp_capabilities` first, and answers each command with `return` or
 * `error` under its id; events come in between and are passed over.
 */
interface Answer {
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const PATIENCE_MS = 10_000;

export class Qmp {
  private readonly waiting = new Map<number, Waiting>();
  private commands = 0;
  private closed = false;
  private unfinished = '';

  constructor(private readonly stream: Duplex) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => this.hear(text));
    stream.on('error', () => this.close());
    stream.on('close', () => this.close());
    this.execute('qmp_capabilities').catch(() => undefined); // commands wait in line behind it
  }

  /** @throws Error with QEMU's reason; also when it does not answer, or is gone */
  execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new Error(`${command}: QEMU has ended`));
        return;
      }
      const id = ++this.commands;
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Error(`${command}: QEMU did not answer within ${PATIENCE_MS / 1000} s`));
      }, PATIENCE_MS);
      this.waiting.set(id, { resolve, reject, timer });
      this.stream.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  private hear(text: string): void {
    const lines = (this.unfinished + text).split('\n');
    this.unfinished = lines.pop() ?? '';
    for (const line of lines) this.hearLine(line);
  }

  private hearLine(line: string): void {
    const answer = parse(line);
    const waiting = answer?.id === undefined ? undefined : this.waiting.get(answer.id);
    if (answer?.id === undefined || waiting === undefined) return;
    this.waiting.delete(answer.id);
    clearTimeout(waiting.timer);
    if (answer.error === undefined) waiting.resolve(answer.return);
    else waiting.reject(new Error(answer.error.desc));
  }

  private close(): void {
    this.closed = true;
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(new Error('QEMU has ended'));
    }
    this.waiting.clear();
  }
}

function parse(line: string): Answer | null {
  try {
    return JSON.parse(line) as Answer;
  } catch {
    return null;
  }
}
