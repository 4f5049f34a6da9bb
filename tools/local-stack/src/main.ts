import { parseArgs } from 'node:util';
import { PROFILE_NAMES } from '@landfall/azure-emulator';
import { detailsOf } from '@landfall/domain';
import { releaseLock, takeLock } from './lock.js';
import type { SupervisorMessage } from './messages.js';
import { Stack } from './supervisor.js';

/*
 * The supervisor's process: `main.js --data FOLDER --movers N --services N --hypervisor none|qemu [--profile azure]`, started by `startStack`, ended by SIGTERM.
 * Standard output and error are its log; it reports to its parent over the IPC channel until it is ready.
 */
const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    movers: { type: 'string' },
    services: { type: 'string' },
    hypervisor: { type: 'string' },
    profile: { type: 'string' },
  },
});
const folder = values.data!;

const say = (message: SupervisorMessage) => {
  if (process.connected) process.send?.(message);
};
const note = (line: string) => {
  console.log(`${new Date().toISOString()} ${line}`);
  say({ kind: 'note', line });
};

if (!(await takeLock(folder))) {
  say({ kind: 'locked' });
  process.exit(0);
}

const hypervisor = values.hypervisor === 'qemu' ? 'qemu' : 'none';
const profile = PROFILE_NAMES.find((name) => name === values.profile);
const scale = { movers: Number(values.movers), services: Number(values.services) };
const stack = new Stack({ folder, scale, hypervisor, profile, note });
let ending: Promise<void> | undefined;
const end = (exitCode: number) =>
  (ending ??= stack
    .stop()
    .catch((error: unknown) => note(`stopping failed: ${String(error)}`))
    .then(() => {
      releaseLock(folder);
      process.exit(exitCode);
    }));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(0));
// The terminal that started it may go away.
process.on('SIGHUP', () => undefined);

try {
  await stack.start();
  note('ready');
  say({ kind: 'ready' });
  if (process.connected) process.disconnect();
} catch (error) {
  const details = detailsOf(error);
  note(`${details.code}: ${details.message}`);
  say({ kind: 'failed', error: details });
  await end(1);
}
