import type { Call } from '../command-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { formatTable } from '../output/table.js';
import { dataFolder } from '../stack/connect.js';
import type { Check } from './check.js';
import { folderChecks } from './folder-checks.js';
import { machineChecks } from './machine-checks.js';
import { orphans, type OrphansOptions } from './orphans.js';
import { runningStackCheck } from './stack-check.js';
import { badUsage } from '../usage.js';

export interface DoctorOptions extends OrphansOptions {
  readonly orphans?: boolean;
}

/** Checks what a stack needs on this machine and in its folder; exit code 1 when something fails. */
export async function doctor(call: Call<DoctorOptions>): Promise<ExitCode> {
  const { options, output } = call;
  if (options.orphans === true) return orphans(call);
  if (options.remove === true || options.yes === true) {
    throw badUsage('USAGE', '--remove and --yes go with --orphans.', 'Call "./landfall doctor --orphans --remove".');
  }
  const folder = dataFolder(options.data);
  const checks = [...(await machineChecks()), ...(await folderChecks(folder)), await runningStackCheck(options.data)];
  output.print(checks, () => checksText(checks));
  return checks.some((check) => check.state === 'fail') ? EXIT.unexpected : EXIT.done;
}

function checksText(checks: readonly Check[]): string {
  const table = formatTable(
    ['', 'WHAT', 'FOUND'],
    checks.map(({ state, name, detail }) => [state, name, detail]),
  );
  const remedies = checks.filter(({ fix }) => fix !== undefined).map(({ name, fix }) => `${name}: ${fix}`);
  return remedies.length === 0 ? table : `${table}\n\n${remedies.join('\n')}`;
}
