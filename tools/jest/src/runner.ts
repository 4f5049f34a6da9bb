import { fork } from 'node:child_process';
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

/** `notBegun`: why the file could not even be loaded. */
export type Answer = { readonly result: TestResult } | { readonly notBegun: string };

/**
 * Runs each test file in a Node process of its own, as many side by side as Jest has workers. Jest's own runner loads all
 * modules of each file anew into a context made for it: that costs several times as much, and in there what Node makes is of
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
    // One lane takes the long ones, as they come; the others begin at the other end. Whole stacks of processes would otherwise
    // stand in each other's way for as long as both run, and each takes so much longer.
    const lane = async (_: unknown, index: number): Promise<void> => {
      const next = (): Test | undefined => (index === 0 ? waiting.shift() : waiting.pop());
      for (let test = next(); test && !watcher.isInterrupted(); test = next()) {
        await onStart(test);
        try {
          await onResult(test, await this.#run(test));
        } catch (error) {
          await onFailure(test, { message: '', stack: (error as Error).message });
        }
      }
    };
    await Promise.all(Array.from({ length: this._globalConfig.maxWorkers }, lane));
  }

  /** @throws Error when the file can't be loaded, or its process ends without a result */
  #run({ path, context }: Test): Promise<TestResult> {
    const { rootDir, testTimeout } = context.config;
    const child = fork(TEST_FILE, [], {
      cwd: rootDir,
      env: { ...process.env, NODE_COMPILE_CACHE: join(rootDir, 'node_modules/.cache/landfall-test') },
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let tail = '';
    const pass = (to: NodeJS.WriteStream) => (chunk: Buffer) => {
      tail = (tail + chunk.toString()).slice(-TAIL_CHARACTERS);
      to.write(chunk);
    };
    child.stdout?.on('data', pass(process.stdout));
    child.stderr?.on('data', pass(process.stderr));
    return new Promise((resolve, reject) => {
      let answer: Answer = { notBegun: '' };
      child.on('message', (message) => (answer = message as Answer));
      child.once('error', reject);
      // Not its streams' end: a process that a test has left behind may hold them open.
      child.once('exit', (code, signal) => {
        if ('result' in answer) resolve(answer.result);
        else
          reject(
            new Error(answer.notBegun || `Its process ended without a result (${signal ?? `code ${code}`}).\n${tail}`),
          );
      });
      const order: Order = {
        path,
        // A project without a limit of its own has that of the run.
        timeoutMs: testTimeout ?? this._globalConfig.testTimeout ?? JEST_TIMEOUT_MS,
        only: this._globalConfig.testNamePattern ?? null,
      };
      child.send(order);
    });
  }
}
