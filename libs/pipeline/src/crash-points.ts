import type {
  CallIntent,
  CallJournal,
  CaptureBooks,
  RestoreBooks,
  RestoreTransaction,
  WorkKey,
  WorkPatch,
} from '@landfall/domain';
import { wrapped } from './wrapped.js';

/*
 * The points at which a process may die, named by what the code itself writes: nobody lists them. The books are wrapped;
 * each commit and each call of the cloud then tells the hook where the process is:
 *
 *   launch-worker.done.beforeCommit         the step's outcome is written, its transaction not yet committed
 *   launch-worker.done.afterCommit
 *   launch-worker.vm.attach.beforeIntent    a cloud call: nothing is written yet
 *   launch-worker.vm.attach.afterIntent     intent and ledger are written, nothing is called
 *   launch-worker.vm.attach.afterCall       Azure has answered, the books know nothing of it
 *   launch-worker.vm.attach.afterSubmit     the operation under way is written down
 *   launch-worker.vm.attach.beforeCommit    it has ended, the books do not know
 *   launch-worker.vm.attach.afterCommit
 *   relay.run-work.afterClaim               the relay: a job is claimed; added to the queue (beforeSent); struck off
 *                                           (afterSent)
 *
 * A hook that throws makes the transaction roll back. Without a hook nothing is wrapped and nothing costs anything.
 */
export type CrashHook = (point: string) => void | Promise<void>;

export function withCrashPoints(books: RestoreBooks, hook: CrashHook): RestoreBooks {
  return wrapped(books, {
    async transaction(work) {
      let label: string | null = null;
      const value = await books.transaction(async (tx) => {
        const writes = new Writes();
        const result = await work(writes.observing(tx));
        label = writes.label;
        if (label !== null) await hook(`${label}.beforeCommit`);
        return result;
      });
      if (label !== null) await hook(`${String(label)}.afterCommit`);
      return value;
    },
    journal(restoreId, work, epoch) {
      return new JournalWithCrashPoints(books.journal(restoreId, work, epoch), work, hook);
    },
    async claimOutbox(limit) {
      const messages = await books.claimOutbox(limit);
      for (const name of new Set(messages.map((message) => message.name))) await hook(`relay.${name}.afterClaim`);
      return messages;
    },
    async outboxSent(ids) {
      await hook('relay.beforeSent');
      await books.outboxSent(ids);
      await hook('relay.afterSent');
    },
  });
}

/** The same of a capture's calls: `capture.snapshot.create.afterIntent`; where it goes back, `capture-back.snapshot.delete…`. */
export function withCaptureCrashPoints(captures: CaptureBooks, hook: CrashHook): CaptureBooks {
  return wrapped(captures, {
    journal(run) {
      return new JournalWithCrashPoints(captures.journal(run), run.goesBack ? 'capture-back' : 'capture', hook);
    },
  });
}

/** What a transaction is about: the first of its writes that says most. */
class Writes {
  #best: { readonly label: string; readonly rank: number } | null = null;

  get label(): string | null {
    return this.#best?.label ?? null;
  }

  observing(tx: RestoreTransaction): RestoreTransaction {
    return new Proxy(tx, {
      get: (_, name) => {
        const value: unknown = Reflect.get(tx, name, tx);
        if (typeof value !== 'function') return value;
        return (...parameters: unknown[]): unknown => {
          this.#note(String(name), parameters);
          return Reflect.apply(value, tx, parameters) as unknown;
        };
      },
    });
  }

  #note(method: string, parameters: readonly unknown[]): void {
    if (READS.has(method)) return;
    const found = TELLING.indexOf(method);
    const rank = found < 0 ? TELLING.length : found;
    if (this.#best === null || rank < this.#best.rank) this.#best = { label: labelOf(method, parameters), rank };
  }
}

const READS: ReadonlySet<string> = new Set([
  ...['lockRestore', 'requireCurrent', 'granted', 'verdicts', 'contents', 'approval', 'now'],
  ...['segment', 'segments', 'hasSegments', 'unfinishedSegments', 'segmentTotals'],
]);

/** Writes that name a transaction, the most telling one first. */
const TELLING: readonly string[] = [
  'createRestore',
  'cutOver',
  'addVerdict',
  'moveWork',
  'moveRestore',
  'moveSegment',
  'storePlan',
  'createSegments',
];

function labelOf(method: string, [, second, third, fourth, fifth]: readonly unknown[]): string {
  switch (method) {
    case 'createRestore':
      return 'request';
    case 'moveWork': {
      const parked = (fifth as WorkPatch | undefined)?.parked === true;
      return `${(second as WorkKey).id}.${parked ? 'parked' : String(fourth)}`;
    }
    case 'moveRestore':
      return `restore.${String(third)}`;
    case 'moveSegment':
      return `restore-data.segment.${String(third)}`;
    case 'addVerdict':
      return 'restore-data.verdict';
    case 'handOut':
      return 'restore-data.segment.handOut';
    case 'cutOver':
      return 'remove-source.gate';
    case 'recordSource':
      return 'remove-source.record';
    case 'addEvent':
      return `event.${String(second)}`;
    default:
      return method;
  }
}

class JournalWithCrashPoints implements CallJournal {
  constructor(
    private readonly inner: CallJournal,
    private readonly place: string,
    private readonly hook: CrashHook,
  ) {}

  get ownerId(): string {
    return this.inner.ownerId;
  }

  async begin(intent: CallIntent) {
    await this.#reached(intent.key, 'beforeIntent');
    const entry = await this.inner.begin(intent);
    await this.#reached(intent.key, 'afterIntent');
    return entry;
  }

  async called(key: string): Promise<void> {
    await this.#reached(key, 'afterCall');
  }

  async submitted(...[key, pollerState]: Parameters<CallJournal['submitted']>): Promise<void> {
    await this.inner.submitted(key, pollerState);
    await this.#reached(key, 'afterSubmit');
  }

  async succeeded(...[key, result]: Parameters<CallJournal['succeeded']>): Promise<void> {
    await this.#reached(key, 'beforeCommit');
    await this.inner.succeeded(key, result);
    await this.#reached(key, 'afterCommit');
  }

  async failed(...[key, error]: Parameters<CallJournal['failed']>): Promise<void> {
    await this.#reached(key, 'failed.beforeCommit');
    await this.inner.failed(key, error);
    await this.#reached(key, 'failed.afterCommit');
  }

  async #reached(key: string, what: string): Promise<void> {
    // A key is `vm.attach:NAME`; names differ from one restore to the next.
    await this.hook(`${this.place}.${key.slice(0, key.indexOf(':'))}.${what}`);
  }
}
