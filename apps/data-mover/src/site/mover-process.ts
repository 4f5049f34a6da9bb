import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { programOf } from '@landfall/config';

/** The built data-mover as a process of its own, for tests. */
export class MoverProcess {
  readonly output: string[] = [];
  readonly #child: ChildProcess;
  readonly #exit: Promise<readonly [number | null, NodeJS.Signals | null]>;

  constructor(environment: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [programOf('data-mover')], {
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => this.output.push(chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.output.push(chunk.toString()));
    this.#exit = once(this.#child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** How it is, and the end of what it has said. */
  get told(): string {
    const { pid, exitCode, signalCode } = this.#child;
    const state = signalCode ?? (exitCode === null ? 'lives' : `exit code ${exitCode}`);
    return `${pid} ${state}: ${this.output.join('').slice(-2_000)}`;
  }

  get exited(): Promise<readonly [number | null, NodeJS.Signals | null]> {
    return this.#exit;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it, whatever it is doing. */
  async end(): Promise<void> {
    this.kill('SIGKILL');
    await this.#exit;
  }
}
