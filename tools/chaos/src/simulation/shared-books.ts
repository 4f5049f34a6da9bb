import {
  SEALING_CONTEXT,
  type CallJournal,
  type DiskAccess,
  type DiskAccesses,
  type Leases,
  type RestoreBooks,
  type RestoreTransaction,
  type WorkerRegistry,
} from '@landfall/domain';
import { mayFail, withCrashPoints, wrapped } from '@landfall/pipeline';
import {
  MemoryBooks,
  MemoryDiskAccesses,
  MemoryLeases,
  MemorySecretBox,
  MemoryWorkerRegistry,
} from '@landfall/testing';
import type { FailedDisk } from '@landfall/testing';
import type { Gates } from './gates.js';

/** A process' way to Postgres. */
export interface Connections {
  readonly books: RestoreBooks;
  readonly workers: WorkerRegistry;
  readonly accesses: DiskAccesses;
  readonly leases: Leases;
}

/** Postgres: what all processes share, and each one's way to it. */
export class SharedBooks {
  readonly books = new MemoryBooks({ locksNeeded: true });
  readonly workers = new MemoryWorkerRegistry();
  readonly accesses = new MemoryDiskAccesses();
  readonly leases = new MemoryLeases();
  readonly secrets = new MemorySecretBox();
  /** What was written to columns that hold secrets, sealed. */
  readonly written: string[] = [];

  /** Runs of steps that have parked: whatever ran them has ended well. */
  readonly #parked = new Set<string>();
  /** Those of them that were taken for dead all the same. */
  readonly takenForDead: string[] = [];
  /** Workers that were given up though another run had asked for their VM since. */
  readonly givenUpAnew: string[] = [];

  constructor(private readonly gates: Gates) {}

  /** Told beside the run, without a way to Postgres: what the books hold at this moment. */
  diskOf(segmentId: string): string | null {
    return this.books.now.segments.get(segmentId)?.diskName ?? null;
  }

  /** Whether a restore has come to this work. */
  hasBegun(step: string): boolean {
    return [...this.books.now.restores.values()].some(({ works }) =>
      works.some(({ id, state }) => id === step && state === 'running'),
    );
  }

  /** Whether everything was written, and found to be right where that was wanted. */
  isTransferred(restoreId: string): boolean {
    const works = this.books.now.restores.get(restoreId)?.works ?? [];
    return works.some(({ id, state }) => id === 'restore-data' && state === 'done');
  }

  /** Whether a verdict on a disk of it has to end it. */
  isMoving(restoreId: string): boolean {
    const restore = this.books.now.restores.get(restoreId);
    return restore !== undefined && mayFail(restore);
  }

  /** Verdicts that were entered before their restore had come to its end. */
  async verdictsInTime(): Promise<readonly FailedDisk[]> {
    const found: FailedDisk[] = [];
    for (const { id } of await this.books.restores()) {
      const events = await this.books.events(id, 0, 100_000);
      const back = events.find(({ type }) => /^restore\.(completed|cancelling|rolling-back)$/.test(type));
      for (const { at, diskName, code } of await this.books.verdicts(id)) {
        const isLate = back !== undefined && back.at < at;
        if (!isLate) found.push({ restoreId: id, diskName, code });
      }
    }
    return found;
  }

  /** The SAS of an access, for whoever is granted a segment of the disk. */
  reveal({ restoreId, diskName, sealedUrl }: DiskAccess): string {
    return this.secrets.open(sealedUrl, SEALING_CONTEXT.diskAccess(restoreId, diskName)).reveal();
  }

  /** The books, with an eye on what becomes of steps. */
  #watched(): RestoreBooks {
    return wrapped(this.books as RestoreBooks, {
      transaction: async (work) => {
        const moves: (() => void)[] = [];
        const result = await this.books.transaction((tx) =>
          work(
            wrapped<RestoreTransaction>(tx, {
              moveWork: async (restoreId, work, guard, to, patch = {}) => {
                const moved = await tx.moveWork(restoreId, work, guard, to, patch);
                const run = `${restoreId} ${work.id} ${guard.epoch}`;
                if (moved && patch.parked === true) moves.push(() => this.#parked.add(run));
                if (moved && patch.error?.code === 'STEP_INTERRUPTED' && this.#parked.has(run)) {
                  moves.push(() => this.takenForDead.push(run));
                }
                return moved;
              },
            }),
          ),
        );
        for (const move of moves) move();
        return result;
      },
    });
  }

  /** The workers, with an eye on whether they are given up as those that were looked at, where they are launched. */
  #watchedWorkers(): WorkerRegistry {
    const isLaunching = /^provisioner-/.test(this.gates.kernel.process?.name ?? '');
    const seen = new Map<string, number>();
    return wrapped<WorkerRegistry>(this.workers, {
      workers: async (filter) => {
        const found = await this.workers.workers(filter);
        for (const { id, entered } of found) seen.set(id, entered);
        return found;
      },
      retire: async (id, entered) => {
        const before = await this.workers.worker(id);
        const retired = await this.workers.retire(id, entered);
        const isAnew = before !== null && before.entered > (seen.get(id) ?? before.entered);
        if (isLaunching && retired && isAnew) this.givenUpAnew.push(id);
        return retired;
      },
    });
  }

  /** The books as the running process sees them. */
  connect(): Connections {
    const { gates } = this;
    const owner = gates.kernel.process;
    const gated = overGate(this.#watched(), gates, {
      journal: (restoreId, work, epoch) =>
        overGate<CallJournal>(this.books.journal(restoreId, work, epoch), gates, {}, `journal of ${work}`),
      // A process is told of its own commits only.
      onOutbox: (listener) =>
        this.books.onOutbox(() => {
          if (owner?.alive && gates.kernel.process === owner) listener();
        }),
    });
    return {
      books: withCrashPoints(gated, gates.hook),
      workers: overGate<WorkerRegistry>(this.#watchedWorkers(), gates, {}),
      leases: overGate<Leases>(this.leases, gates, {}, 'lease'),
      accesses: overGate<DiskAccesses>(
        {
          put: (access, present) => {
            this.written.push(access.sealedUrl);
            return this.accesses.put(access, present);
          },
          access: (restoreId, diskName) => this.accesses.access(restoreId, diskName),
          remove: (present) => this.accesses.remove(present),
          removeAll: (restoreId) => this.accesses.removeAll(restoreId),
        },
        gates,
        {},
      ),
    };
  }
}

/** Every method becomes a call of Postgres, but for those given. */
function overGate<T extends object>(target: T, gates: Gates, own: Partial<T>, prefix = ''): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...parameters: unknown[]): unknown =>
        gates.postgres(
          `${prefix}${prefix && ': '}${String(name)}${detail(name, parameters)}`,
          () => Reflect.apply(value, target, parameters) as unknown,
        );
    },
  });
}

function detail(name: string | symbol, [first]: readonly unknown[]): string {
  if (typeof first === 'string') return ` ${first}`;
  const key = typeof first === 'object' && first !== null && 'key' in first ? first.key : null;
  return name === 'begin' && typeof key === 'string' ? ` ${key}` : '';
}
