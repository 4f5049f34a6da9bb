import type { StepId } from '@landfall/domain';
import type { WayBackId } from '@landfall/pipeline';
import type { ApiFaults } from './api-wire.js';
import type { AzureFaults } from './azure/memory-azure.js';
import type { WireFaults } from './azure/transport.js';
import type { DiskFaults } from './contents.js';
import type { Faults } from './gates.js';
import type { Wish } from './orders.js';
import type { QueueFaults } from './queues.js';
import type { Random } from './random.js';
import type { SimulatedService } from './services.js';

/*
 * What goes wrong in a run. Each kind of fault is absent in many runs, so that the others get far, and rare or frequent in
 * the rest.
 */
export interface Troubles {
  readonly restores: number;
  /** What all of them ask for; left out: by chance. */
  readonly wish?: Wish;
  /** Nothing goes wrong before one of them has come to this work; left out: from the beginning. */
  readonly from?: StepId | WayBackId;
  readonly lastsMs: number;
  readonly gates: Faults;
  readonly queues: QueueFaults;
  readonly azure: AzureFaults;
  readonly wire: WireFaults;
  readonly api: ApiFaults;
  readonly disks: DiskFaults;
  readonly events: readonly { readonly atMs: number; readonly what: Trouble }[];
}

export type Trouble =
  | { readonly kind: 'flush' | 'snapshot' | 'redis restart' | 'kill a mover' | 'end a mover' | 'lose a worker' }
  | { readonly kind: 'cancel' | 'resume' | 'rollback' | 'purge' }
  /** What somebody does to a machine that a restore is to replace. */
  | { readonly kind: HandWork }
  | { readonly kind: 'redis away' | 'postgres away' | 'api away' | 'stop a mover'; readonly ms: number }
  | { readonly kind: 'kill'; readonly service: SimulatedService }
  | { readonly kind: 'stop a service'; readonly service: SimulatedService; readonly ms: number };

export type HandWork = 'start a source' | 'attach to a source' | 'recreate a source' | 'lock a source';

const SERVICES = ['api', 'planner', 'provisioner', 'provisioner', 'finalizer', 'finalizer'] as const;

/** One of these, or, more often than not, nothing at all. */
export type Some = (probability: number, ...amounts: [number, ...number[]]) => number;

export function someBy(random: Random): Some {
  return (probability, ...amounts) => (random.chance(probability) ? random.pick(amounts) : 0);
}

/** Of everything a little. */
export function troublesByChance(random: Random): Troubles {
  const lastsMs = random.between(40_000, 150_000);
  const some = someBy(random);
  return {
    lastsMs,
    restores: random.chance(0.8) ? 1 : 2,
    gates: {
      crash: some(0.6, 0.001, 0.003, 0.01),
      postgresLost: some(0.4, 0.003, 0.02),
      postgresUnknown: some(0.4, 0.003, 0.02),
      redisLost: some(0.3, 0.01, 0.05),
      redisUnknown: some(0.3, 0.01, 0.05),
      slow: some(0.4, 0.002, 0.01),
    },
    queues: { lost: some(0.3, 0.05, 0.2), twice: some(0.3, 0.05, 0.3), late: some(0.3, 0.05, 0.3) },
    azure: { lateFailure: some(0.3, 0.05, 0.2), hidden: some(0.3, 0.1, 0.5) },
    wire: {
      throttled: some(0.3, 0.02, 0.2),
      failed: some(0.3, 0.02, 0.1),
      lost: some(0.3, 0.02, 0.1),
      answerLost: some(0.3, 0.02, 0.1),
    },
    api: { lost: some(0.3, 0.02, 0.1), answerLost: some(0.3, 0.02, 0.1), twice: some(0.3, 0.05, 0.3) },
    disks: { flushFails: some(0.2, 0.05, 0.1), writeFails: some(0.1, 0.05), readDiffers: some(0.1, 0.05, 0.2) },
    events: eventsByChance(random, random.between(0, 8), [0, lastsMs], troubleByChance),
  };
}

export function eventsByChance(
  random: Random,
  length: number,
  [from, to]: readonly [fromMs: number, toMs: number],
  what: (random: Random) => Trouble,
): Troubles['events'] {
  return Array.from({ length }, () => ({ atMs: random.between(from, Math.round(to)), what: what(random) }));
}

function troubleByChance(random: Random): Trouble {
  const kind = random.pick([
    ...(['flush', 'snapshot', 'redis restart', 'redis away', 'postgres away', 'api away', 'kill'] as const),
    ...(['kill', 'kill a mover', 'kill a mover'] as const),
    ...(['stop a mover', 'stop a mover', 'stop a service', 'lose a worker', 'cancel', 'resume', 'rollback'] as const),
  ]);
  return trouble(random, kind ?? 'snapshot', SERVICES, [1_000, 60_000]);
}

/** Of this kind; which service it strikes and how long it lasts, where it does either, is by chance. */
export function trouble(
  random: Random,
  kind: Trouble['kind'],
  services: readonly [SimulatedService, ...SimulatedService[]],
  [least, most]: readonly [leastMs: number, mostMs: number],
): Trouble {
  const service = random.pick(services);
  const ms = random.between(least, most);
  switch (kind) {
    case 'kill':
      return { kind, service };
    case 'stop a service':
      return { kind, service, ms };
    case 'redis away':
    case 'postgres away':
    case 'api away':
    case 'stop a mover':
      return { kind, ms };
    default:
      return { kind };
  }
}
