import { registerHooks, setSourceMapsSupport } from 'node:module';
import { pathToFileURL } from 'node:url';
import { jestExpect } from '@jest/expect';
import { createEmptyTestResult, type AssertionResult, type TestResult } from '@jest/test-result';
import type { Circus } from '@jest/types';
import { addEventHandler, getState, resetState, run, setState } from 'jest-circus';
import { jest } from './globals.js';
import type { Answer, Order } from './runner.js';

/*
 * The process of test files, one after another: loads each as Node loads any module, lets Jest's own harness run its tests,
 * and answers with what came of them.
 */
const GLOBALS = new URL('globals.js', import.meta.url).href;

// Of our own files only: reading those of all packages took a fourth of what it takes to load them.
setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });

registerHooks({
  // Jest's own module of this name works in no process but its own runner's.
  resolve: (specifier, context, next) =>
    specifier === '@jest/globals' ? { url: GLOBALS, format: 'module', shortCircuit: true } : next(specifier, context),
});

addEventHandler(mindExpectations);
addEventHandler(mindSkips);
const environment = { ...process.env };
const MADE_WHEN_ASKED_FOR = Symbol('made when asked for');
const globalsAtFirst = globals();

// No file is left to run. A run that was called off ends here too, in the middle of whatever test it is at.
process.once('disconnect', () => process.exit(0));
for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, blame);
process.on('message', (order: Order) => {
  const answer = (answered: Answer): void => void process.send?.(answered);
  // Before it answers: no message leaves a process whose clock stands.
  void resultOf(order)
    .finally(asAtFirst)
    .then(
      (result) => answer({ result, isSpent: areGlobalsOthers() }),
      (error: unknown) => answer({ notBegun: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
});

/** An error that nobody catches is the test's that is running, or else the file's. */
function blame(error: Error): void {
  const { currentlyRunningTest, unhandledErrors } = getState();
  (currentlyRunningTest?.errors ?? unhandledErrors).push(error);
}

/** What a file may have left: its tests, a clock or a method replaced, a variable. Modules stay loaded. */
function asAtFirst(): void {
  resetState();
  jest.restoreAllMocks();
  jest.useRealTimers();
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
}

/** By name: what stands there, but for what Node makes only when it is asked for it. */
function globals(): ReadonlyMap<string, unknown> {
  const all = Object.entries(Object.getOwnPropertyDescriptors(globalThis));
  return new Map(
    all.map(([name, { get, value }]) => [name, get === undefined ? (value as unknown) : MADE_WHEN_ASKED_FOR]),
  );
}

/** Whether a file has put something in the place of a global: other files' modules may have seen it. What is new there is libraries'. */
function areGlobalsOthers(): boolean {
  const now = globals();
  return [...globalsAtFirst].some(([name, value]) => value !== MADE_WHEN_ASKED_FOR && !Object.is(now.get(name), value));
}

/** @throws whatever loading the file throws */
async function resultOf({ path, timeoutMs, only }: Order): Promise<TestResult> {
  setState({
    ...getState(),
    testTimeout: timeoutMs,
    testNamePattern: only === null ? null : new RegExp(only, 'i'),
  });
  jestExpect.setState({ testPath: path });
  const start = Date.now();
  const result = createEmptyTestResult();
  result.testFilePath = path;
  await import(pathToFileURL(path).href);
  const { testResults, unhandledErrors } = await run();
  result.testResults = testResults.map(assertionResult);
  if (unhandledErrors.length > 0) result.testExecError = { message: '', stack: unhandledErrors.join('\n') };
  const count = (status: AssertionResult['status']): number =>
    result.testResults.filter((test) => test.status === status).length;
  result.numPassingTests = count('passed');
  result.numFailingTests = count('failed');
  result.numPendingTests = count('pending');
  const end = Date.now();
  result.perfStats = { ...result.perfStats, start, end, runtime: end - start };
  return result;
}

function assertionResult({
  testPath,
  errors,
  status,
  duration,
  numPassingAsserts,
}: Circus.TestResult): AssertionResult {
  // The first name is that of the file's own block.
  const names = testPath.slice(1).map(String);
  return {
    ancestorTitles: names.slice(0, -1),
    title: names.at(-1) ?? '',
    fullName: names.join(' '),
    status: status === 'skip' ? 'pending' : status === 'todo' ? 'todo' : errors.length > 0 ? 'failed' : 'passed',
    duration: duration ?? null,
    failureDetails: [],
    failureMessages: errors,
    numPassingAsserts,
  };
}

/** `expect.assertions` and the like are judged when the test is over. */
function mindExpectations(event: Circus.Event): void {
  if (event.name !== 'test_done') return;
  for (const { error } of jestExpect.extractExpectedAssertionsErrors())
    event.test.errors.push(error as Circus.TestError);
}

/** A test that calls `skip` counts as skipped, and its error stays with it as the reason. */
function mindSkips(event: Circus.Event): void {
  if (event.name !== 'test_done') return;
  const [error] = event.test.errors;
  const thrown = (Array.isArray(error) ? error[0] : error) as Error | undefined;
  if (thrown?.name === 'Skipped') event.test.status = 'skip';
}
