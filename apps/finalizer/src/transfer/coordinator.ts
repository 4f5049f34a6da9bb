import {
  type CallJournal,
  type LandfallError,
  RetryableError,
  type Restore,
  type RestoreBooks,
  type Segment,
  type SegmentTotal,
  type VerifyMode,
} from '@landfall/domain';
import { recordOutcome, type StageOutput, type StepRun } from '@landfall/pipeline';
import type { DirectDisks } from './direct-disks.js';
import { cutVerification, fillWindow, isMoving, type Route, routesOf, transferStep } from '@landfall/transfer';

/*
 * Step 5 after it has begun: looks into the books and does what comes next.
 *
 *   unfinished `move` segments    → fill each route's window, and wait for results
 *   all moved, not yet verified   → complete directly written disks, so that nothing more can be written; cut the `verify`
 *                                   segments (mode `none`: there are none), hand them out likewise
 *   everything done               → end all access to directly written disks, end the step
 *   a segment failed for good     → end the step with its error
 *
 * It keeps nothing in memory: every call starts from Postgres, and every change is guarded there, so that it may be
 * called at any time, by several processes, after every result and by the reconciler alike.
 */
export interface CoordinatorPorts {
  readonly books: RestoreBooks;
  readonly direct: DirectDisks;
}

export class Coordinator {
  /** One run at a time for each restore; what comes in meanwhile is one more run after it. */
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();

  constructor(private readonly ports: CoordinatorPorts) {}

  /** @throws LandfallError what the books could not do; the call can be repeated */
  async proceed(restoreId: string): Promise<void> {
    const running = this.#running.get(restoreId);
    if (running !== undefined) {
      this.#again.add(restoreId);
      return running;
    }
    const run = this.#runUntilQuiet(restoreId).finally(() => this.#running.delete(restoreId));
    this.#running.set(restoreId, run);
    return run;
  }

  /** Ends the step: `error` decides by its kind whether the restore turns round or is tried again. */
  async fail(restore: Restore, error: LandfallError): Promise<void> {
    await recordOutcome(this.ports.books, runOf(restore), { kind: 'failed', error });
  }

  async #runUntilQuiet(restoreId: string): Promise<void> {
    do {
      this.#again.delete(restoreId);
      await this.#advance(restoreId);
    } while (this.#again.has(restoreId));
  }

  async #advance(restoreId: string): Promise<void> {
    const { books } = this.ports;
    const restore = await books.restore(restoreId);
    if (!isMoving(restore)) return;
    const routes = routesOf(restore);

    if (await this.#isUnfinished(restoreId, 'move')) return this.#fillAll(restore, routes, 'move');
    if (!(await this.#hasAny(restoreId, 'verify')) && !(await this.#prepareVerification(restore))) return;
    if (await this.#isUnfinished(restoreId, 'verify')) return this.#fillAll(restore, routes, 'verify');
    await this.#finish(restore);
  }

  async #fillAll(restore: Restore, routes: readonly Route[], purpose: Segment['purpose']): Promise<void> {
    const failed = await this.ports.books.segments(restore.id, { purpose, states: ['failed'], limit: 1 });
    if (failed[0] !== undefined) return this.fail(restore, leftUnfinished(failed[0]));
    for (const route of routes) await fillWindow(this.ports.books, restore.id, route, purpose);
  }

  /** Returns false when the step has ended in an error. */
  async #prepareVerification(restore: Restore): Promise<boolean> {
    const mode = restore.plan?.options.verify ?? 'none';
    const moved = await this.ports.books.segments(restore.id, { purpose: 'move' });
    if (!isVerified(mode, moved.length)) return true;
    if (restore.plan?.options.transfer === 'direct') {
      const { direct } = this.ports;
      const done = await this.#orFail(restore, async (journal) => {
        await direct.seal(restore, journal);
        await direct.keepOpen(restore, journal);
      });
      if (!done) return false;
    }
    await this.#createVerification(restore, mode, moved);
    return true;
  }

  async #createVerification(restore: Restore, mode: VerifyMode, moved: readonly Segment[]): Promise<void> {
    const segments = (restore.plan?.disks ?? []).flatMap((disk) =>
      cutVerification(
        mode,
        moved.filter((segment) => segment.diskName === disk.name),
        disk.sizeBytes,
      ).map((cut) => ({ restoreId: restore.id, diskName: disk.name, purpose: 'verify' as const, ...cut })),
    );
    await this.ports.books.transaction(async (tx) => {
      if (!isMoving(await tx.lockRestore(restore.id))) return;
      await tx.createSegments(segments);
      await tx.addEvent(
        restore.id,
        'restore-data.verifying',
        `Everything is written; reading it back (${mode}, ${segments.length} ranges).`,
        { mode, segments: segments.length },
      );
    });
  }

  async #finish(restore: Restore): Promise<void> {
    const { books, direct } = this.ports;
    if (restore.plan?.options.transfer === 'direct') {
      if (!(await this.#orFail(restore, (journal) => direct.close(restore, journal)))) return;
    }
    const output = summary(await books.segmentTotals(restore.id));
    await recordOutcome(books, runOf(restore), { kind: 'done', output });
  }

  /** A failure counts as an attempt of the step, which comes back here when it is taken up again. Returns false then. */
  async #orFail(restore: Restore, work: (journal: CallJournal) => Promise<void>): Promise<boolean> {
    const { books } = this.ports;
    const run = runOf(restore);
    try {
      await work(books.journal(run.restoreId, run.step, run.epoch));
      return true;
    } catch (error) {
      await recordOutcome(books, run, { kind: 'failed', error });
      return false;
    }
  }

  async #isUnfinished(restoreId: string, purpose: Segment['purpose']): Promise<boolean> {
    const states = ['pending', 'running', 'failed'] as const;
    return (await this.ports.books.segments(restoreId, { purpose, states, limit: 1 })).length > 0;
  }

  async #hasAny(restoreId: string, purpose: Segment['purpose']): Promise<boolean> {
    return (await this.ports.books.segments(restoreId, { purpose, limit: 1 })).length > 0;
  }
}

function runOf(restore: Restore): StepRun {
  const { id: step, epoch } = transferStep(restore);
  return { restoreId: restore.id, step, epoch };
}

/** Whether anything is read back. Where nothing was written, a sample of it would say nothing. */
export function isVerified(mode: VerifyMode, movedSegments: number): boolean {
  return mode === 'full' || (mode === 'sampled' && movedSegments > 0);
}

export function summary(totals: readonly SegmentTotal[]): StageOutput<'restore-data'> {
  const of = (purpose: Segment['purpose'], field: 'count' | 'bytes'): number =>
    totals.filter((total) => total.purpose === purpose).reduce((sum, total) => sum + total[field], 0);
  return { segments: of('move', 'count'), bytesMoved: of('move', 'bytes'), bytesVerified: of('verify', 'bytes') };
}

function leftUnfinished(segment: Segment): RetryableError {
  return new RetryableError({
    code: 'SEGMENT_FAILED',
    message: `Segment ${segment.index} of the disk "${segment.diskName}" could not be finished.`,
    fix: 'Look into the restore’s events for its error; resume the restore once its cause is removed.',
  });
}
