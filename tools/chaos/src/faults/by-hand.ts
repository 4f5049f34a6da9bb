import { setTimeout as pause } from 'node:timers/promises';
import { kindOfProcess } from '@landfall/local-stack/parts';
import type { Cell } from '../live/cell.js';
import { holdBack } from '../live/hold-back.js';
import { isAtRest, until } from '../live/restores.js';
import { PATIENCE_MS, restoreTrial, type Disturbed, type Trial } from '../live/trial.js';
import { flushAll } from './redis.js';

/*
 * What a new user would try while a disk of 2 GiB is being restored: the queue emptied, the database killed, every
 * process killed in turn, a data-mover stopped for two minutes, no API for longer than anybody likes. All that data-movers do
 * goes through the API: away for less than a worker may be silent, it is a delay; for longer, a person is asked.
 */
const STANDSTILL_MS = 120_000;
const API_AWAY_MS = 8 * 60_000;
const API_AWAY_TOO_LONG_MS = 15 * 60_000;

const KINDS: Readonly<Record<string, (cell: Cell) => Promise<void> | void>> = {
  'redis-cli FLUSHALL': flushAll,
  'kill -9 of Redis': (cell) => void cell.kill('redis'),
  'kill -9 of Postgres': (cell) => cell.ground.restartPostgres('SIGKILL'),
  ...killed('api', 'API'),
  ...killed('planner'),
  ...killed('provisioner'),
  ...killed('finalizer'),
  'kill -9 of the emulated Azure': (cell) => void cell.kill('azure-emulator'),
  'kill -9 of the data-movers': async (cell) => {
    for (const worker of await cell.azure.workers()) process.kill(worker.pid, 'SIGKILL');
  },
  'SIGSTOP of a data-mover for two minutes': async (cell) => {
    const [worker] = await cell.azure.workers();
    if (worker === undefined) throw new Error('No data-mover runs on a worker.');
    process.kill(worker.pid, 'SIGSTOP');
    await pause(STANDSTILL_MS);
    process.kill(worker.pid, 'SIGCONT');
  },
};

/** All of a kind at once, and one while the other goes on. */
function killed(kind: string, title = kind): Record<string, (cell: Cell) => void> {
  return {
    [`kill -9 of every ${title}`]: (cell) => void cell.kill(kind),
    [`kill -9 of one ${title} of two`]: (cell) => void cell.kill(`${kind}-1`),
  };
}

export function byHandTrials(): readonly Trial[] {
  return [...suddenTrials(), apiAwayTrial(), apiAwayTooLongTrial()];
}

function suddenTrials(): readonly Trial[] {
  return Object.entries(KINDS).map(([title, act]) => ({
    fault: 'by-hand',
    name: title,
    alone: true,
    run: (cell) =>
      restoreTrial(cell, {
        async disturb(_, restoreId) {
          if (!(await isWriting(cell, restoreId))) return { at: null };
          const at = performance.now();
          await act(cell);
          return { at };
        },
      }),
  }));
}

function apiAwayTrial(): Trial {
  return {
    fault: 'by-hand',
    name: `no API for ${API_AWAY_MS / 60_000} minutes`,
    alone: true,
    run: (cell) =>
      restoreTrial(cell, {
        async disturb(_, restoreId) {
          if (!(await isWriting(cell, restoreId))) return { at: null };
          const bringBack = takeApiAway(cell);
          try {
            await pause(API_AWAY_MS);
          } finally {
            bringBack();
          }
          return { at: performance.now() };
        },
      }),
  };
}

function apiAwayTooLongTrial(): Trial {
  return {
    fault: 'by-hand',
    name: `no API for ${API_AWAY_TOO_LONG_MS / 60_000} minutes, and resumed`,
    alone: true,
    async run(cell) {
      const wrong: string[] = [];
      const outcome = await restoreTrial(cell, {
        async disturb(_, restoreId): Promise<Disturbed> {
          if (!(await isWriting(cell, restoreId))) return { at: null };
          const bringBack = takeApiAway(cell);
          try {
            await pause(API_AWAY_TOO_LONG_MS);
            const { state, error } = await until(cell, restoreId, isAtRest, 0);
            cell.note(`restore ${restoreId} is ${state}: ${error?.message ?? 'no error'}`);
            if (state !== 'needs-attention' || error?.code !== 'WORKER_SILENT') {
              wrong.push(`I6: restore ${restoreId} is ${state} (${error?.code ?? 'no error'}), not left to a person`);
            }
          } finally {
            bringBack();
          }
          const at = performance.now();
          if (wrong.length === 0) await cell.post(`/v1/restores/${restoreId}/resume`, {});
          return { at };
        },
      });
      return { ...outcome, violations: [...wrong, ...outcome.violations] };
    },
  };
}

/** Returns what brings it back. */
function takeApiAway(cell: Cell): () => void {
  const names = cell.services.filter((name) => kindOfProcess(name) === 'api');
  const old = names.map((name) => cell.pid(name)).filter((pid) => pid !== null);
  const goOn = holdBack(cell, names, old);
  cell.kill('api');
  return goOn;
}

/** Waits until some of the segments are written and others are not. */
async function isWriting(cell: Cell, restoreId: string): Promise<boolean> {
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await pause(50)) {
    const { books } = cell.books;
    const done = await books.segments(restoreId, { purpose: 'move', states: ['done'] });
    const left = await books.segments(restoreId, { purpose: 'move', states: ['pending', 'running'], limit: 1 });
    if (done.length >= 2) return left.length > 0;
    const restore = await books.restore(restoreId);
    if (restore !== null && isAtRest(restore)) return false;
  }
  return false;
}
