import type { Cell } from '../live/cell.js';
import { atRest, order, takeAway } from '../live/restores.js';
import { PATIENCE_MS, restoreTrial, type Outcome, type Trial } from '../live/trial.js';

/*
 * F6: Azure on a bad day, at each kind of call that a restore makes. Which calls those are is not listed anywhere: the
 * emulator's log of an undisturbed restore and its removal tells.
 */
export interface AzureCall {
  /** As Azure's specifications name it. */
  readonly operation: string;
  readonly changes: boolean;
  readonly creates: boolean;
}

interface Kind {
  readonly title: string;
  readonly fault: Readonly<Record<string, unknown>>;
  readonly strikes: (call: AzureCall) => boolean;
  /** Azure may have meant it: then the restore ends as failed, and leaves nothing. */
  readonly mayFail?: boolean;
}

const anything = (): boolean => true;
const KINDS: readonly Kind[] = [
  { title: '429', fault: { kind: 'throttle', retryAfterSeconds: 1 }, strikes: anything },
  { title: '429 without Retry-After', fault: { kind: 'throttle', retryAfterSeconds: null }, strikes: anything },
  { title: '500', fault: { kind: 'error' }, strikes: anything },
  { title: 'timeout', fault: { kind: 'timeout', forSeconds: 2 }, strikes: anything },
  { title: 'reset before it is applied', fault: { kind: 'reset-before' }, strikes: anything },
  { title: 'applied, and its answer lost', fault: { kind: 'reset-after' }, strikes: anything },
  { title: 'late failure', fault: { kind: 'fail-late' }, strikes: ({ changes }) => changes, mayFail: true },
  { title: 'canceled', fault: { kind: 'cancel' }, strikes: ({ changes }) => changes, mayFail: true },
  {
    title: '404 for a while after it is created',
    fault: { kind: 'not-found-after-create', forSeconds: 2 },
    strikes: ({ creates }) => creates,
  },
];

interface LoggedCall {
  readonly operation: string | null;
  readonly method: string;
}

/** Calls of a restore by a worker and of its removal, each once. */
export async function enumerateCalls(cell: Cell): Promise<readonly AzureCall[]> {
  await cell.azure.call('DELETE', '/_emulator/calls');
  const restore = await atRest(cell, await order(cell), PATIENCE_MS);
  await takeAway(cell, restore, PATIENCE_MS);
  const found = new Map<string, AzureCall>();
  for (const { operation, method } of await cell.azure.call<readonly LoggedCall[]>('GET', '/_emulator/calls')) {
    // Polling an operation, and the harness's own questions, are no calls of the product's.
    if (operation === null || operation.startsWith('Emulator_')) continue;
    found.set(operation, { operation, changes: method !== 'GET' && method !== 'HEAD', creates: method === 'PUT' });
  }
  return [...found.values()];
}

export function azureTrials(calls: readonly AzureCall[]): readonly Trial[] {
  return KINDS.flatMap((kind) => calls.filter(kind.strikes).map((call) => azureTrial(kind, call)));
}

function azureTrial(kind: Kind, call: AzureCall): Trial {
  return {
    fault: 'F6',
    name: `${call.operation}: ${kind.title}`,
    async run(cell) {
      const fault = { ...kind.fault, operation: call.operation };
      const { id } = await cell.azure.call<{ id: string }>('POST', '/_emulator/faults', fault);
      try {
        const outcome = await underFault(cell, kind);
        if (await hasFired(cell, id)) return outcome;
        // The service remembers what it was answered before. The one that comes in its place asks again.
        for (const service of ['planner', 'provisioner', 'finalizer']) cell.kill(service);
        return { ...(await underFault(cell, kind)), reached: await hasFired(cell, id) };
      } finally {
        await cell.azure.call('DELETE', '/_emulator/faults');
      }
    },
  };
}

function underFault(cell: Cell, kind: Kind): Promise<Outcome> {
  return restoreTrial(cell, {
    ends: kind.mayFail === true ? ['completed', 'failed'] : ['completed'],
    disturb: () => Promise.resolve({ at: performance.now() }),
  });
}

async function hasFired(cell: Cell, faultId: string): Promise<boolean> {
  const faults = await cell.azure.call<readonly { id: string; fired: number }[]>('GET', '/_emulator/faults');
  return faults.some(({ id, fired }) => id === faultId && fired > 0);
}
