import {
  STEPS,
  type PlannedContents,
  type PlannedDisk,
  type ReplacedVm,
  type RestorePlan,
  type RestoreRequest,
  type StepId,
} from '@landfall/domain';
import { aRestorePlan, aRestoreRequest, theContents } from '@landfall/testing';
import { cutSegments } from '@landfall/transfer';
import { SimulatedSource } from './contents.js';
import { intentionsByChance, type Intentions } from './people.js';
import type { Random } from './random.js';
import type { SourceWish } from './source-machines.js';

/** One restore that is asked for, with its plan and what is backed up. */
export interface Order {
  readonly request: RestoreRequest;
  readonly plan: RestorePlan;
  /** What the planner finds out that its disks are to hold. */
  readonly contents: readonly PlannedContents[];
  readonly sources: ReadonlyMap<string, SimulatedSource>;
  /** What the people around it want; left out: it replaces no machine. */
  readonly intentions?: Intentions;
}

/** Where all restores go. */
export const RESTORED_GROUP = 'restored';

const CELL = 128 * 1024 * 1024;
const WITHOUT_WORKER: readonly StepId[] = ['launch-worker', 'detach-disks', 'deallocate-worker'];

/** Those of a restore to the original location. */
const IN_PLACE: readonly StepId[] = [
  ...(['plan', 'create-staging-resource-group', 'create-empty-disks', 'launch-worker', 'restore-data'] as const),
  ...(['detach-disks', 'deallocate-worker', 'check-boot', 'remove-source', 'move-disks'] as const),
  ...(['create-vm', 'attach-disks'] as const),
  'remove-staging-resource-group',
];
const KEPT_LUN = 5;
const OUTAGE_SECONDS = 600;
const WAIT_DAYS = 0.04;

/** What is not left to chance. */
export type Wish = Partial<Pick<RestorePlan['options'], 'verify' | 'transfer'>> & {
  /** Whether it replaces a machine in its place. */
  readonly original?: boolean;
};

export interface Place {
  readonly subnetId: string;
  /** Puts a machine there that somebody has. */
  readonly plant: (source: SourceWish) => ReplacedVm;
}

/**
 * One to three disks of some hundred MiB, on a worker or directly, verified or not, with a VM or disks alone; or in the place of a
 * machine, which may have a disk more.
 */
export function orderByChance(random: Random, number: number, place: Place, wish: Wish = {}): Order {
  const { subnetId } = place;
  // What is not read back may replace nothing.
  const original = wish.original ?? (wish.verify !== 'none' && random.chance(0.12));
  const unverified = original ? [] : (['none'] as const);
  const verify = wish.verify ?? random.pick(['sampled', 'sampled', 'full', ...unverified] as const);
  const transfer = wish.transfer ?? (random.chance(0.75) ? 'worker' : 'direct');
  const disksOnly = !original && random.chance(0.1);
  const powerOn = random.chance(0.8);
  // At the original place copies are booted, whatever becomes of the machine.
  const bootCheck = original ? random.pick(['running', 'running', 'none'] as const) : powerOn ? 'running' : 'none';
  const template = aRestorePlan(original ? { steps: IN_PLACE } : {});
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
    ...(original && bootCheck === 'none' ? (['check-boot'] as const) : []),
  ];
  const wanted = template.steps.filter(({ id, applies }) => applies && !left.includes(id)).map(({ id }) => id);
  const names = disks.map(({ name }) => name);
  const name = `web${number}`;
  const replaced = original ? place.plant(sourceOf(random, name, subnetId, disks)) : null;
  const plan: RestorePlan = {
    ...template,
    ...(replaced === null ? {} : { source: replaced }),
    disks,
    steps: STEPS.map(({ id, number: step }) => ({ number: step, id, applies: wanted.includes(id), why: 'by chance' })),
    workers: transfer === 'direct' ? [] : workersFor(names, random),
    destination: {
      ...{ ...template.destination, resourceGroup: RESTORED_GROUP, vmName: name, subnetId },
      ...(original ? { kind: 'original' as const, stagingResourceGroup: 'landfall-staging' } : {}),
    },
    estimates: { ...template.estimates, ...(original ? { outageSeconds: OUTAGE_SECONDS } : {}) },
    options: {
      ...{ ...template.options, verify, transfer, disksOnly, powerOn, bootCheck },
      ...(original ? { maxStopSeconds: random.pick([4 * 3_600, 4 * 3_600, 900]), waitDays: WAIT_DAYS } : {}),
    },
  };
  const contents = theContents(plan, ({ name, sizeBytes }) => cutSegments(sources.get(name)!.extents(), sizeBytes));
  const request = aRestoreRequest({ verify, transfer, disksOnly, powerOn });
  const intentions = original ? { intentions: intentionsByChance(random) } : {};
  return { request, plan, contents, sources, ...intentions };
}

/** A machine with a disk for each that is restored, and perhaps one that is kept. */
function sourceOf(random: Random, name: string, subnetId: string, disks: readonly PlannedDisk[]): SourceWish {
  const replaced = disks.map(({ name: replacedBy, lun, sizeBytes }) => ({ replacedBy, lun, sizeBytes }));
  const kept = random.chance(0.5) ? [{ replacedBy: null, lun: KEPT_LUN, sizeBytes: CELL }] : [];
  return { resourceGroup: RESTORED_GROUP, name, subnetId, disks: [...replaced, ...kept] };
}

function workersFor(disks: readonly string[], random: Random): RestorePlan['workers'] {
  const size = random.pick(['Standard_F2s_v2', 'Standard_F4s_v2'] as const);
  if (disks.length === 1 || random.chance(0.6)) return [{ size, disks }];
  return [
    { size, disks: disks.slice(0, 1) },
    { size, disks: disks.slice(1) },
  ];
}
