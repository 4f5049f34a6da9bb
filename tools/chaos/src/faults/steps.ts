import type { Cell, Stopped } from '../live/cell.js';
import { isAtRest } from '../live/restores.js';
import { PATIENCE_MS } from '../live/trial.js';

/** What a restore to a new location by a worker goes through, by the names of its crash points, and the way back. */
export const PLACES = [
  { place: 'step00', title: 'plan' },
  { place: 'step03', title: 'create-empty-disks' },
  { place: 'step04', title: 'launch-worker' },
  { place: 'step05', title: 'restore-data' },
  { place: 'step06', title: 'detach-disks' },
  { place: 'step07', title: 'deallocate-worker' },
  { place: 'step10', title: 'create-vm' },
  { place: 'step11', title: 'attach-disks' },
  { place: 'cleanUp', title: 'clean-up' },
] as const;

export type Place = (typeof PLACES)[number];

export const STEPS_FORWARD = PLACES.filter(({ place }) => place !== 'cleanUp');

/** Stops whoever begins the step or the clean-up, as soon as that is written down. */
export function stopAtBegin(cell: Cell, { place }: Place): void {
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
