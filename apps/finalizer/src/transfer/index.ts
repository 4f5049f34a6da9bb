import type { RestoreBooks, WorkerRegistry } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import type { RedisSettings, StepHandler } from '@landfall/pipeline';
import { Coordinator } from './coordinator.js';
import { type DirectDiskPorts, type DirectDisks, directDisks } from './direct-disks.js';
import { type ReconcilePorts, reconcileTransfers } from './reconcile.js';
import { type RestoreDataPorts, restoreDataStep } from './restore-data.js';
import { consumeResults, type ResultsConsumer } from './results-consumer.js';
import { MoverResults } from './results.js';
import { WorkerWatch } from './worker-watch.js';

export interface TransferPorts {
  readonly books: RestoreBooks;
  readonly workers: Pick<WorkerRegistry, 'worker'>;
  /** `QueueClient` of libs/pipeline. */
  readonly jobs: ReconcilePorts['jobs'];
  readonly extentsOf: RestoreDataPorts['extentsOf'];
  readonly direct: DirectDiskPorts;
}

/** Step 5, put together. */
export interface Transfer {
  /** The handler of step `restore-data`. */
  readonly handler: StepHandler<'restore-data'>;
  /** For `reconcileAlso` of the step service. */
  readonly reconcile: () => Promise<void>;
  /** Ends every access to the disks of a restore that were written directly. */
  readonly endAccess: DirectDisks['close'];
  /** Enters one result, as it comes on the results queue. */
  readonly enter: MoverResults['enter'];
  /** Begins to take the data-movers' results; to be closed before Postgres is. */
  consume(redis: RedisSettings, log: Logger): ResultsConsumer;
}

export function createTransfer(ports: TransferPorts): Transfer {
  const { books, workers, jobs } = ports;
  const direct = directDisks(ports.direct);
  const coordinator = new Coordinator({ books, direct });
  const results = new MoverResults({ books, workers, coordinator });
  const reconcilePorts = { books, watch: new WorkerWatch(workers), jobs, coordinator, results, direct };
  return {
    handler: restoreDataStep({ ...reconcilePorts, extentsOf: ports.extentsOf }),
    reconcile: () => reconcileTransfers(reconcilePorts),
    endAccess: (restore, journal, signal) => direct.close(restore, journal, signal),
    enter: (name, payload) => results.enter(name, payload),
    consume: (redis, log) => consumeResults(redis, results, log),
  };
}
