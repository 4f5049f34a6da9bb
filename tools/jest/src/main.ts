import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SUITES } from './suites.js';

/*
 * Runs the built tests with Jest.
 *
 *   main.js [unit|int|e2e|chaos|all] [--only PATH]… [--jobs N] [--profile azure]
 *
 * The last line is `N passed, M failed`. The exit code is 0 when nothing failed and something ran, 2 for wrong usage.
 */
const workspace = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', multiple: true, default: [] },
    jobs: { type: 'string' },
    /** Of the emulated Azure of every stack that a test starts. */
    profile: { type: 'string' },
  },
});
const [wanted = 'all', ...more] = positionals;
const suites = SUITES.filter((suite) => wanted === 'all' || suite === wanted);
if (suites.length === 0 || more.length > 0) {
  console.error(`There is no suite ${positionals.join(' ')}; choose one of ${SUITES.join(', ')} or all.`);
  process.exit(2);
}
if (values.jobs !== undefined && !/^[1-9]\d*$/.test(values.jobs)) {
  console.error(`--jobs takes a number of test files that run side by side, not ${values.jobs}.`);
  process.exit(2);
}

if (values.profile !== undefined && values.profile !== 'azure') {
  console.error(`--profile takes azure, not ${values.profile}.`);
  process.exit(2);
}

/** A regular expression for what lies at or below a path of the workspace, of the sources or of what was built from them. */
function below(path: string): string {
  const built = (path.startsWith('/') ? relative(workspace, path) : path)
    .replace(/^\.\//, '')
    .replace(/\/src(?=\/|$)/, '/dist')
    .replace(/\.ts$/, '.js');
  return `^${join(workspace, built).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}`;
}

const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const parameters = [
  // Jest loads ES modules through an interface of Node's that has to be switched on, and says so each time.
  ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest],
  ...['--config', join(workspace, 'jest.config.mjs')],
  ...(wanted === 'all' ? [] : ['--selectProjects', ...suites]),
  ...(values.jobs === undefined ? [] : ['--maxWorkers', values.jobs]),
  ...values.only.flatMap((path) => ['--testPathPatterns', below(path)]),
];
const profile = values.profile === undefined ? {} : { LANDFALL_AZURE_PROFILE: values.profile };
const child = spawn(process.execPath, parameters, {
  cwd: workspace,
  stdio: 'inherit',
  env: { ...process.env, ...profile },
});
// An interrupt from the keyboard reaches the child by itself; this process waits for it.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.once('error', (error) => {
  console.error(`Jest could not be started: ${error.message}`);
  process.exit(1);
});
child.once('exit', (code) => process.exit(code ?? 1));
