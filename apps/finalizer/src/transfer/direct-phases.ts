import { kindOf, type CallJournal, type Restore, type RestoreBooks } from '@landfall/domain';
import { recordOutcome } from '@landfall/pipeline';
import {
  beginPhase,
  endTransfer,
  goOn,
  isDirect,
  isMoving,
  isVerified,
  runOf,
  segmentsUnderWay,
  verifyMode,
} from '@landfall/transfer';
import type { DirectDisks } from './direct-disks.js';
import type { Exclusively } from './exclusively.js';

/*
 * What comes between the phases of a direct transfer, and at its end: it needs Azure.
 *
 *   all moved, to be read back   → complete every disk, so that nothing more can be written; open it for reading; cut the
 *                                  `verify` segments
 *   everything done              → end all access, end the step
 *
 * One at a time for each restore. Everything is decided anew from the books, so that it may be called at any time: by the job
 * that a report has sent, and by the reconciler.
 */
export interface DirectPhasePorts {
  readonly books: RestoreBooks;
  readonly direct: DirectDisks;
  readonly exclusively: Exclusively;
}

/** A failure of Azure counts as an attempt of the step. @throws LandfallError what the books could not do; call it again */
export async function goOnDirectly(ports: DirectPhasePorts, restoreId: string, signal?: AbortSignal): Promise<void> {
  const restore = await ports.books.restore(restoreId);
  if (!isMoving(restore) || !isDirect(restore)) return;
  const next = await whatIsNext(ports.books, restore);
  if (next === null) return;
  await ports.exclusively(
    restore.id,
    async (held) => {
      // Whoever had it before may have done it already.
      const now = await ports.books.restore(restoreId);
      if (!isMoving(now) || (await whatIsNext(ports.books, now)) !== next) return;
      if (next === 'verify') await verify(ports, now, held);
      else await end(ports, now, held);
    },
    signal,
  );
}

/**
 * Has everybody who reads or writes its disks keep their access.
 * @returns false when the step has ended in an error
 */
export async function keepOpen({ books, direct, exclusively }: DirectPhasePorts, restore: Restore): Promise<boolean> {
  const run = runOf(restore);
  let goesOn = true;
  await exclusively(restore.id, async (signal) => {
    // Only for those who read or write: the end of the step takes all access away, and what is granted beside it would stay.
    const now = await books.restore(restore.id);
    if (!isMoving(now) || (await segmentsUnderWay(books, now)).length === 0) return;
    try {
      await direct.keepOpen(now, books.journal(run.restoreId, run.work, run.epoch), signal);
    } catch (error) {
      if (kindOf(error) === 'waiting') return;
      await recordOutcome(books, run, { kind: 'failed', error });
      goesOn = false;
    }
  });
  return goesOn;
}

async function whatIsNext(books: RestoreBooks, restore: Restore): Promise<'verify' | 'end' | null> {
  const unfinished = ['pending', 'running', 'failed'] as const;
  if ((await books.segments(restore.id, { states: unfinished, limit: 1 })).length > 0) return null;
  if ((await books.segments(restore.id, { purpose: 'verify', limit: 1 })).length > 0) return 'end';
  const moved = await books.segments(restore.id, { purpose: 'move', limit: 1 });
  return isVerified(verifyMode(restore), moved.length) ? 'verify' : 'end';
}

async function verify({ books, direct }: DirectPhasePorts, restore: Restore, signal: AbortSignal): Promise<void> {
  const done = await orFail(books, restore, async (journal) => {
    await direct.seal(restore, journal, signal);
    await direct.keepOpen(restore, journal, signal);
  });
  if (!done) return;
  await books.transaction(async (tx) => {
    const now = await tx.lockRestore(restore.id);
    if (!isMoving(now) || (await tx.hasSegments(now.id, { purpose: 'verify' }))) return;
    await beginPhase(tx, now, 'verify');
    await goOn(tx, now, 'verify');
  });
}

async function end({ books, direct }: DirectPhasePorts, restore: Restore, signal: AbortSignal): Promise<void> {
  if (!(await orFail(books, restore, (journal) => direct.close(restore, journal, signal)))) return;
  await books.transaction(async (tx) => {
    const now = await tx.lockRestore(restore.id);
    const unfinished = ['pending', 'running', 'failed'] as const;
    if (!isMoving(now) || (await tx.hasSegments(now.id, { states: unfinished }))) return;
    await endTransfer(tx, now);
  });
}

/** A failure counts as an attempt of the step, which comes back here when it is taken up again. Returns false then. */
async function orFail(
  books: RestoreBooks,
  restore: Restore,
  work: (journal: CallJournal) => Promise<void>,
): Promise<boolean> {
  const run = runOf(restore);
  try {
    await work(books.journal(run.restoreId, run.work, run.epoch));
    return true;
  } catch (error) {
    await recordOutcome(books, run, { kind: 'failed', error });
    return false;
  }
}
