import type { ByteRange, NewSegment, PlannedDisk, Restore, RestoreBooks } from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';
import { cutSegments, handOut, isMoving, routeOf } from '@landfall/transfer';
import { isVerified } from './coordinator.js';
import { handOutLost, type ReconcilePorts } from './reconcile.js';

/*
 * Step 5: cuts the disks into segments, hands out the first of them, and leaves the rest to the data-movers' results.
 *
 * Taken up again it goes on: what is done stays done; what failed for good before is tried anew; what is under
 * way and has no job any more is handed out once more.
 */
export interface RestoreDataPorts extends ReconcilePorts {
  /** Where the backup of one of the plan's disks holds data. */
  readonly extentsOf: (restore: Restore, disk: PlannedDisk, signal: AbortSignal) => Promise<readonly ByteRange[]>;
}

export function restoreDataStep(ports: RestoreDataPorts): StepHandler<'restore-data'> {
  const { books, direct } = ports;
  return async (context) => {
    const { restore, plan, journal, signal } = context;
    let segments = await books.segments(restore.id, { purpose: 'move', limit: 1 });
    if (segments.length === 0) {
      const cut = await cutDisks(ports, restore, plan.disks, signal);
      await books.transaction(async (tx) => {
        if (isMoving(await tx.lockRestore(restore.id))) await tx.createSegments(cut);
      });
      const bytes = cut.reduce((sum, segment) => sum + segment.lengthBytes, 0);
      await context.event(
        'restore-data.begun',
        `${cut.length} segments of ${plan.disks.length} disks are to be written.`,
        {
          segments: cut.length,
          bytes,
          transfer: plan.options.transfer,
        },
      );
      segments = await books.segments(restore.id, { purpose: 'move', limit: 1 });
    }
    if (plan.options.transfer === 'direct' && !(await isReadBack(books, restore.id))) {
      await direct.open(restore, journal, signal);
    }

    if (segments.length === 0 && !isVerified(plan.options.verify, 0)) {
      if (plan.options.transfer === 'direct') await direct.close(restore, journal, signal);
      return { kind: 'done', output: { segments: 0, bytesMoved: 0, bytesVerified: 0 } };
    }
    // In this order: what is handed out here has no job yet while it lies in the outbox.
    await handOutLost(ports, restore);
    await tryFailedAgain(books, restore);
    await ports.coordinator.proceed(restore.id);
    return { kind: 'parked' };
  };
}

/** Nobody needs an access any more: what is left to do is to take all of them away. */
async function isReadBack(books: RestoreBooks, restoreId: string): Promise<boolean> {
  const verifying = await books.segments(restoreId, { purpose: 'verify', limit: 1 });
  if (verifying.length === 0) return false;
  return (await books.segments(restoreId, { states: ['pending', 'running', 'failed'], limit: 1 })).length === 0;
}

async function cutDisks(
  ports: RestoreDataPorts,
  restore: Restore,
  disks: readonly PlannedDisk[],
  signal: AbortSignal,
): Promise<readonly NewSegment[]> {
  const segments: NewSegment[] = [];
  for (const disk of disks) {
    signal.throwIfAborted();
    for (const cut of cutSegments(await ports.extentsOf(restore, disk, signal), disk.sizeBytes)) {
      segments.push({ restoreId: restore.id, diskName: disk.name, purpose: 'move', ...cut });
    }
  }
  return segments;
}

async function tryFailedAgain(books: RestoreBooks, restore: Restore): Promise<void> {
  const failed = await books.segments(restore.id, { states: ['failed'] });
  if (failed.length === 0) return;
  await books.transaction(async (tx) => {
    if (!isMoving(await tx.lockRestore(restore.id))) return;
    for (const segment of failed)
      await handOut(tx, segment, routeOf(restore, segment).queue, { attempts: 0, writerMayLive: true });
  });
}
