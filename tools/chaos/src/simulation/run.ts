import { hasEnded, kindOf, type Restore, type RestoreBooks } from '@landfall/domain';
import { requestCancel, requestPurge, requestRestore, requestResume, requestRollback } from '@landfall/pipeline';
import { judge, type Violation } from '@landfall/testing';
import { NO_API_FAULTS } from './api-wire.js';
import { NO_DISK_FAULTS } from './contents.js';
import { NO_FAULTS } from './gates.js';
import { Process } from './kernel.js';
import { NO_WIRE_FAULTS } from './azure/transport.js';
import { orderByChance, type Wish } from './orders.js';
import { NO_QUEUE_FAULTS } from './queues.js';
import { MIXES, type MixName } from './mixes.js';
import type { SourceWish } from './source-machines.js';
import type { Troubles } from './troubles.js';
import { liveIn } from './virtual-globals.js';
import { World } from './world.js';

/*
 * One run: a phase with faults, then one without, the oracle after each. In the first nothing may be broken; in the second,
 * besides, everything has to come to its end.
 */
export interface RunOptions {
  readonly seed: number;
  readonly mix?: MixName;
  readonly trace?: (line: string) => void;
}

export interface RunReport {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** How each restore has ended. */
  readonly ends: readonly string[];
  readonly steps: number;
  /** Of virtual time, in all, and from the end of the faults to the end of the last restore. */
  readonly minutes: number;
  readonly recoveryMs: number;
  readonly troubles: Troubles;
  readonly reached: ReadonlyMap<string, number>;
  readonly died: ReadonlyMap<string, number>;
}

const MINUTE = 60_000;
const ENDS_WITHIN = 6 * 60 * MINUTE;
const COMES_TO_A_STEP_WITHIN = 10 * MINUTE;
const MOST_STEPS = 150_000;
const VOID_AT_MOST = 2 * MINUTE;
/** Longer than anybody is stopped, as a rule. */
const QUIET = 61_000;

export async function simulate({ seed, mix = 'all', trace }: RunOptions): Promise<RunReport> {
  const world = new World(seed);
  const { kernel } = world;
  kernel.trace = trace ?? null;
  const unforeseen: Violation[] = [];
  const onRejection = (error: unknown): void => {
    const evidence = error instanceof Error ? error.stack : String(error);
    unforeseen.push({ invariant: 'I6', what: 'A process would have ended with an unhandled rejection.', evidence });
  };
  process.on('unhandledRejection', onRejection);
  liveIn(kernel);
  try {
    const troubles = MIXES[mix](kernel.random);
    world.start();
    askForRestores(world, troubles);
    const { from } = troubles;
    if (from !== undefined) await kernel.run(COMES_TO_A_STEP_WITHIN, () => world.shared.hasBegun(from), MOST_STEPS);
    begin(world, troubles);
    await kernel.run(troubles.lastsMs, () => false, MOST_STEPS);
    const safety = judge(await world.evidence(false)).filter(({ invariant }) => invariant !== 'I4');

    calm(world);
    const calmAt = kernel.now;
    const person = new Process('person');
    let ended = false;
    const accesses = new VoidAccesses();
    const resumed = new Map<string, number>();
    const look = async (): Promise<void> => {
      accesses.look(kernel.now, await world.voidAccesses());
      ended = await helpToAnEnd(world, resumed);
      if (!ended) kernel.schedule(5_000, 'a person looks', person, look);
    };
    kernel.schedule(5_000, 'a person looks', person, look);
    await kernel.run(ENDS_WITHIN, () => ended, MOST_STEPS);
    const recoveryMs = kernel.now - calmAt;
    await kernel.run(quietMs(troubles), () => false, MOST_STEPS);
    const evidence = await world.evidence(true);
    const peoples = [...world.people.values()].flatMap(({ violations }) => violations);
    return {
      seed,
      violations: [
        ...safety,
        ...judge(evidence),
        ...unforeseen,
        ...wrongDecisions(world),
        ...accesses.violations,
        ...peoples,
        ...world.ofCopies,
      ],
      ends: evidence.restores.map(({ restore }) => restore.state),
      steps: kernel.steps,
      minutes: kernel.elapsed / MINUTE,
      recoveryMs,
      troubles,
      reached: world.gates.reached,
      died: world.gates.died,
    };
  } finally {
    liveIn(null);
    process.off('unhandledRejection', onRejection);
  }
}

/** Whoever was stopped last is awake again, and has done what it was about to do. */
function quietMs({ events }: Troubles): number {
  return Math.max(QUIET, ...events.map(({ what }) => ('ms' in what ? what.ms + 1_000 : 0)));
}

function askForRestores(world: World, { restores, wish }: Troubles): void {
  const { kernel } = world;
  for (let number = 0; number < restores; number++) {
    kernel.schedule(kernel.random.between(0, 10_000), 'a restore is asked for', null, () => ask(world, number, wish));
  }
}

/** Lets the troubles come. */
function begin(world: World, troubles: Troubles): void {
  const { kernel, gates, queues, azure, wire, apis } = world;
  Object.assign(gates.faults, troubles.gates);
  apis.faults = { ...troubles.api };
  queues.faults = troubles.queues;
  azure.faults = troubles.azure;
  Object.assign(wire.faults, troubles.wire);
  Object.assign(world.diskFaults, troubles.disks);
  for (const { atMs, what } of troubles.events) {
    kernel.schedule(atMs, what.kind, null, () => {
      kernel.say(`trouble: ${JSON.stringify(what)}`);
      return happen(world, what);
    });
  }
}

async function ask(world: World, number: number, wish?: Wish): Promise<void> {
  const place = { subnetId: world.subnetId, plant: (source: SourceWish) => world.sources.plant(source) };
  const order = orderByChance(world.kernel.random, number, place, wish);
  const { restoreId } = await requestRestore(world.shared.books, { request: order.request, requestedBy: 'olivia' });
  world.enter(restoreId, order);
}

async function happen(world: World, what: Troubles['events'][number]['what']): Promise<void> {
  const { kernel, gates, queues, azure, apis } = world;
  switch (what.kind) {
    case 'flush':
      return queues.flushAll();
    case 'snapshot':
      return queues.keepSnapshot();
    case 'redis restart':
      return queues.restart();
    case 'redis away':
      gates.redisDownUntil = kernel.now + what.ms;
      return;
    case 'postgres away':
      gates.postgresDownUntil = kernel.now + what.ms;
      return;
    case 'api away':
      apis.downUntil = kernel.now + what.ms;
      return;
    case 'kill': {
      const process = kernel.random.pick(world.servicesOf(what.service));
      return process && kernel.kill(process, 'kill -9');
    }
    case 'kill a mover': {
      const mover = kernel.random.pick([...world.movers, ...world.poolMovers]);
      return mover && kernel.kill(mover, 'kill -9');
    }
    case 'end a mover':
      return kernel.random.pick([...world.movers, ...world.poolMovers])?.askToEnd();
    case 'lose a worker':
      return azure.removeByHand(kernel.random);
    case 'stop a mover': {
      const mover = kernel.random.pick([...world.movers, ...world.poolMovers]);
      if (mover) mover.stoppedUntil = kernel.now + what.ms;
      return;
    }
    case 'stop a service': {
      const process = kernel.random.pick(world.servicesOf(what.service));
      if (process) process.stoppedUntil = kernel.now + what.ms;
      return;
    }
    case 'start a source':
      return world.sources.start();
    case 'attach to a source':
      return world.sources.attach();
    case 'recreate a source':
      return world.sources.recreate();
    case 'lock a source':
      return world.sources.lock();
    default:
      return person(world, what.kind);
  }
}

const PERSON = {
  ...{ cancel: requestCancel, resume: requestResume, rollback: requestRollback },
  purge: (books: RestoreBooks, restoreId: string, actor: string) =>
    requestPurge(books, restoreId, actor, { selfApproval: true }),
} as const;

async function person(world: World, action: keyof typeof PERSON): Promise<void> {
  const restoreId = world.kernel.random.pick([...world.orders.keys()]);
  if (restoreId === undefined) return;
  await PERSON[action](world.shared.books, restoreId, 'olivia').catch((error: unknown) => {
    if (kindOf(error) !== 'permanent') throw error;
  });
}

/** No more faults: everybody who is stopped goes on, and whoever is dead comes back soon. */
function calm(world: World): void {
  world.kernel.say('no more faults');
  Object.assign(world.gates.faults, NO_FAULTS);
  world.gates.postgresDownUntil = 0;
  world.gates.redisDownUntil = 0;
  world.queues.faults = NO_QUEUE_FAULTS;
  world.azure.faults = { lateFailure: 0, hidden: 0 };
  Object.assign(world.wire.faults, NO_WIRE_FAULTS);
  Object.assign(world.diskFaults, NO_DISK_FAULTS);
  world.apis.faults = { ...NO_API_FAULTS };
  world.apis.downUntil = 0;
  world.sources.unlock();
  world.restartMs = [200, 2_000];
}

/** After so many resumptions in vain a restore to the original location is rolled back. */
const RESUMED_AT_MOST = 4;

/** Does what a person has to, where one is waited for. Returns whether everything has ended. */
async function helpToAnEnd(world: World, resumed: Map<string, number>): Promise<boolean> {
  const restores = await world.shared.books.restores();
  for (const restore of restores) {
    if (restore.state === 'needs-attention') await help(world, restore, resumed);
  }
  const areOver = [...world.people.values()].every(({ isOver }) => isOver);
  return restores.length > 0 && areOver && restores.every(({ state }) => hasEnded(state));
}

async function help(world: World, { id, plan, turn, cutOverAt }: Restore, resumed: Map<string, number>): Promise<void> {
  const times = (resumed.get(id) ?? 0) + 1;
  resumed.set(id, times);
  const replaced = plan?.source;
  // Before that nothing needs its place: whoever has made another machine there keeps it.
  if (replaced !== undefined && cutOverAt !== null && times > 1) world.sources.makeRoom(replaced.azureId);
  if (replaced === undefined || turn !== null || times <= RESUMED_AT_MOST) return resume(world, id);
  world.kernel.say(`rolls ${id} back`);
  await requestRollback(world.shared.books, id, 'olivia').catch(() => undefined);
}

async function resume(world: World, restoreId: string): Promise<void> {
  world.kernel.say(`resumes ${restoreId}`);
  await requestResume(world.shared.books, restoreId, 'olivia').catch(() => undefined);
}

/** Accesses that nobody can use: whoever grants one enters it, and whoever ends one strikes it off, within moments. */
class VoidAccesses {
  readonly violations: Violation[] = [];
  #since = new Map<string, number>();

  look(now: number, found: readonly string[]): void {
    this.#since = new Map(found.map((disk) => [disk, this.#since.get(disk) ?? now]));
    for (const [disk, since] of this.#since) {
      if (now - since < VOID_AT_MOST || this.violations.length > 0) continue;
      const what = 'The books hold an access to a disk that Azure does not know, and nobody mends it.';
      this.violations.push({ invariant: 'I6', what, evidence: disk });
    }
  }
}

/** What mends itself later, at the cost of an attempt, and is wrong all the same. */
function wrongDecisions({ shared }: World): readonly Violation[] {
  const broken = (what: string) => (evidence: string) => ({ invariant: 'I6', what, evidence }) as const;
  return [
    // It waits for what others report: there is nothing of it that could have died.
    ...shared.takenForDead.map(broken('A run that had parked was taken for one that had died.')),
    ...shared.givenUpAnew.map(broken('A worker was given up whose VM another run had asked for since.')),
  ];
}
