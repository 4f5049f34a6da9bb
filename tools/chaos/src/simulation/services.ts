import { AzureCloud, connectClients } from '@landfall/azure';
import { Secret, type WorkRun } from '@landfall/domain';
import { cleanUp } from '@landfall/finalizer/clean-up';
import { bringSourceBack } from '@landfall/finalizer/cut-over/bring-back';
import { checkBoot } from '@landfall/finalizer/cut-over/check-boot';
import { moveDisks } from '@landfall/finalizer/cut-over/move-disks';
import { purge } from '@landfall/finalizer/cut-over/purge';
import { recreateVm } from '@landfall/finalizer/cut-over/recreate-vm';
import { removeSource } from '@landfall/finalizer/cut-over/remove-source';
import { removeStaging } from '@landfall/finalizer/cut-over/remove-staging';
import { attachDisks } from '@landfall/finalizer/steps/attach-disks';
import { createVm } from '@landfall/finalizer/steps/create-vm';
import { deallocateWorker } from '@landfall/finalizer/steps/deallocate-worker';
import { detachDisks } from '@landfall/finalizer/steps/detach-disks';
import { createTransfer } from '@landfall/finalizer/transfer';
import {
  giveUpWaiting,
  handleJob,
  QUEUES,
  RunningRuns,
  runOutboxRelay,
  runReconciler,
  type ServiceLog,
  type ServiceName,
  type TaskHandler,
  type WorkHandlers,
} from '@landfall/pipeline';
import { TRANSFER_JOB, TRANSFER_JOB_PAYLOAD } from '@landfall/transfer';
import { createEmptyDisks } from '@landfall/provisioner/steps/create-empty-disks';
import { createStagingResourceGroup } from '@landfall/provisioner/steps/create-staging-resource-group';
import { launchWorker } from '@landfall/provisioner/steps/launch-worker';
import { MemoryWorkerDoors, nothingArchived } from '@landfall/testing';
import { Process } from './kernel.js';
import { queueClient, QueueWorker } from './queue-worker.js';
import type { Surroundings } from './surroundings.js';

/*
 * The services, put together from the product's parts as their own processes put them together, with the queue's loop in
 * memory. Each is started again by its supervisor whenever it dies.
 */
export const APPLIANCE = 'appliance-1';
export const WORKER_SUBNET = 'virtualNetworks/net/subnets/machines';

export type SimulatedService = ServiceName | 'api';

export function startService(world: Surroundings, service: SimulatedService, number: number): Process {
  const process = new Process(`${service}-${number}`);
  world.kernel.within(process, () => run(world, service, process));
  return process;
}

function run(world: Surroundings, service: SimulatedService, process: Process): void {
  const { gates, queues } = world;
  const connections = world.shared.connect();
  const { books, workers, accesses, leases } = connections;
  const client = queueClient(gates, queues);
  runOutboxRelay(books, client, () => undefined, { lookEveryMs: 10_000 });
  if (service === 'api') return world.apis.serve(process, connections);
  const log = logOf(world);

  const cloud = connectCloud(world);
  const doors = new MemoryWorkerDoors();
  const removal = { cloud, books, workers, doors, applianceId: APPLIANCE };
  let handlers: WorkHandlers = {};
  let also: (() => Promise<void>) | undefined;
  let tasks: Readonly<Record<string, TaskHandler>> = {};
  if (service === 'planner') {
    handlers = {
      plan: async ({ restore, epoch }) => {
        const { plan, contents } = world.orderOf(restore.id);
        await books.transaction(async (tx) => {
          await tx.requireCurrent({ restoreId: restore.id, work: 'plan', epoch });
          await tx.storePlan(restore.id, plan);
          await tx.storeContents(restore.id, contents, []);
        });
        return { kind: 'done', output: { planHash: plan.planHash } };
      },
    };
  } else if (service === 'provisioner') {
    handlers = {
      'create-staging-resource-group': createStagingResourceGroup({ cloud, applianceId: APPLIANCE }),
      'create-empty-disks': createEmptyDisks({ cloud, books, applianceId: APPLIANCE }),
      'launch-worker': launchWorker({
        ...{ cloud, workers, doors, applianceId: APPLIANCE, apiUrl: 'http://api', image: 'p:o:s:v', subnetId: null },
        reportsWithinMs: 60_000,
      }),
    };
  } else {
    const transfer = createTransfer({
      books,
      workers,
      leases,
      jobs: client,
      direct: {
        cloud,
        accesses,
        secrets: world.shared.secrets,
        finishUpload: () => gates.call('write the footer', () => undefined),
      },
    });
    const { endAccess } = transfer;
    const cutOver = { cloud, books, applianceId: APPLIANCE, secrets: world.shared.secrets };
    const makeVm = createVm({ cloud, books, applianceId: APPLIANCE, endAccess });
    const makeVmAnew = recreateVm(cutOver);
    handlers = {
      'restore-data': transfer.handler,
      'detach-disks': detachDisks({ cloud }),
      'deallocate-worker': deallocateWorker(removal),
      'check-boot': checkBoot(cutOver),
      'remove-source': removeSource(cutOver),
      'move-disks': moveDisks(cutOver),
      'create-vm': (context) => (context.plan.source === undefined ? makeVm : makeVmAnew)(context),
      'attach-disks': attachDisks({ cloud, books, endAccess }),
      'remove-staging-resource-group': removeStaging(cutOver),
      purge: purge(cutOver),
      'bring-source-back': bringSourceBack(cutOver),
      'remove-created': cleanUp({ ...removal, diskAccesses: accesses, ...nothingArchived() }),
    };
    also = async () => {
      await transfer.reconcile();
      await giveUpWaiting(books);
    };
    tasks = {
      [TRANSFER_JOB]: (payload, signal) => transfer.goOn(TRANSFER_JOB_PAYLOAD.parse(payload).restoreId, signal),
    };
  }

  const runs = new RunningRuns(books, 3_000);
  const options = { service, books, handlers, tasks };
  new QueueWorker(gates, queues, QUEUES[service], 8, ({ name, payload, lost }) =>
    handleJob(options, runs, { name, data: payload }, lost, log),
  );
  runReconciler({
    books,
    queues: client,
    only: [QUEUES[service]],
    watchEveryMs: 7_500,
    ...(also ? { also } : {}),
  });
}

/** The product's adapter on Microsoft's client; only the wire is another one. */
function connectCloud(world: Surroundings): AzureCloud {
  const settings = {
    subscriptionId: world.azure.subscriptionId,
    endpoint: 'https://arm.simulated',
    token: new Secret('canary-azure-token'),
    applianceId: APPLIANCE,
  };
  return new AzureCloud(connectClients(settings, world.wire), APPLIANCE);
}

/** Everything that a service writes to its log is kept, to look for secrets in it. */
function logOf(world: Surroundings): ServiceLog {
  const write = (fields: object, message: string): void => {
    const error = 'err' in fields && fields.err instanceof Error ? fields.err.stack : '';
    const line = `${message} ${JSON.stringify(fields)} ${error ?? ''}`;
    world.logs.push(line);
    world.kernel.say(`log: ${message} ${JSON.stringify(fields as Partial<WorkRun>)} ${error ?? ''}`);
  };
  return { info: write, warn: write, error: write };
}
