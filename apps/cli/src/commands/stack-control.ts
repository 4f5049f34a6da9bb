import { setTimeout as sleep } from 'node:timers/promises';
import { startStack, stopStack, isAlive, type StartedStack } from '@landfall/local-stack';
import type { Call, CommonOptions } from '../command-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { placesText } from '../output/places-text.js';
import { dataFolder } from '../stack/connect.js';

const LOOK_EVERY_MS = 500;

export interface UpOptions extends CommonOptions {
  readonly detach?: boolean;
  readonly movers: number;
  readonly services: number;
  readonly hypervisor: 'none' | 'qemu';
  readonly profile?: 'azure';
}

/** Starts the stack; without `--detach` stays, and stops it on Ctrl-C. */
export async function up({ options, output, signal }: Call<UpOptions>): Promise<ExitCode> {
  const folder = dataFolder(options.data);
  const stopAtOnce = () => void stopStack(folder);
  signal.addEventListener('abort', stopAtOnce);
  let started: StartedStack;
  try {
    const { movers, services, hypervisor, profile } = options;
    started = await startStack({
      ...{ folder, movers, services, hypervisor, profile },
      note: (line) => output.say(`  ${line}`),
    });
  } finally {
    signal.removeEventListener('abort', stopAtOnce);
  }
  if (signal.aborted) {
    await stopStack(folder);
    return EXIT.interrupted;
  }
  output.print(addressesOf(folder, started), () => addressesText(folder, started));
  if (options.detach === true || started.alreadyRunning) return EXIT.done;

  output.say('Ctrl-C stops the stack.');
  while (!signal.aborted) {
    if (!isAlive(started.supervisor)) {
      output.say(
        'The stack has ended: somebody stopped it, or its supervisor died; logs/supervisor.log has the reason.',
      );
      return EXIT.done;
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  output.say('Stopping the stack …');
  await stopStack(folder);
  return EXIT.done;
}

export async function down({ options, output }: Call): Promise<void> {
  const folder = dataFolder(options.data);
  const stopped = await stopStack(folder);
  output.print({ data: folder, stopped }, () =>
    stopped ? `The stack on ${folder} is stopped; its data stays.` : `No stack was running on ${folder}.`,
  );
}

function addressesOf(folder: string, { stack, alreadyRunning }: StartedStack) {
  const { api, console, dashboard, metrics, azure, azureCa, azurite, processes } = stack;
  return { data: folder, alreadyRunning, api, console, dashboard, metrics, azure, azureCa, azurite, processes };
}

function addressesText(folder: string, { stack, alreadyRunning }: StartedStack): string {
  const state = alreadyRunning ? 'was running already' : 'is running';
  return `The stack on ${folder} ${state}.\n${placesText(folder, stack)}`;
}
