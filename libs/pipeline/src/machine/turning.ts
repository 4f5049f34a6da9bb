import {
  MOVES_IN,
  presentRound,
  type ErrorDetails,
  type LockedRestore,
  type RestoreState,
  type RestoreTransaction,
  type TurnPurpose,
  type Work,
} from '@landfall/domain';
import { guardOf, mustMove } from './dispatch.js';
import { dispatchNext, moved, opened } from './next-work.js';
import type { WorkTable } from './work-table.js';
import { WORKS } from './works.js';

/*
 * How a restore turns round, whoever makes it, and when its way back begins: never beside another work. While one is running
 * it waits, pending and not dispatched, until that run has ended or its job is provably dead.
 */

/** What a restore becomes that turns round, and when it has come back. */
export const TURNS: Readonly<Record<TurnPurpose, { on: RestoreState; end: RestoreState; sentence: string }>> = {
  cancel: { on: 'cancelling', end: 'cancelled', sentence: 'The restore is cancelled; what it had created is removed.' },
  failure: { on: 'rolling-back', end: 'failed', sentence: 'The restore has failed; what it had created is removed.' },
  'roll-back': { on: 'rolling-back', end: 'rolled-back', sentence: 'The restore is rolled back.' },
};

/** Whether it has turned round and has not come back, whatever its state. */
export function isOnWayBack(restore: Pick<LockedRestore, 'works' | 'turn'>): boolean {
  return backWorks(restore).some(({ state }) => state !== 'done' && state !== 'skipped');
}

function backWorks(restore: Pick<LockedRestore, 'works' | 'turn'>): readonly Work[] {
  return restore.works.filter(
    ({ direction, round }) => direction === 'back' && round === presentRound(restore, direction),
  );
}

/** Makes the restore go back for this purpose; the way back begins at once unless a work is still running. */
export async function turnRound(
  tx: RestoreTransaction,
  restore: LockedRestore,
  purpose: TurnPurpose,
  cause: ErrorDetails | null,
  works: WorkTable = WORKS,
): Promise<void> {
  const to = TURNS[purpose].on;
  const turn = { round: (restore.turn?.round ?? 0) + 1, purpose, cause };
  const turned = await moved(tx, restore, to, { error: cause, turn });
  await tx.addEvent(restore.id, `restore.${to}`, turningSentence(purpose, cause), { purpose, ...cause });
  await beginWayBack(tx, await opened(tx, { ...turned, turn }, 'back', works), works);
}

function turningSentence(purpose: TurnPurpose, cause: ErrorDetails | null): string {
  if (purpose === 'cancel') return 'The restore is being cancelled.';
  if (purpose === 'roll-back') return 'The restore is being rolled back.';
  return `The restore can't go on: ${cause?.message ?? 'a step has failed.'}`;
}

export async function startWayBack(tx: RestoreTransaction, restoreId: string, works: WorkTable): Promise<void> {
  const restore = await tx.lockRestore(restoreId);
  if (restore !== null) await beginWayBack(tx, restore, works);
}

/** Dispatches the first work of a way back that waits, unless another one is still running; what is parked ends here. */
async function beginWayBack(tx: RestoreTransaction, restore: LockedRestore, works: WorkTable): Promise<void> {
  const isWaiting =
    MOVES_IN.back.includes(restore.state) && backWorks(restore).every(({ state }) => state === 'pending');
  if (!isWaiting) return;
  const running = restore.works.filter((work) => work.state === 'running');
  if (running.some((work) => !work.parked)) return;
  for (const work of running) {
    const patch = { epoch: work.epoch + 1, parked: false };
    mustMove(await tx.moveWork(restore.id, work, guardOf(work), 'pending', patch));
  }
  await dispatchNext(tx, restore, 'back', null, works);
}
