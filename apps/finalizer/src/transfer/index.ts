import type { Leases, RestoreBooks, WorkerRegistry } from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';
import { type DirectTransfers, type ReconcilePorts, reconcileTransfers, WorkerWatch } from '@landfall/transfer';
import { type DirectDiskPorts, type DirectDisks, directDisks } from './direct-disks.js';
import { goOnDirectly, keepOpen } from './direct-phases.js';
import { exclusivelyBy } from './exclusively.js';
import { restoreDataStep } from './restore-data.js';

export interface TransferPorts {
  readonly books: RestoreBooks;
  readonly workers: Pick<WorkerRegistry, 'worker'>;
  readonly leases: Leases;
  /** `QueueClient` of libs/pipeline. */
  readonly jobs: ReconcilePorts['jobs'];
  readonly direct: DirectDiskPorts;
  readonly onError?: NonNullable<ReconcilePorts['onError']>;
}

/** The finalizer's part of step 5, put together; what data-movers report is entered by the API. */
export interface Transfer {
  /** The handler of step `restore-data`. */
  readonly handler: StepHandler<'restore-data'>;
  /** For `reconcileAlso` of the step service. */
  readonly reconcile: () => Promise<void>;
  /** Does what comes next of a restore where Azure is needed for it: the answer to a job `TRANSFER_JOB`. */
  readonly goOn: (restoreId: string, signal?: AbortSignal) => Promise<void>;
  /** Ends every access to the disks of a restore that were written directly. */
  readonly endAccess: DirectDisks['close'];
}

export function createTransfer(ports: TransferPorts): Transfer {
  const { books, workers, jobs, leases, onError } = ports;
  const disks = directDisks(ports.direct);
  const shared = { books, direct: disks, exclusively: exclusivelyBy(leases) };
  const direct: DirectTransfers = {
    keepOpen: (restore) => keepOpen(shared, restore),
    goOn: (restoreId, signal) => goOnDirectly(shared, restoreId, signal),
  };
  const reconciled = {
    ...{ books, jobs, direct, watch: new WorkerWatch(workers) },
    ...(onError === undefined ? {} : { onError }),
  };
  return {
    handler: restoreDataStep({ ...shared, jobs }),
    reconcile: () => reconcileTransfers(reconciled),
    goOn: direct.goOn,
    endAccess: (restore, journal, signal) => disks.close(restore, journal, signal),
  };
}
