/*
 * All tests, on what `tsc -b` has built: ES modules, which Jest loads as they are. `./landfall test` and `nx test` start it
 * through tools/jest; a single file: ./landfall test --only apps/api/src/int/access.int.test.ts
 */
const OUTPUT = process.env.LANDFALL_TEST_OUTPUT !== undefined;
const DEADLINE_MS = 600_000;

/** A suite is the files that end in its name. */
const suite = (name, more = {}) => ({
  displayName: name,
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/tools'],
  testMatch: [`<rootDir>/{apps,libs,tools}/*/dist/**/*.${name}.test.js`],
  runner: '<rootDir>/tools/jest/dist/runner.js',
  transform: {},
  testTimeout: DEADLINE_MS,
  ...more,
});

/** One Postgres, Redis and Azurite for all suites that want them: Jest runs a file named by several projects once. */
const servers = {
  globalSetup: '<rootDir>/tools/jest/dist/global-setup.js',
  globalTeardown: '<rootDir>/tools/jest/dist/global-teardown.js',
};

export default {
  projects: [suite('unit'), suite('int', servers), suite('e2e', servers), suite('chaos', servers)],
  // Files that run side by side: `--jobs` of `./landfall test`. One more than two cores have: whole stacks wait a good part of
  // their time, and two files at once leave a fourth of both cores idle.
  maxWorkers: 3,
  testTimeout: DEADLINE_MS,
  testSequencer: '<rootDir>/tools/jest/dist/sequencer.js',
  reporters: ['<rootDir>/tools/jest/dist/reporter.js'],
  passWithNoTests: true,
  silent: !OUTPUT,
  watchman: false,
};
