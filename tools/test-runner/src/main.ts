import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { report, type Counts } from './report.js';
import { startTestServers, type TestServers } from './servers.js';
import { SUITES, SUITE_SETTINGS, testFiles, type Suite } from './suites.js';

/*
 * Runs the built tests with Node's own runner, a process for each file.
 *
 *   main.js [unit|int|e2e|chaos|all] [--only PATH]…
 *
 * The last line is `N passed, M failed`. The exit code is 0 when nothing failed and something ran.
 */
const workspace = fileURLToPath(new URL('../../..', import.meta.url));
const FILE_DEADLINE_MS = 600_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string', multiple: true } },
});
const wanted = positionals[0] ?? 'all';
const suites: readonly Suite[] = wanted === 'all' ? SUITES : SUITES.filter((suite) => suite === wanted);
if (suites.length === 0) {
  console.error(`There is no suite ${wanted}; choose one of ${SUITES.join(', ')} or all.`);
  process.exit(2);
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
let servers: TestServers | null = null;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => void (servers?.stop() ?? Promise.resolve()).finally(() => process.exit(130)));
}
try {
  for (const suite of suites) {
    const files = testFiles(workspace, suite, values.only ?? []);
    if (files.length === 0) continue;
    const settings = SUITE_SETTINGS[suite];
    console.log(`\n${suite}: ${files.length} files`);
    if (settings.servers && servers === null) {
      servers = await startTestServers();
      Object.assign(process.env, servers.environment);
    }
    const stream = run({ files, concurrency: settings.concurrency, isolation: 'process', timeout: FILE_DEADLINE_MS });
    const counts = await report(stream, workspace);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
} finally {
  await servers?.stop();
}
if (total.skipped > 0) console.log(`\n${total.skipped} skipped, for the reasons above`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
