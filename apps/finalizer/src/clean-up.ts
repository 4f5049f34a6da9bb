import {
  endBy,
  mayOutlive,
  type DiskAccesses,
  type LockedRestore,
  type RestoreBooks,
  type RestoreState,
  type WorkerDoors,
  type WorkerRegistry,
} from '@landfall/domain';
import { shutDoor, TURNS, type RemovalPorts, type WorkHandler } from '@landfall/pipeline';
import { removeAll } from './remove-all.js';
import { removeRetrieved, type RetrievedPorts } from './sweep/remove-retrieved.js';

/*
 * The way back: takes away what the ledger lists for the restore, whatever step it has come to, unless it may be there when the
 * way back has ended. What was found to be gone before is looked at once more: Azure may not have shown it, and it would hold
 * on to the rest. Workers lose their tokens and their doors to the queues first, so that nothing is written any more. What
 * somebody else owns by now (its tags are not ours), or keeps something of theirs in, is left and named in the restore's history; what
 * was intended and never made is found to be absent and settled as removed.
 */
export interface CleanUpPorts extends RemovalPorts, RetrievedPorts {
  readonly books: Pick<RestoreBooks, 'ledger' | 'transaction'>;
  readonly workers: Pick<WorkerRegistry, 'workers' | 'retire'>;
  readonly doors: Pick<WorkerDoors, 'shut'>;
  readonly diskAccesses: Pick<DiskAccesses, 'removeAll'>;
}

export function cleanUp(ports: CleanUpPorts): WorkHandler {
  const { books, workers, doors, diskAccesses } = ports;
  return async (context) => {
    const { restore, epoch, signal } = context;
    for (const worker of await workers.workers({ restoreId: restore.id })) {
      await workers.retire(worker.id);
      await shutDoor(doors, worker.id);
    }
    const ledger = await books.ledger(restore.id);
    const own = ledger.filter((entry) => !mayOutlive(entry, endOf(restore)));
    for (const { entry, error } of await removeAll(ports, context, own, 'remove-created')) {
      await context.event('clean-up.left', error.message, { azureId: entry.azureId, code: error.code });
    }
    await diskAccesses.removeAll(restore.id);
    if (restore.plan !== null) {
      await removeRetrieved(ports, restore.id, restore.plan.restorePoint.repository, signal);
    }
    await books.transaction(async (tx) => {
      await tx.requireCurrent({ restoreId: restore.id, work: 'remove-created', epoch });
      await tx.patchRestore(restore.id, { vmAzureId: null });
    });
  };
}

function endOf({ id, turn, cutOverAt }: LockedRestore): RestoreState {
  if (turn === null) throw new Error(`Restore ${id} has not turned round.`);
  return endBy({ state: TURNS[turn.purpose].end, cutOverAt });
}
