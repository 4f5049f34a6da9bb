import type { CallJournal, DiskAccesses, Leases, RestoreBooks, WorkerRegistry } from '@landfall/domain';
import { withCrashPoints } from '@landfall/pipeline';
import {
  MemoryBooks,
  MemoryDiskAccesses,
  MemoryLeases,
  MemorySecretBox,
  MemoryWorkerRegistry,
} from '@landfall/testing';
import type { Gates } from './gates.js';

/** Postgres: what all processes share, and each one's way to it. */
export class SharedBooks {
  readonly books = new MemoryBooks();
  readonly workers = new MemoryWorkerRegistry();
  readonly accesses = new MemoryDiskAccesses();
  readonly leases = new MemoryLeases();
  readonly secrets = new MemorySecretBox();
  /** What was written to columns that hold secrets, sealed. */
  readonly written: string[] = [];

  constructor(private readonly gates: Gates) {}

  /** The books as the running process sees them. */
  connect(): { books: RestoreBooks; workers: WorkerRegistry; accesses: DiskAccesses; leases: Leases } {
    const { gates } = this;
    const owner = gates.kernel.process;
    const gated = overGate(this.books as RestoreBooks, gates, {
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
      workers: overGate<WorkerRegistry>(this.workers, gates, {}),
      leases: overGate<Leases>(this.leases, gates, {}, 'lease'),
      accesses: overGate<DiskAccesses>(
        {
          put: (access) => {
            this.written.push(access.sealedUrl);
            return this.accesses.put(access);
          },
          access: (restoreId, diskName) => this.accesses.access(restoreId, diskName),
          remove: (restoreId, diskName) => this.accesses.remove(restoreId, diskName),
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
