import { detailsOf, type Cloud, type Leases, type RestoreBooks } from '@landfall/domain';
import type { Logger, Metrics } from '@landfall/observability';
import { purgeWhatIsDue } from '@landfall/pipeline';
import { findOrphans } from './find-orphans.js';
import { removeOrphans, type RemoveOrphansPorts } from './remove-orphans.js';
import { removeRetrieved, type RetrievedPorts } from './remove-retrieved.js';
import { type DoorSweepPorts, shutLeftDoors } from './shut-left-doors.js';

/*
 * The sweep that nobody has to ask for. A lease, which is not given back, lets one finalizer of all do it, once in each
 * interval.
 */
export interface ScheduledSweepOptions extends RemoveOrphansPorts, DoorSweepPorts, RetrievedPorts {
  readonly books: RestoreBooks;
  readonly cloud: Cloud;
  readonly leases: Pick<Leases, 'claim'>;
  /** This process, unlike any other. */
  readonly holder: string;
  /** 0: never. */
  readonly everyMs: number;
  readonly metrics: Pick<Metrics, 'orphans' | 'sweptResources'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

export interface ScheduledSweep {
  close(): Promise<void>;
}

export const SWEEP_LEASE = 'sweep';
const LOOKS_PER_INTERVAL = 10;

export function scheduleSweep(options: ScheduledSweepOptions): ScheduledSweep {
  const { everyMs, log } = options;
  const stop = new AbortController();
  let running: Promise<void> | null = null;
  const look = (): void => {
    running ??= sweepInTurn(options, stop.signal)
      .catch((error: unknown) => {
        if (!stop.signal.aborted) log.warn({ error: detailsOf(error) }, 'The sweep is tried again later.');
      })
      .finally(() => {
        running = null;
      });
  };
  const timer = everyMs > 0 ? setInterval(look, everyMs / LOOKS_PER_INTERVAL) : undefined;
  return {
    async close() {
      clearInterval(timer);
      stop.abort(new Error('The finalizer stops.'));
      await running;
    },
  };
}

/** One sweep, unless there was one in this interval already. */
export async function sweepInTurn(options: ScheduledSweepOptions, signal: AbortSignal): Promise<void> {
  const { leases, holder, everyMs, metrics, log } = options;
  if ((await leases.claim(SWEEP_LEASE, holder, everyMs / 1000)) === null) return;
  await sweepDoors(options);
  await purgeDue(options);
  await removeWhatIsBack(options, signal);
  const { removed, kept } = await removeOrphans(options, null, signal);
  metrics.sweptResources.inc(removed.length);
  for (const azureId of removed) log.info({ azureId }, 'Swept away, or found to be gone.');
  for (const left of kept) log.warn(left, 'The sweep could not remove what a restore has left behind.');
  const orphans = await findOrphans(options, signal);
  metrics.orphans.reset();
  for (const { finding } of orphans) metrics.orphans.inc({ finding });
  const unknown = orphans.filter((orphan) => orphan.finding === 'unknown');
  for (const { azureId, why } of unknown) log.warn({ azureId }, why);
}

/** Apart from the rest: Azure is swept without Redis, too. */
async function sweepDoors(options: ScheduledSweepOptions): Promise<void> {
  const { log } = options;
  try {
    for (const workerId of await shutLeftDoors(options))
      log.info({ workerId }, 'Its door to the queues was left open.');
  } catch (error) {
    log.warn({ error: detailsOf(error) }, 'The doors of workers are swept later.');
  }
}

/** Apart from the rest, too. */
async function purgeDue({ books, cloud, log }: ScheduledSweepOptions): Promise<void> {
  try {
    for (const restoreId of await purgeWhatIsDue(books, () => cloud.reader.now()))
      log.info({ restoreId }, 'What was kept of the machine that it has replaced is thrown away: its time is up.');
  } catch (error) {
    log.warn({ error: detailsOf(error) }, 'What is kept for longer than it has to be is thrown away later.');
  }
}

/** What was brought back from the archive tier is kept for a while after the end. */
async function removeWhatIsBack(options: ScheduledSweepOptions, signal: AbortSignal): Promise<void> {
  const { books, retrievals, log } = options;
  try {
    for (const restoreId of await retrievals.due()) {
      const plan = await books.plan(restoreId);
      if (plan === null || !(await removeRetrieved(options, restoreId, plan.restorePoint.repository, signal))) continue;
      log.info(
        { restoreId },
        'The copies that it has brought back from the archive tier are removed: their time is up.',
      );
    }
  } catch (error) {
    if (signal.aborted) throw error;
    log.warn({ error: detailsOf(error) }, 'What was brought back from the archive tier is removed later.');
  }
}
