import {
  STEPS,
  type PlannedContents,
  type PlannedDisk,
  type RestorePlan,
  type RestoreRequest,
  type StepId,
} from '@landfall/domain';
import { aRestorePlan, aRestoreRequest, theContents } from '@landfall/testing';
import { cutSegments } from '@landfall/transfer';
import { SimulatedSource } from './contents.js';
import type { Random } from './random.js';

/** One restore that is asked for, with its plan and what is backed up. */
export interface Order {
  readonly request: RestoreRequest;
  readonly plan: RestorePlan;
  /** What the planner finds out that its disks are to hold. */
  readonly contents: readonly PlannedContents[];
  readonly sources: ReadonlyMap<string, SimulatedSource>;
}

/** Where all restores go. */
export const RESTORED_GROUP = 'restored';

const CELL = 128 * 1024 * 1024;
const WITHOUT_WORKER: readonly StepId[] = ['launch-worker', 'detach-disks', 'deallocate-worker'];

/** What is not left to chance. */
export type Wish = Partial<Pick<RestorePlan['options'], 'verify' | 'transfer'>>;

/** One to three disks of some hundred MiB, on a worker or directly, verified or not, with a VM or disks alone. */
export function orderByChance(random: Random, number: number, subnetId: string, wish: Wish = {}): Order {
  const verify = wish.verify ?? random.pick(['none', 'sampled', 'sampled', 'full'] as const);
  const transfer = wish.transfer ?? (random.chance(0.75) ? 'worker' : 'direct');
  const disksOnly = random.chance(0.1);
  const powerOn = random.chance(0.8);
  const template = aRestorePlan();
  const sources = new Map<string, SimulatedSource>();
  const disks = Array.from({ length: random.pick([1, 1, 2, 3] as const) }, (_, index): PlannedDisk => {
    const name = `sd${'abc'[index] ?? 'z'}`;
    const sizeBytes = random.between(1, 6) * CELL;
    sources.set(name, SimulatedSource.byChance(`${number} ${name}`, sizeBytes, random));
    return {
      ...template.disks[0]!,
      ...{
        name,
        sizeBytes,
        sourceLocation: name,
        sourceBytes: sizeBytes,
        from: `disk:${name}`,
        azureName: `web${number}-${name}`,
      },
      role: index === 0 ? 'os' : 'data',
      lun: index === 0 ? null : index - 1,
    };
  });
  const left = [
    ...(transfer === 'direct' ? WITHOUT_WORKER : []),
    ...(disksOnly ? (['create-vm', 'attach-disks'] as const) : []),
  ];
  const wanted = template.steps.filter(({ id, applies }) => applies && !left.includes(id)).map(({ id }) => id);
  const names = disks.map(({ name }) => name);
  const plan: RestorePlan = {
    ...template,
    disks,
    steps: STEPS.map(({ id, number: step }) => ({ number: step, id, applies: wanted.includes(id), why: 'by chance' })),
    workers: transfer === 'direct' ? [] : workersFor(names, random),
    destination: { ...template.destination, resourceGroup: RESTORED_GROUP, vmName: `web${number}`, subnetId },
    options: { ...template.options, verify, transfer, disksOnly, powerOn, bootCheck: powerOn ? 'running' : 'none' },
  };
  const contents = theContents(plan, ({ name, sizeBytes }) => cutSegments(sources.get(name)!.extents(), sizeBytes));
  return { request: aRestoreRequest({ verify, transfer, disksOnly, powerOn }), plan, contents, sources };
}

function workersFor(disks: readonly string[], random: Random): RestorePlan['workers'] {
  const size = random.pick(['Standard_F2s_v2', 'Standard_F4s_v2'] as const);
  if (disks.length === 1 || random.chance(0.6)) return [{ size, disks }];
  return [
    { size, disks: disks.slice(0, 1) },
    { size, disks: disks.slice(1) },
  ];
}
