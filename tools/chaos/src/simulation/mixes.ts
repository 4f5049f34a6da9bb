import { NO_API_FAULTS } from './api-wire.js';
import { NO_DISK_FAULTS } from './contents.js';
import { NO_FAULTS } from './gates.js';
import { NO_WIRE_FAULTS } from './azure/transport.js';
import { NO_QUEUE_FAULTS } from './queues.js';
import type { Random } from './random.js';
import { eventsByChance, someBy, trouble, troublesByChance, type Some, type Troubles } from './troubles.js';

/*
 * What mostly goes wrong in a run, and to which restores. A race takes several things that go wrong within moments of each
 * other; where everything does a little, that is one run in thousands. So the others aim: few kinds of troubles, many of
 * each, and restores that get as far as where they matter.
 */
export const MIXES = { all: troublesByChance, verdicts, locks, direct, steps, workers, original } satisfies Record<
  string,
  (random: Random) => Troubles
>;

export type MixName = keyof typeof MIXES;

export const MIX_NAMES = Object.keys(MIXES) as readonly MixName[];

export const WHAT_MIXES_AIM_AT: Readonly<Record<MixName, string>> = {
  all: 'everything, a little of each',
  verdicts: 'disks that fail for good, while data-movers and the way to the books come and go',
  locks: 'slow disks that fail for good, while the locks on their jobs are lost',
  direct: 'disks written through their SAS, with finalizers that are stopped or die',
  steps: 'the jobs of steps: lost, late and given out twice, with services that are stopped or die',
  original:
    'machines that are replaced in their place, from the stop to the way back, while people do this and that to them',
  workers: 'workers that are lost, or hidden, while they are launched',
};

export function isMix(name: string): name is MixName {
  return Object.hasOwn(MIXES, name);
}

type Aimed = Omit<Troubles, 'lastsMs' | 'restores' | 'events'>;

/** Nothing goes wrong but what is said. */
function only(aimed: Partial<Aimed>): Aimed {
  return {
    gates: NO_FAULTS,
    queues: NO_QUEUE_FAULTS,
    azure: { lateFailure: 0, hidden: 0 },
    wire: NO_WIRE_FAULTS,
    api: NO_API_FAULTS,
    disks: NO_DISK_FAULTS,
    ...aimed,
  };
}

/** Postgres and Redis, on the ways to which requests and answers are lost. */
function hiccups(
  some: Some,
): Pick<Troubles['gates'], 'postgresLost' | 'postgresUnknown' | 'redisLost' | 'redisUnknown'> {
  return {
    postgresLost: some(0.5, 0.01, 0.05),
    postgresUnknown: some(0.5, 0.01, 0.05),
    redisLost: some(0.3, 0.02, 0.1),
    redisUnknown: some(0.3, 0.02, 0.1),
  };
}

function verdicts(random: Random): Troubles {
  const some = someBy(random);
  const lastsMs = random.between(40_000, 90_000);
  return {
    ...only({
      wish: { transfer: 'worker', verify: random.pick(['none', 'sampled', 'full']) },
      from: 'restore-data',
      gates: { ...NO_FAULTS, ...hiccups(some), crash: some(0.7, 0.002, 0.01), slow: some(0.5, 0.005, 0.02) },
      queues: { lost: some(0.3, 0.05, 0.2), twice: some(0.5, 0.1, 0.5), late: some(0.2, 0.05, 0.2) },
      // A report takes several tries: whoever tells it may come to its end meanwhile.
      api: { lost: some(0.6, 0.2, 0.6), answerLost: some(0.6, 0.2, 0.6), twice: some(0.3, 0.1, 0.3) },
      disks: { flushFails: random.pick([0.2, 0.5]), writeFails: some(0.3, 0.05), readDiffers: some(0.3, 0.05, 0.2) },
    }),
    lastsMs,
    restores: 1,
    events: eventsByChance(random, random.between(3, 10), [0, lastsMs / 3], () => {
      const kind = random.pick([
        ...(['kill a mover', 'kill a mover', 'kill a mover', 'end a mover', 'end a mover', 'end a mover'] as const),
        ...(['stop a mover', 'stop a mover', 'api away', 'postgres away', 'redis away'] as const),
        ...(['flush', 'redis restart', 'kill', 'stop a service'] as const),
      ]);
      return trouble(random, kind, ['api', 'api', 'finalizer'], [500, 30_000]);
    }),
  };
}

function locks(random: Random): Troubles {
  const lastsMs = random.between(60_000, 120_000);
  return {
    ...only({
      wish: { transfer: 'worker', verify: 'none' },
      from: 'restore-data',
      // A device that is about to fail hangs first, for longer than it takes to notice that a lock is gone.
      gates: { ...NO_FAULTS, slow: random.pick([0.1, 0.3]) },
      disks: { ...NO_DISK_FAULTS, flushFails: random.pick([0.3, 0.6]) },
    }),
    lastsMs,
    restores: 1,
    events: eventsByChance(random, random.between(3, 8), [0, lastsMs / 2], () => {
      const kind = random.pick(['flush', 'flush', 'flush', 'redis restart', 'end a mover'] as const);
      return trouble(random, kind, ['finalizer'], [500, 20_000]);
    }),
  };
}

function direct(random: Random): Troubles {
  const some = someBy(random);
  const lastsMs = random.between(40_000, 130_000);
  return {
    ...only({
      wish: { transfer: 'direct', verify: random.pick(['sampled', 'full']) },
      from: 'restore-data',
      gates: { ...NO_FAULTS, ...hiccups(some), crash: some(0.4, 0.001, 0.005), slow: some(0.8, 0.02, 0.1) },
      queues: { ...NO_QUEUE_FAULTS, twice: some(0.5, 0.1, 0.5) },
      wire: { ...NO_WIRE_FAULTS, lost: some(0.2, 0.02), answerLost: some(0.2, 0.02) },
    }),
    lastsMs,
    restores: 1,
    events: eventsByChance(random, random.between(2, 6), [0, lastsMs / 2], () => {
      const kind = random.pick([
        ...(['stop a service', 'stop a service', 'stop a service', 'kill', 'kill', 'stop a mover'] as const),
        ...(['postgres away', 'redis away', 'flush'] as const),
      ]);
      // Longer than the lease on a restore's disk accesses.
      return trouble(random, kind, ['finalizer'], [5_000, kind === 'stop a service' ? 100_000 : 20_000]);
    }),
  };
}

function steps(random: Random): Troubles {
  const some = someBy(random);
  const lastsMs = random.between(40_000, 120_000);
  return {
    ...only({
      // A step that hands on and parks has most to lose.
      ...random.pick([{}, { from: 'restore-data' as const }]),
      gates: { ...NO_FAULTS, ...hiccups(some), crash: some(0.3, 0.001, 0.005), slow: some(0.9, 0.05, 0.15) },
      queues: { lost: some(0.5, 0.1, 0.3), twice: some(0.3, 0.1, 0.3), late: some(0.5, 0.1, 0.3) },
    }),
    lastsMs,
    restores: random.between(1, 3),
    events: eventsByChance(random, random.between(4, 12), [0, lastsMs], () => {
      const kind = random.pick([
        ...(['flush', 'flush', 'flush', 'snapshot', 'redis restart', 'redis restart', 'redis away'] as const),
        ...(['stop a service', 'stop a service', 'kill', 'cancel', 'resume'] as const),
      ]);
      return trouble(random, kind, ['planner', 'provisioner', 'finalizer', 'finalizer'], [500, 40_000]);
    }),
  };
}

function workers(random: Random): Troubles {
  const some = someBy(random);
  const lastsMs = random.between(40_000, 130_000);
  return {
    ...only({
      wish: { transfer: 'worker', verify: 'none' },
      from: 'launch-worker',
      gates: { ...NO_FAULTS, crash: some(0.5, 0.002, 0.01), slow: some(0.8, 0.02, 0.1) },
      queues: { ...NO_QUEUE_FAULTS, twice: some(0.6, 0.2, 0.6) },
      azure: { lateFailure: some(0.3, 0.1), hidden: some(0.7, 0.3, 0.8) },
      wire: { ...NO_WIRE_FAULTS, lost: some(0.4, 0.05), answerLost: some(0.4, 0.05, 0.1) },
      api: { ...NO_API_FAULTS, lost: some(0.3, 0.2) },
    }),
    lastsMs,
    restores: 1,
    events: eventsByChance(random, random.between(3, 8), [0, lastsMs / 2], () => {
      const kind = random.pick([
        ...(['lose a worker', 'lose a worker', 'lose a worker', 'stop a service', 'stop a service'] as const),
        ...(['kill', 'kill', 'flush', 'flush', 'api away'] as const),
      ]);
      return trouble(random, kind, ['provisioner'], [5_000, 90_000]);
    }),
  };
}

function original(random: Random): Troubles {
  const some = someBy(random);
  const lastsMs = random.between(60_000, 240_000);
  return {
    ...only({
      wish: { original: true },
      from: random.pick([
        'check-boot',
        'remove-source',
        'remove-source',
        'remove-source',
        'move-disks',
        'bring-source-back',
      ]),
      gates: { ...NO_FAULTS, ...hiccups(some), crash: some(0.7, 0.002, 0.01, 0.02), slow: some(0.5, 0.01, 0.05) },
      queues: { lost: some(0.3, 0.1, 0.3), twice: some(0.4, 0.1, 0.5), late: some(0.3, 0.1, 0.3) },
      azure: { lateFailure: some(0.4, 0.05, 0.2), hidden: some(0.4, 0.1, 0.5) },
      wire: {
        ...{ throttled: some(0.2, 0.05), failed: some(0.3, 0.05, 0.2) },
        ...{ lost: some(0.4, 0.02, 0.1), answerLost: some(0.4, 0.05, 0.2) },
      },
    }),
    lastsMs,
    restores: 1,
    events: eventsByChance(random, random.between(0, 8), [0, lastsMs], () => {
      const kind = random.pick([
        ...(['start a source', 'start a source', 'attach to a source', 'recreate a source', 'lock a source'] as const),
        ...(['cancel', 'resume', 'resume', 'rollback', 'rollback', 'purge', 'kill', 'kill'] as const),
        ...(['stop a service', 'stop a service', 'postgres away', 'flush'] as const),
      ]);
      // Not for longer than others wait for it: Azure takes no condition with the deletion of a VM, so whoever has looked, and
      // sends it after others have gone on, deletes whatever bears the name by then.
      return trouble(random, kind, ['finalizer'], [500, 12_000]);
    }),
  };
}
