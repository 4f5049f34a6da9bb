import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cell } from '../live/cell.js';
import { holdBack } from '../live/hold-back.js';
import { begun, until } from '../live/restores.js';
import { PATIENCE_MS, restoreTrial, type Trial } from '../live/trial.js';

/*
 * Every process is asked to end (SIGTERM) in the middle of a restore, with all servers there, or with one of them or both
 * away: refusing, or open and silent. Each ends within 20 s; what is started in its place ends the restore when the
 * servers are back.
 */
const WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 20;

type Server = 'redis' | 'postgres';
const AWAY: Readonly<Record<string, readonly (readonly [Server, 'refuse' | 'silence'])[]>> = {
  'all servers there': [],
  'Redis refusing': [['redis', 'refuse']],
  'Redis silent': [['redis', 'silence']],
  'Postgres refusing': [['postgres', 'refuse']],
  'Postgres silent': [['postgres', 'silence']],
  'both refusing': [
    ['redis', 'refuse'],
    ['postgres', 'refuse'],
  ],
  'both silent': [
    ['redis', 'silence'],
    ['postgres', 'silence'],
  ],
};

export function shutdownTrials(): readonly Trial[] {
  return (['launch-worker', 'restore-data'] as const).flatMap((step) =>
    Object.keys(AWAY).map((servers) => ({
      fault: 'shutdown',
      name: `all processes asked to end during ${step}, ${servers}`,
      async run(cell) {
        const late: string[] = [];
        const outcome = await restoreTrial(cell, {
          async disturb(_, restoreId) {
            await until(cell, restoreId, begun(step), PATIENCE_MS);
            take(cell, servers, true);
            const at = performance.now();
            try {
              late.push(...(await endAll(cell)));
            } finally {
              take(cell, servers, false);
            }
            return { at };
          },
        });
        return { ...outcome, violations: [...outcome.violations, ...late] };
      },
    })),
  );
}

function take(cell: Cell, servers: string, away: boolean): void {
  for (const [server, how] of AWAY[servers] ?? []) {
    (server === 'redis' ? cell.redisProxy : cell.postgresProxy)[how](away);
  }
}

/** Sentences on those that took too long. */
async function endAll(cell: Cell): Promise<readonly string[]> {
  const workers = (await cell.azure.workers()).map(({ pid }) => ({ name: `worker ${pid}`, pid }));
  const own = cell.services.flatMap((name) => {
    const pid = cell.pid(name);
    return pid === null ? [] : [{ name, pid }];
  });
  // Ten services that start at once would take the machine from those that are still ending, and are timed.
  const pids = own.map(({ pid }) => pid);
  const goOn = holdBack(cell, cell.services, pids);
  const begun = performance.now();
  const ended = Promise.all(
    [...own, ...workers].map(async ({ name, pid }) => {
      process.kill(pid, 'SIGTERM');
      // Twice as long as it may take, to say how long it takes.
      while (existsSync(`/proc/${pid}`) && performance.now() - begun < 2 * WITHIN_MS) await pause(LOOK_EVERY_MS);
      const took = performance.now() - begun;
      cell.note(`${name} has ended after ${(took / 1_000).toFixed(1)} s`);
      return took <= WITHIN_MS ? [] : [`shutdown: ${name} took ${(took / 1_000).toFixed(1)} s`];
    }),
  );
  return (await ended.finally(goOn)).flat();
}
