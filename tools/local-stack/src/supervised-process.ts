import { setTimeout as sleep } from 'node:timers/promises';
import { launch, type RunningServer, type ServerSpec } from './servers/index.js';

/*
 * Keeps one process running: when it ends without having been asked to, it is started again, at first almost at once
 * and then ever later; a process that has lived for a while counts as healthy again. `stop` ends the process and the
 * restarting, also in the middle of a start.
 */
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;
const HEALTHY_AFTER_MS = 10_000;

export interface ProcessWatch {
  /** A process exists; it may not answer yet. */
  spawned(name: string, pid: number, stopSignal: NodeJS.Signals): void;
  ended(name: string, pid: number): void;
  /** A line for the supervisor's log. */
  note(line: string): void;
}

export interface SupervisedOptions {
  readonly logFile: string;
  readonly startDeadlineMs: number;
  readonly stopDeadlineMs: number;
}

export class SupervisedProcess {
  readonly name: string;
  readonly #spec: ServerSpec;
  readonly #options: SupervisedOptions;
  readonly #watch: ProcessWatch;
  readonly #stopping = new AbortController();
  #pid: number | null = null;
  #running: RunningServer | null = null;
  #restarting: Promise<void> = Promise.resolve();

  constructor(spec: ServerSpec, options: SupervisedOptions, watch: ProcessWatch) {
    this.name = spec.name;
    this.#spec = spec;
    this.#options = options;
    this.#watch = watch;
  }

  /**
   * Resolves when it answers.
   * @throws PermanentError `SERVER_NOT_STARTED` when the first start fails: it is not tried again
   */
  async start(): Promise<void> {
    await this.#launch();
    this.#restarting = this.#keepRunning();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#stopRunning();
    if (this.#running === null && this.#pid !== null) kill(this.#pid); // it is starting and does not answer yet
    await this.#restarting;
  }

  async #stopRunning(): Promise<void> {
    await this.#running?.stop(this.#options.stopDeadlineMs);
  }

  async #launch(): Promise<void> {
    try {
      this.#running = await launch(this.#spec, this.#options.logFile, this.#options.startDeadlineMs, (pid) => {
        this.#pid = pid;
        this.#watch.spawned(this.name, pid, this.#spec.stopSignal);
        if (this.#stopping.signal.aborted) kill(pid);
      });
    } catch (error) {
      this.#forget();
      throw error;
    }
    void this.#running.ended.then(() => this.#forget());
  }

  async #keepRunning(): Promise<void> {
    let delayMs = FIRST_DELAY_MS;
    for (;;) {
      const since = performance.now();
      const end = await this.#running?.ended;
      if (this.#stopping.signal.aborted) return;
      if (performance.now() - since > HEALTHY_AFTER_MS) delayMs = FIRST_DELAY_MS;
      if (end) this.#watch.note(`${this.name} ended (${end.signal ?? `exit code ${end.code}`}) and is started again`);
      this.#running = null;
      await sleep(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS);
      await this.#launch().catch((error: unknown) => this.#watch.note(String(error)));
      if (this.#stopping.signal.aborted) await this.#stopRunning();
    }
  }

  #forget(): void {
    if (this.#pid !== null) this.#watch.ended(this.name, this.#pid);
    this.#pid = null;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
