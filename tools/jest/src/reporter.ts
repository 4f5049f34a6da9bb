import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { AggregatedResult, Config, Reporter as JestReporter, Test, TestResult } from '@jest/reporters';
import { placesIn } from './places.js';

/** What is kept of the tests' own output, to be shown when a run breaks off. */
const TAIL_CHARACTERS = 20_000;

/** Ends the report of a run in which files could not even be begun: their tests have noticed nothing. */
export const NOT_BEGUN = 'could not be begun';

/**
 * Prints a line for each file and a block for each failure, and ends with `N passed, M failed`. What the tests print
 * themselves is shown when LANDFALL_TEST_OUTPUT is set.
 */
export default class Reporter implements JestReporter {
  readonly #workspace: string;
  readonly #output = new OutputOfTests(process.env.LANDFALL_TEST_OUTPUT !== undefined);
  #passed = 0;
  #failed = 0;
  #skipped = 0;
  #notBegun = 0;

  constructor({ rootDir }: Config.GlobalConfig) {
    this.#workspace = rootDir;
  }

  onRunStart({ numTotalTestSuites }: AggregatedResult): void {
    this.#output.hold();
    this.#print(`\n${files(numTotalTestSuites)}\n`);
  }

  onTestResult({ path }: Test, result: TestResult): void {
    const { testResults: tests, testExecError: broken, perfStats } = result;
    for (const test of tests) {
      if (test.status === 'passed') this.#passed += 1;
      else if (test.status === 'failed') this.#fail(test.fullName, path, test.failureMessages.join('\n'));
      else this.#skip(test.title, test.failureMessages[0]);
    }
    if (broken) {
      const isBegun = tests.length > 0;
      if (!isBegun) this.#notBegun += 1;
      const name = isBegun ? 'beside the tests of the file' : `the file ${NOT_BEGUN}`;
      this.#fail(name, path, broken.stack || broken.message || String(result.failureMessage));
    }
    for (const { message } of result.console ?? []) process.stderr.write(`${message}\n`);
    const failed = broken || tests.some(({ status }) => status === 'failed');
    const seconds = (perfStats.runtime / 1000).toFixed(1);
    this.#print(
      `${failed ? 'FAIL' : 'ok  '}  ${relative(this.#workspace, path)} (${tests.length} tests, ${seconds} s)\n`,
    );
  }

  onRunComplete(): void {
    this.#output.release();
    if (this.#skipped > 0) this.#print(`\n${this.#skipped} skipped, for the reasons above\n`);
    if (this.#notBegun > 0) this.#print(`\n${files(this.#notBegun)} ${NOT_BEGUN}\n`);
    this.#print(`\n${this.#passed} passed, ${this.#failed} failed\n`);
  }

  /** Nothing that was run is a failure too. */
  getLastError(): Error | undefined {
    return this.#passed > 0 && this.#failed === 0 ? undefined : new Error('nothing passed, or something failed');
  }

  #skip(name: string, error: string | undefined): void {
    this.#skipped += 1;
    const reason = error === undefined ? '' : ` (${firstLine(error).replace(/^Skipped: /, '')})`;
    this.#print(`  skipped: ${name}${reason}\n`);
  }

  #fail(name: string, path: string, error: string): void {
    this.#failed += 1;
    const [place = relative(this.#workspace, path)] = placesIn(error, this.#workspace);
    const reason = stripVTControlCharacters(error)
      .replace(/^\s+at .*(?:\/node_modules\/|node:|<anonymous>\)$).*\n?/gm, '')
      .trimEnd();
    this.#print(`\nFAILED  ${name}\n        ${place}\n${reason.replace(/^/gm, '        ')}\n`);
  }

  #print(text: string): void {
    this.#output.past(text);
  }
}

function files(count: number): string {
  return count === 1 ? '1 file' : `${count} files`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

/** What Jest's workers write goes through this process's streams, where it can be held back. */
class OutputOfTests {
  readonly #write = process.stdout.write.bind(process.stdout);
  readonly #held: (() => void)[] = [];
  #tail = '';

  constructor(private readonly isShown: boolean) {}

  hold(): void {
    if (this.isShown) return;
    for (const stream of [process.stdout, process.stderr]) {
      const { write } = stream;
      this.#held.push(() => (stream.write = write));
      stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
        this.#tail = (this.#tail + (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())).slice(
          -TAIL_CHARACTERS,
        );
        const done = rest.at(-1);
        if (typeof done === 'function') process.nextTick(done);
        return true;
      };
    }
    // A run that breaks off must not take its reason with it.
    process.once('exit', this.#tell);
  }

  release(): void {
    for (const giveBack of this.#held.splice(0)) giveBack();
    process.off('exit', this.#tell);
  }

  past(text: string): void {
    this.#write(text);
  }

  readonly #tell = (): void => {
    this.release();
    process.stderr.write(this.#tail);
  };
}
