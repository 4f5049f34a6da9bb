import type { Estimates } from '../../plan.js';
import type { Exchange } from './exchange.js';
import type { LivingVm } from './living-vm.js';

/*
 * How long the machine is gone: from when it is told to stop until it is made anew and starts. Nothing of it depends on how
 * many bytes the disks have: their data is written beforehand, the snapshots are incremental, and a move copies nothing.
 */

/**
 * Seconds that Azure takes. The move is recorded: more than two minutes for a single resource (Azure/azure-cli,
 * `test_resource_move`), and so is a disk's snapshot itself, 1.2 s (`test_completion_percent`), which is filled in the background.
 * Of the others no recording is public: these are the times of the emulator's profile `azure`.
 */
const TAKES = {
  deallocate: 20,
  snapshot: 1.2,
  /** Until snapshots are complete: all are filled side by side, with what has changed since those that were made before. */
  fillSnapshots: 60,
  validateMove: 15,
  removeVm: 20,
  removeDisk: 0.1,
  move: 125,
  createVm: 20,
} as const;

/** How much later the end of a call is seen: as often as Azure asks to be asked, 10 s of machines and 15 s of moves. */
const SEEN_LATER = { machine: 10, move: 15 } as const;

export function estimateOutage(
  { powerState }: LivingVm,
  { living, replaced }: Exchange,
): Required<Pick<Estimates, 'outageSeconds'>> {
  const gone = stopSeconds(powerState, living.length);
  const cutOver =
    TAKES.removeVm +
    SEEN_LATER.machine +
    replaced.size * TAKES.removeDisk +
    TAKES.move +
    SEEN_LATER.move +
    TAKES.createVm +
    SEEN_LATER.machine;
  return { outageSeconds: Math.ceil(gone + cutOver) };
}

/** From the stop to the gate, while the machine can still be had back by starting it. */
export function stopSeconds(powerState: string | null, disks: number): number {
  const stop = powerState === 'deallocated' ? 0 : TAKES.deallocate + SEEN_LATER.machine;
  return stop + disks * TAKES.snapshot + TAKES.fillSnapshots + TAKES.validateMove + SEEN_LATER.move;
}
