import type { Cell } from '../live/cell.js';
import { restoreTrial, type Trial } from '../live/trial.js';
import { STEPS_FORWARD, stoppedOrOver, type Place } from './steps.js';

/*
 * F11: the restore is cancelled at every step, twice, when the step has begun and when it is about to be recorded as done;
 * the process that runs it goes on, or dies at this moment.
 */
export function cancelTrials(): readonly Trial[] {
  return STEPS_FORWARD.flatMap((step) =>
    (['running.afterCommit', 'done.beforeCommit'] as const).flatMap((where) =>
      [false, true].map((dies) => cancelTrial(step, where, dies)),
    ),
  );
}

function cancelTrial(step: Place, where: string, dies: boolean): Trial {
  const moment = where.startsWith('running') ? 'has begun' : 'is about to end';
  return {
    fault: 'F11',
    name: `cancelled twice when ${step} ${moment}${dies ? ', and its process dies' : ''}`,
    run: (cell) =>
      restoreTrial(cell, {
        // The last step's end was on its way first: then there is nothing left to cancel.
        ends: step === 'attach-disks' && where === 'done.beforeCommit' && !dies ? ['completed'] : ['cancelled'],
        prepare: () => cell.arm([`${step}.${where} stop`]),
        async disturb(_, restoreId) {
          const stopped = await stoppedOrOver(cell, restoreId);
          if (stopped === null) return { at: null };
          // The stopped process may hold the restore's row: the answers come when it lets go of it.
          const asked = [cancel(cell, restoreId), cancel(cell, restoreId)];
          await new Promise((resolve) => setTimeout(resolve, 300));
          const at = performance.now();
          if (dies) process.kill(stopped.pid, 'SIGKILL');
          stopped.goOn();
          await Promise.all(asked);
          return { at };
        },
      }),
  };
}

/** A restore that was quicker than the request is completed, and says so. */
async function cancel(cell: Cell, restoreId: string): Promise<void> {
  await cell.post(`/v1/restores/${restoreId}/cancel`, {}).catch((error: unknown) => {
    if (!String(error).includes('NOT_CANCELLABLE')) throw error;
  });
}
