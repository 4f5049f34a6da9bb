import { type RestoreBooks, WaitingError } from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';
import {
  beginPhase,
  goOn,
  handOut,
  handOutWhatIsLost,
  isDirect,
  isMoving,
  isVerified,
  type ReconcilePorts,
  routeOf,
} from '@landfall/transfer';
import type { DirectPhasePorts } from './direct-phases.js';

/*
 * Step 5: cuts the disks into segments, hands out the first of them, and leaves the rest to the data-movers' reports.
 *
 * Taken up again it goes on: what is done stays done; what failed for good before is tried anew; what is under
 * way and has no job any more is handed out once more.
 */
export type RestoreDataPorts = DirectPhasePorts & Pick<ReconcilePorts, 'jobs'>;

const LOOK_AGAIN_MS = 2_000;

export function restoreDataStep(ports: RestoreDataPorts): StepHandler<'restore-data'> {
  const { books, direct, exclusively } = ports;
  return async (context) => {
    const { plan, journal, signal } = context;
    const restore = (await books.restore(context.restore.id)) ?? noLonger(context.restore.id);
    let segments = await books.segments(restore.id, { purpose: 'move', limit: 1 });
    if (segments.length === 0) {
      await books.transaction(async (tx) => {
        const now = await tx.lockRestore(restore.id);
        if (isMoving(now) && !(await tx.hasSegments(now.id, { purpose: 'move' }))) await beginPhase(tx, now, 'move');
      });
      segments = await books.segments(restore.id, { purpose: 'move', limit: 1 });
    }
    const alone = async (work: (held: AbortSignal) => Promise<void>): Promise<void> => {
      if (!(await exclusively(restore.id, work, signal))) throw accessesBusy(restore.id);
    };
    if (isDirect(restore) && !(await isReadBack(books, restore.id))) {
      await alone((held) => direct.open(restore, journal, held));
    }
    if (segments.length === 0 && !isVerified(plan.options.verify, 0)) {
      if (isDirect(restore)) await alone((held) => direct.close(restore, journal, held));
      return { kind: 'done', output: { segments: 0, bytesMoved: 0, bytesVerified: 0 } };
    }
    // In this order: what is handed out here has no job yet while it lies in the outbox.
    await handOutWhatIsLost(ports, restore);
    await books.transaction(async (tx) => {
      const now = await tx.lockRestore(restore.id);
      if (!isMoving(now)) return;
      for (const segment of await tx.segments(restore.id, { states: ['failed'] })) {
        await handOut(tx, segment, routeOf(now, segment).queue, { attempts: 0, writerMayLive: true });
      }
      await goOn(tx, now);
    });
    return { kind: 'parked' };
  };
}

/** Nobody needs an access any more: what is left to do is to take all of them away. */
async function isReadBack(books: RestoreBooks, restoreId: string): Promise<boolean> {
  const verifying = await books.segments(restoreId, { purpose: 'verify', limit: 1 });
  if (verifying.length === 0) return false;
  return (await books.segments(restoreId, { states: ['pending', 'running', 'failed'], limit: 1 })).length === 0;
}

function accessesBusy(restoreId: string): WaitingError {
  return new WaitingError(
    {
      code: 'DISK_ACCESSES_BUSY',
      message: `Another process is changing the accesses to the disks of restore ${restoreId}.`,
      fix: 'Nothing has to be done: the step goes on once that one has ended.',
    },
    { retryAfterMs: LOOK_AGAIN_MS },
  );
}

function noLonger(restoreId: string): never {
  throw new Error(`restore ${restoreId} has vanished from the books`);
}
