import { restoreTrial, when, type Trial } from '../live/trial.js';
import type { CommitCut } from '../proxy/postgres-cuts.js';
import { isBack, isOver, PLACES, stopAtBegin, stoppedOrOver, type Place } from './steps.js';

/*
 * F4: Postgres is stopped at once while a step runs; the connection is cut just before or just after the COMMIT that
 * records a step's end.
 */
export function postgresTrials(): readonly Trial[] {
  const cuts = (['before-commit', 'after-commit'] as const).flatMap((at) => PLACES.map((place) => cutTrial(at, place)));
  return [...cuts, ...PLACES.map(stopTrial)];
}

function cutTrial(at: CommitCut, place: Place): Trial {
  /** The transaction that sets this work to done. */
  const matching = (transaction: string): boolean =>
    transaction.includes('UPDATE "public"."restore_work"') &&
    transaction.includes('done') &&
    transaction.includes(place);
  return {
    fault: 'F4',
    name: `Postgres: connection cut ${at.replace('-', ' ')} of ${place}`,
    run(cell) {
      let happened = false;
      return restoreTrial(cell, {
        duringClean: isBack(place),
        prepare: () => void cell.cuts.arm({ at, matching }).then(() => (happened = true)),
        async disturb(_, restoreId) {
          const back = isBack(place);
          const moment = await when(
            () => happened,
            () => isOver(cell, restoreId, back),
          );
          cell.cuts.disarm();
          return { at: moment };
        },
      });
    },
  };
}

function stopTrial(place: Place): Trial {
  return {
    fault: 'F4',
    name: `Postgres: immediate stop during ${place}`,
    alone: true,
    run: (cell) =>
      restoreTrial(cell, {
        duringClean: isBack(place),
        prepare: () => stopAtBegin(cell, place),
        async disturb(_, restoreId) {
          const stopped = await stoppedOrOver(cell, restoreId, isBack(place));
          if (stopped === null) return { at: null };
          const at = performance.now();
          const back = cell.ground.restartPostgres();
          stopped.goOn();
          await back;
          return { at };
        },
      }),
  };
}
