import {
  moves,
  type LockedRestore,
  type RestoreBooks,
  type RestoreTransaction,
  type StepId,
  type Work,
  type WorkState,
} from '@landfall/domain';
import { wrapped } from './wrapped.js';

/** `retried`: another attempt follows; `stopped`: the restore goes back. */
export type StepEnd = 'done' | 'failed' | 'retried' | 'stopped';

/** What a segment has cost that is done, in bytes. */
export interface SegmentBytes {
  readonly bytesWritten: number;
  readonly bytesZero: number;
  readonly bytesRead: number;
}

export interface BooksObserver {
  /**
   * A run of a step has ended, whoever ended it.
   * @param seconds since the step was first taken up
   */
  stepEnded(step: StepId, outcome: StepEnd, seconds: number): void;
  /** Once for each segment, however often it is reported. */
  segmentDone(bytes: SegmentBytes): void;
}

/**
 * Books that tell what was written through them, once it is committed. Times are those of the process: they are good for a
 * person's look at a chart, and decide on nothing.
 */
export function observedBooks(books: RestoreBooks, observer: BooksObserver): RestoreBooks {
  return wrapped(books, {
    async transaction(work) {
      const happened: (() => void)[] = [];
      const value = await books.transaction((tx) => {
        // A transaction that is tried again begins anew.
        happened.length = 0;
        return work(observing(tx, observer, happened));
      });
      for (const tell of happened) tell();
      return value;
    },
  });
}

/** The same of all that a process has of Postgres. */
export function underObservation<B extends { readonly books: RestoreBooks }>(all: B, observer: BooksObserver): B {
  return { ...all, books: observedBooks(all.books, observer) };
}

function observing(tx: RestoreTransaction, observer: BooksObserver, happened: (() => void)[]): RestoreTransaction {
  const locked = new Map<string, LockedRestore>();
  return wrapped(tx, {
    async lockRestore(id) {
      const restore = await tx.lockRestore(id);
      if (restore !== null) locked.set(id, restore);
      return restore;
    },
    async moveWork(restoreId, key, guard, to, patch) {
      const moved = await tx.moveWork(restoreId, key, guard, to, patch);
      const restore = locked.get(restoreId);
      const work = key.direction === 'forward' ? restore?.works.find(({ id }) => id === key.id) : undefined;
      const outcome = guard.from === 'running' && restore && work ? outcomeOf(restore, work, to) : null;
      if (moved && work?.startedAt && outcome !== null) {
        const seconds = Math.max(0, Date.now() - work.startedAt.getTime()) / 1000;
        happened.push(() => observer.stepEnded(work.id as StepId, outcome, seconds));
      }
      return moved;
    },
    async addEvent(restoreId, type, message, data = {}) {
      await tx.addEvent(restoreId, type, message, data);
      if (type !== 'segment.done') return;
      const of = (name: keyof SegmentBytes): number => (typeof data[name] === 'number' ? data[name] : 0);
      const bytes = {
        bytesWritten: of('bytesWritten'),
        bytesZero: of('bytesZero'),
        bytesRead: of('bytesRead'),
      };
      happened.push(() => observer.segmentDone(bytes));
    },
  });
}

function outcomeOf(restore: LockedRestore, work: Work, to: WorkState): StepEnd | null {
  if (to === 'done' || to === 'failed') return to;
  if (to !== 'pending') return null;
  return moves(restore, work) ? 'retried' : 'stopped';
}
