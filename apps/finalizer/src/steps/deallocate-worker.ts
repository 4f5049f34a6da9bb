import type { RestoreBooks, WorkerDoors, WorkerRegistry } from '@landfall/domain';
import { shutDoor, type StepHandler } from '@landfall/pipeline';
import { removeOwned, type RemovalPorts } from './owned-resources.js';

/*
 * Step 7: the workers have done their work. Their tokens are void first and their doors to the queues shut, so that
 * nothing they still say counts; then they stop, and then they are removed with their network interfaces and OS disks: a stopped worker is still paid for,
 * and holds nothing that is needed.
 */
export interface DeallocationPorts extends RemovalPorts {
  readonly books: Pick<RestoreBooks, 'ledger'>;
  readonly workers: Pick<WorkerRegistry, 'workers' | 'retire'>;
  readonly doors: Pick<WorkerDoors, 'shut'>;
}

const WORKER_ROLES = ['worker', 'worker-nic', 'worker-os-disk'];

export function deallocateWorker(ports: DeallocationPorts): StepHandler<'deallocate-worker'> {
  const { cloud, books, workers, doors } = ports;
  return async (context) => {
    const { restore, journal, signal } = context;
    for (const worker of await workers.workers({ restoreId: restore.id })) {
      await workers.retire(worker.id);
      await shutDoor(doors, worker.id);
    }
    const own = (await books.ledger(restore.id)).filter(
      (entry) => entry.state !== 'removed' && WORKER_ROLES.includes(entry.role),
    );
    for (const entry of own) {
      if (entry.kind === 'vm') await cloud.deallocateVm(entry.azureId, journal, signal);
    }
    const { foreign } = await removeOwned(ports, own, journal, signal);
    for (const { entry, error } of foreign) {
      await context.event('resource.left', error.message, { azureId: entry.azureId, code: error.code });
    }
    return { kind: 'done', output: {} };
  };
}
