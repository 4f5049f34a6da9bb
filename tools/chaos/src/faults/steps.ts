import type { Cell, Stopped } from '../live/cell.js';
import { isAtRest } from '../live/restores.js';
import { PATIENCE_MS } from '../live/trial.js';

/** The works that a restore to a new location by a worker goes through, and the way back: crash points begin with them. */
export const PLACES = [
  'plan',
  'create-empty-disks',
  'launch-worker',
  'restore-data',
  'detach-disks',
  'deallocate-worker',
  'create-vm',
  'attach-disks',
  'remove-created',
] as const;

export type Place = (typeof PLACES)[number];

/** Whether it belongs to the way back. */
export function isBack(place: Place): boolean {
  return place === 'remove-created';
}

export const STEPS_FORWARD = PLACES.filter((place) => !isBack(place));

/** Stops whoever begins the work, as soon as that is written down. */
export function stopAtBegin(cell: Cell, place: Place): void {
  cell.arm([`${place}.running.afterCommit stop`]);
}

/** The process that has stopped at the armed point; null when the restore ends without coming by. */
export async function stoppedOrOver(cell: Cell, restoreId: string, back = false): Promise<Stopped | null> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += 2_000) {
    const stopped = await cell.stopped(2_000);
    if (stopped !== null) return stopped;
    if (await isOver(cell, restoreId, back)) return cell.stopped(200);
  }
  return null;
}

/** Whether a restore has come to its end, or has been taken away: nothing of it will come by any more. */
export async function isOver(cell: Cell, restoreId: string, back: boolean): Promise<boolean> {
  const restore = await cell.books.books.restore(restoreId).catch(() => null);
  return back ? restore?.state === 'rolled-back' : restore !== null && isAtRest(restore);
}
