import type { RestoreBooks, WorkerDoors, WorkerRegistry } from '@landfall/domain';
import { removeOwned, shutDoor, type StepHandler, type RemovalPorts } from '@landfall/pipeline';

/*
 * Step 7: the workers have done their work. Their tokens are void first and their doors to the queues shut, so that they take
 * nothing more; then they stop, and then they are removed with their network interfaces and OS disks: a stopped worker is
 * still paid for, and holds nothing that is needed. What is settled as removed is looked at once more: a request that was on
 * its way for long may have made it after that, and nobody looks again.
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
    const own = (await books.ledger(restore.id)).filter((entry) => WORKER_ROLES.includes(entry.role));
    for (const entry of own) {
      if (entry.kind === 'vm' && entry.state !== 'removed')
        await cloud.machines.deallocate(entry.azureId, journal, signal);
    }
    const { foreign } = await removeOwned(ports, own, journal, signal);
    for (const { entry, error } of foreign) {
      await context.event('resource.left', error.message, { azureId: entry.azureId, code: error.code });
    }
    return { kind: 'done', output: {} };
  };
}
