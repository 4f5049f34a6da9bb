import { ROUTES } from '@landfall/contract';
import { detailsOf } from '@landfall/domain';
import type { Call } from '../command-line.js';
import { placesText } from '../output/places-text.js';
import { formatTable } from '../output/table.js';
import { connect, type Connection } from '../stack/connect.js';
import { isLive } from '../stack/is-live.js';
import type { WorkerProcessView } from '../stack/views.js';

interface StatusProcess {
  readonly name: string;
  readonly pid: number;
  /** The worker VM that it runs on; null for a process of the stack itself. */
  readonly vm: string | null;
}

/** Lists the live processes of a stack, the data-movers on workers included. */
export async function status({ options, output }: Call): Promise<void> {
  const connection = connect(options.data);
  const { folder, stack, api } = connection;
  const [processes, health] = await Promise.all([
    liveProcesses(connection),
    api.ask(ROUTES.isReady, {}).then(
      () => 'ready',
      (error: unknown) => `not ready: ${detailsOf(error).message}`,
    ),
  ]);
  const { console, dashboard, metrics, azure, azurite } = stack;
  const value = { data: folder, health, api: stack.api, console, dashboard, metrics, azure, azurite, processes };
  output.print(value, () =>
    [
      `The stack on ${folder}: ${health}`,
      placesText(folder, stack),
      formatTable(
        ['PID', 'PROCESS', 'ON'],
        processes.map(({ name, pid, vm }) => [`${pid}`, name, vm ?? 'this machine']),
      ),
    ].join('\n\n'),
  );
}

async function liveProcesses({ stack, azure }: Connection): Promise<StatusProcess[]> {
  const own = stack.processes.map(({ name, pid }) => ({ name, pid, vm: null }));
  // While the emulator is being restarted its workers are not known; the rest still is.
  const workers = await azure.get<WorkerProcessView[]>('/_emulator/workers').catch(() => []);
  return [...own, ...workers.map(({ vm, name, pid }) => ({ name, pid, vm }))].filter(({ pid }) => isLive(pid));
}
