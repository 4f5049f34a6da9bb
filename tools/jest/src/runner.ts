import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test, TestResult } from '@jest/test-result';
import { CallbackTestRunner, type OnTestFailure, type OnTestStart, type OnTestSuccess } from 'jest-runner';
import type { TestWatcher } from 'jest-watcher';

const TEST_FILE = fileURLToPath(new URL('test-file.js', import.meta.url));
/** Of what a process has printed that ends without a result, this much is told with its end. */
const TAIL_CHARACTERS = 4_000;
/** Jest's own limit, where no configuration names one: https://jestjs.io/docs/configuration#testtimeout-number */
const JEST_TIMEOUT_MS = 5_000;

/** What the process of a test file is asked for. */
export interface Order {
  /** The built test file. */
  readonly path: string;
  /** What a test or hook may take that says nothing itself. */
  readonly timeoutMs: number;
  /** A regular expression, as of Jest's `--testNamePattern`; null for all tests. */
  readonly only: string | null;
}

/** `isSpent`: no other file may run in the process. `notBegun`: why the file could not even be loaded. */
export type Answer = { readonly result: TestResult; readonly isSpent: boolean } | { readonly notBegun: string };

/**
 * The projects whose files share processes: they keep to objects, folders, databases and processes of their own. What loads a
 * service's modules costs more than most files of tests.
 */
const SHARING: readonly string[] = ['unit', 'int'];
/** So that what files leave in memory does not add up. */
const FILES_PER_PROCESS = 20;

/**
 * Runs test files in Node processes, as many side by side as Jest has workers: unit and integration tests one after another in one,
 * the others each in its own, and what follows a file that failed or left the globals changed in a new one. Jest's own runner loads
 * all modules of each file anew into a context made for it: that costs several times as much, and in there what Node makes is of
 * other classes than what the program makes.
 */
export default class ProcessRunner extends CallbackTestRunner {
  override async runTests(
    tests: Test[],
    watcher: TestWatcher,
    onStart: OnTestStart,
    onResult: OnTestSuccess,
    onFailure: OnTestFailure,
  ): Promise<void> {
    const waiting = [...tests];
    // One lane takes the long ones, as they come; the others begin at the other end, and take no whole stacks of processes: those
    // would stand in each other's way for as long as both run, and for a port that one has found free another may be first.
    const takeLast = (): Test | undefined => {
      const at = waiting.findLastIndex(({ context }) => context.config.displayName?.name !== 'e2e');
      return at < 0 ? undefined : waiting.splice(at, 1)[0];
    };
    const lane = async (_: unknown, index: number): Promise<void> => {
      const next = (): Test | undefined => (index === 0 ? waiting.shift() : takeLast());
      let at: TestProcess | null = null;
      for (let test = next(); test && !watcher.isInterrupted(); test = next()) {
        await onStart(test);
        at ??= new TestProcess(test.context.config.rootDir);
        let isFit = false;
        try {
          const result = await at.run(this.#order(test));
          isFit = at.isFit && !hasFailed(result);
          await onResult(test, result);
        } catch (error) {
          await onFailure(test, { message: '', stack: (error as Error).message });
        }
        if (isFit && SHARING.includes(test.context.config.displayName?.name ?? '')) continue;
        await at.end();
        at = null;
      }
      await at?.end();
    };
    await Promise.all(Array.from({ length: this._globalConfig.maxWorkers }, lane));
  }

  #order({ path, context }: Test): Order {
    return {
      path,
      // A project without a limit of its own has that of the run.
      timeoutMs: context.config.testTimeout ?? this._globalConfig.testTimeout ?? JEST_TIMEOUT_MS,
      only: this._globalConfig.testNamePattern ?? null,
    };
  }
}

function hasFailed({ numFailingTests, testExecError }: TestResult): boolean {
  return numFailingTests > 0 || testExecError !== undefined;
}

/** The process of one test file, or of several one after another. */
class TestProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  #tail = '';
  #files = 0;
  #isSpent = false;

  constructor(rootDir: string) {
    this.#child = fork(TEST_FILE, [], {
      cwd: rootDir,
      env: { ...process.env, NODE_COMPILE_CACHE: join(rootDir, 'node_modules/.cache/landfall-test') },
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const pass = (to: NodeJS.WriteStream) => (chunk: Buffer) => {
      this.#tail = (this.#tail + chunk.toString()).slice(-TAIL_CHARACTERS);
      to.write(chunk);
    };
    this.#child.stdout?.on('data', pass(process.stdout));
    this.#child.stderr?.on('data', pass(process.stderr));
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      // Not its streams' end: a process that a test has left behind may hold them open.
      this.#child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
    });
  }

  /** Whether it may take another file. */
  get isFit(): boolean {
    return this.#child.connected && !this.#isSpent && this.#files < FILES_PER_PROCESS;
  }

  /** @throws Error when the file can't be loaded, or the process ends without a result */
  async run(order: Order): Promise<TestResult> {
    this.#files += 1;
    this.#tail = '';
    const answered = new Promise<Answer>((resolve) => {
      this.#child.once('message', (message) => resolve(message as Answer));
    });
    this.#child.send(order);
    const answer = await Promise.race([answered, this.#ended]);
    if (typeof answer === 'string') throw new Error(`Its process ended without a result (${answer}).\n${this.#tail}`);
    if ('notBegun' in answer) throw new Error(answer.notBegun);
    this.#isSpent = answer.isSpent;
    return answer.result;
  }

  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}
