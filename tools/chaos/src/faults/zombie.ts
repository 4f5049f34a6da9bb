import { setTimeout as pause } from 'node:timers/promises';
import type { TransferMode } from '@landfall/domain';
import { identify, isAlive, kindOfProcess, type ProcessIdentity } from '@landfall/local-stack/parts';
import { LEASE_SECONDS, type Cell } from '../live/cell.js';
import { restoreTrial, type Trial } from '../live/trial.js';
import { stoppedOrOver } from './steps.js';

/*
 * F9: a data-mover stands still with a segment in hand until its lock and its lease have run out and another one has the
 * segment, and then goes on as if nothing had happened; or all data-movers of its worker, or of the pool, do so at once,
 * as they do when their machine stands still.
 */
const LONGER_THAN_A_LEASE_MS = (LEASE_SECONDS + 8) * 1_000;
/** One whose lease is over ends by itself, however little it has to do. */
const ENDS_WITHIN_MS = 25_000;

export function zombieTrials(): readonly Trial[] {
  const points = ['move', 'verify'].flatMap((purpose) =>
    ['afterClaim', 'afterWork', 'afterReport'].map((where) => `restore-data.${purpose}.${where}`),
  );
  return (['worker', 'direct'] as const).flatMap((transfer) => [
    ...points.flatMap((point) => ['', '#2'].map((occurrence) => zombieTrial(`${point}${occurrence}`, transfer, false))),
    ...points.map((point) => zombieTrial(point, transfer, true)),
  ]);
}

function zombieTrial(point: string, transfer: TransferMode, all: boolean): Trial {
  const who = all ? `all data-movers of a ${transfer === 'worker' ? 'worker' : 'pool'}` : 'data-mover';
  return {
    fault: 'F9',
    name: `${who} stopped at ${point} for ${LONGER_THAN_A_LEASE_MS / 1_000} s (${transfer})`,
    async run(cell) {
      let zombies: readonly ProcessIdentity[] = [];
      const outcome = await restoreTrial(cell, {
        transfer,
        prepare: () => cell.arm([`${point} stop`]),
        async disturb(_, restoreId) {
          const stopped = await stoppedOrOver(cell, restoreId);
          if (stopped === null) return { at: null };
          const pids = [stopped.pid, ...(all ? await besides(cell, stopped.pid) : [])];
          zombies = pids.map(identify).filter((each) => each !== null);
          for (const { pid } of zombies) process.kill(pid, 'SIGSTOP');
          cell.note(`${zombies.map(({ pid }) => pid).join(', ')} stand still`);
          const at = performance.now();
          await pause(LONGER_THAN_A_LEASE_MS);
          for (const zombie of zombies) if (isAlive(zombie)) process.kill(zombie.pid, 'SIGCONT');
          return { at };
        },
      });
      const left = await alive(zombies);
      const violations = left.map(({ pid }) => `I7: data-mover ${pid} goes on, and its lease has run out`);
      return { ...outcome, violations: [...outcome.violations, ...violations] };
    },
  };
}

/** The other data-movers on the worker of this one, or in its pool. */
async function besides(cell: Cell, pid: number): Promise<readonly number[]> {
  const workers = await cell.azure.workers();
  const own = workers.find((worker) => worker.pid === pid);
  const pool = cell.services.filter((name) => kindOfProcess(name) === 'data-mover').map((name) => cell.pid(name));
  const peers = own === undefined ? pool : workers.filter(({ vm }) => vm === own.vm).map((worker) => worker.pid);
  return peers.filter((each) => each !== null).filter((each) => each !== pid);
}

/** Those that have not ended in time. */
async function alive(processes: readonly ProcessIdentity[]): Promise<readonly ProcessIdentity[]> {
  const deadline = performance.now() + ENDS_WITHIN_MS;
  while (processes.some(isAlive) && performance.now() < deadline) await pause(50);
  return processes.filter(isAlive);
}
