import { setTimeout as pause } from 'node:timers/promises';
import {
  networkInterfaceName,
  ownerTags,
  PermanentError,
  removeResource,
  workerName,
  workingGroupOf,
  RetryableError,
  stepOf,
  type Cloud,
  type CloudVm,
  type DiskAttachment,
  type PlannedWorker,
  type ResourceRole,
  type WorkerDoors,
  type WorkerRecord,
  type WorkerRegistry,
} from '@landfall/domain';
import { boundedMap, shutDoor, type StageOutput, type StepContext, type StepHandler } from '@landfall/pipeline';
import { BOOTSTRAP_SECONDS, newBootstrapToken } from './bootstrap-token.js';

/*
 * Step 4: for each worker of the plan a network interface, a VM that knows how to prove itself once, and the empty disks
 * attached to it in the order of the plan.
 *
 * The proof goes in with the VM and can't be changed later. So a VM of an earlier try is kept when its worker has
 * reported already, or does so within minutes; else it is removed, and another takes its place under the next name.
 *
 * Several tries may have asked for the same VM: one that was replaced while its request was on the way, one whose VM is
 * made and not to be seen yet. Whichever of them Azure has heard, the token that went along with it is good.
 *
 * The step is taken up once more when step 5 has not heard of a worker for long and a person resumes the restore. Then to
 * have reported once is not enough: who is not heard of within minutes is replaced.
 */
const WORKERS_AT_ONCE = 4;
const REPORTS_WITHIN_MS = 5 * 60_000;
const LOOK_EVERY_MS = 500;
/** Between looks at the VM of a worker that has reported: it was there, and Azure may need some seconds to show it. */
const LOOKS_FOR_VM_MS = [1_000, 2_000, 3_000, 4_000];

export interface WorkerPorts {
  readonly cloud: Cloud;
  readonly workers: Pick<WorkerRegistry, 'enter' | 'workers' | 'worker' | 'retire'>;
  readonly doors: Pick<WorkerDoors, 'shut'>;
  readonly applianceId: string;
  readonly image: string;
  /** Where workers live; null: in the target's subnet. */
  readonly subnetId: string | null;
  readonly apiUrl: string;
  /** Milliseconds that the worker of an earlier try has left to report; 5 minutes when left out. */
  readonly reportsWithinMs?: number;
  /** Milliseconds between looks for the VM of a worker that has reported; ten seconds in all when left out. */
  readonly looksForVm?: readonly number[];
}

type Launched = StageOutput<'launch-worker'>['workers'][number];

export function launchWorker(ports: WorkerPorts): StepHandler<'launch-worker'> {
  return async (context) => {
    const workers = await boundedMap(context.plan.workers, WORKERS_AT_ONCE, (planned, index) =>
      launchOne(ports, context, planned, index),
    );
    return { kind: 'done', output: { workers } };
  };
}

async function launchOne(
  ports: WorkerPorts,
  context: StepContext,
  planned: PlannedWorker,
  index: number,
): Promise<Launched> {
  const { cloud } = ports;
  const { journal, signal } = context;
  const { id, token } = await takePlace(ports, context, planned, index);
  const nic = await cloud.network.ensureNic(
    {
      ...located(ports, context, networkInterfaceName(id, context.restore.id), 'worker-nic'),
      subnetId: subnetOf(ports, context),
      privateIp: null,
    },
    journal,
    signal,
  );
  const vm = await cloud.machines.ensureWorker(
    {
      ...located(ports, context, id, 'worker'),
      size: planned.size,
      nicId: nic.azureId,
      image: ports.image,
      osDiskName: osDiskName(id),
      environment: {
        LANDFALL_API_URL: ports.apiUrl,
        LANDFALL_WORKER_ID: id,
        LANDFALL_MOVER_PROCESSES: String(await moverProcesses(ports, context, planned.size)),
        ...(token === null ? {} : { LANDFALL_BOOTSTRAP_TOKEN: token }),
      },
    },
    journal,
    signal,
  );
  const disks = planned.disks.map((name, lun) => ({ name, lun }));
  await cloud.machines.attach(vm.azureId, attachments(context, disks), journal, signal);
  await cloud.machines.start(vm.azureId, journal, signal);
  await context.event('worker.launched', `Worker ${id} runs with ${disks.length} disk(s) attached.`, {
    workerId: id,
    azureId: vm.azureId,
    size: planned.size,
  });
  return { workerId: id, azureId: vm.azureId, disks };
}

/**
 * The worker that fills this place of the plan, entered in the registry. The token is null when its VM exists already and
 * has its own.
 */
async function takePlace(
  ports: WorkerPorts,
  context: StepContext,
  planned: PlannedWorker,
  index: number,
): Promise<{ id: string; token: string | null }> {
  const { cloud, workers } = ports;
  const name = workerName(context.restore.id, index);
  const earlier = (await workers.workers({ restoreId: context.restore.id })).filter(
    (worker) => worker.id === name || worker.id.startsWith(`${name}-`),
  );
  // One that was given up may have got its VM after that, from a run that had been replaced.
  for (const worker of earlier) {
    const hasVm = worker.state === 'retired' && (await cloud.reader.vm(worker.azureId)) !== null;
    if (hasVm) await removeParts(ports, context, worker);
  }
  const present = earlier.find((worker) => worker.state !== 'retired');
  const vm = present === undefined ? null : await lookForVm(ports, context, present);
  if (present !== undefined && vm !== null) {
    const usable = vm.provisioningState !== 'Failed' && (await reports(ports, context, present));
    if (usable) return { id: present.id, token: null };
  }

  const isToBeMade = present?.state === 'launching' && vm === null;
  if (present !== undefined && !isToBeMade) await remove(ports, context, present);
  const next = earlier.length === 0 ? name : `${name}-${earlier.length + 1}`;
  const id = isToBeMade ? present.id : next;
  const { token, hash } = newBootstrapToken();
  const entered = await workers.enter({
    id,
    restoreId: context.restore.id,
    azureId: cloud.reader.vmId(workingGroupOf(context.plan, context.restore.id), id),
    disks: planned.disks,
    bootstrapTokenHash: hash,
    bootstrapSeconds: BOOTSTRAP_SECONDS,
  });
  if (!entered) throw wasChanged(id);
  return { id, token: token.reveal() };
}

/** One that has reported is looked for a while longer: it exists, or did a moment ago. */
async function lookForVm(
  { cloud, looksForVm = LOOKS_FOR_VM_MS }: WorkerPorts,
  { signal }: StepContext,
  worker: WorkerRecord,
): Promise<CloudVm | null> {
  let vm = await cloud.reader.vm(worker.azureId);
  for (const milliseconds of worker.state === 'ready' ? looksForVm : []) {
    if (vm !== null) break;
    await pause(milliseconds, undefined, { signal });
    vm = await cloud.reader.vm(worker.azureId);
  }
  return vm;
}

function wasChanged(workerId: string): RetryableError {
  return new RetryableError({
    code: 'WORKER_CHANGED',
    message: `Worker ${workerId} has reported, or was given up, while its VM was to be asked for.`,
    fix: 'Nothing has to be done: the step looks at it again.',
  });
}

/** Whether the worker has reported, or does so in the time that it has left; of a silent one, whether it is heard of again. */
async function reports(ports: WorkerPorts, context: StepContext, worker: WorkerRecord): Promise<boolean> {
  const { restore, signal } = context;
  const wasSilent = stepOf(restore, 'restore-data')?.resumeFrom === 'launch-worker';
  const isHeard = (now: WorkerRecord): boolean =>
    now.state === 'ready' && (!wasSilent || lastHeard(now) !== lastHeard(worker));
  const deadline = performance.now() + (ports.reportsWithinMs ?? REPORTS_WITHIN_MS);
  let now: WorkerRecord | null = worker;
  while (now !== null && now.state !== 'retired' && !isHeard(now) && performance.now() < deadline) {
    await pause(LOOK_EVERY_MS, undefined, { signal });
    now = await ports.workers.worker(worker.id);
  }
  return now !== null && isHeard(now);
}

/** Milliseconds on the clock of the books; only good for telling one sign of life from another. */
function lastHeard({ movers }: WorkerRecord): number {
  return Math.max(0, ...movers.map((mover) => mover.seenAt.getTime()));
}

/** A worker that can't be used any more, with all that is its own. */
async function remove(ports: WorkerPorts, context: StepContext, worker: WorkerRecord): Promise<void> {
  await context.event('worker.replaced', `Worker ${worker.id} is not heard of; another takes its place.`, {
    workerId: worker.id,
  });
  await removeParts(ports, context, worker);
  // Last, so that a repetition still finds what is left of it. Whoever has asked for its VM again meanwhile keeps it.
  if (!(await ports.workers.retire(worker.id, worker.entered))) throw wasChanged(worker.id);
  await shutDoor(ports.doors, worker.id);
}

async function removeParts(ports: WorkerPorts, context: StepContext, worker: WorkerRecord): Promise<void> {
  const { cloud, applianceId } = ports;
  const { restore, plan, journal, signal } = context;
  const resourceGroup = workingGroupOf(plan, restore.id);
  const nicId = cloud.reader.nicId(resourceGroup, networkInterfaceName(worker.id, restore.id));
  const osDiskId = cloud.reader.diskId(resourceGroup, osDiskName(worker.id));
  const own = [
    { azureId: worker.azureId, kind: 'vm', role: 'worker' },
    { azureId: nicId, kind: 'nic', role: 'worker-nic' },
    { azureId: osDiskId, kind: 'disk', role: 'worker-os-disk' },
  ] as const;
  for (const { azureId, kind, role } of own) {
    const owned = { azureId, tags: ownerTags(applianceId, restore.id, role) };
    await removeResource(cloud, kind, owned, journal, signal);
  }
}

function attachments(context: StepContext, disks: Launched['disks']): DiskAttachment[] {
  const created = new Map(context.outputOf('create-empty-disks').disks.map((disk) => [disk.name, disk.azureId]));
  return disks.map(({ name, lun }) => {
    const diskId = created.get(name);
    if (diskId !== undefined) return { diskId, lun, caching: 'None' };
    throw new PermanentError({
      code: 'STEP_OUTPUT_MISSING',
      message: `Step create-empty-disks of restore ${context.restore.id} has made no disk "${name}".`,
      fix: 'This is a fault of Landfall: report it with the log of the provisioner.',
    });
  });
}

function subnetOf(ports: WorkerPorts, { restore, plan }: StepContext): string {
  const subnetId = ports.subnetId ?? plan.destination.subnetId;
  if (subnetId !== null) return subnetId;
  throw new PermanentError({
    code: 'NETWORK_NOT_FOUND',
    message: `Restore ${restore.id} names no subnet, and none is set for its worker.`,
    fix: 'Set LANDFALL_WORKER_SUBNET_ID, or name a subnet (--subnet).',
  });
}

/** Every two cores keep one data-mover busy: one decodes, one moves. */
async function moverProcesses(ports: WorkerPorts, { plan }: StepContext, sizeName: string): Promise<number> {
  const size = (await ports.cloud.reader.sizes(plan.destination.region)).find((each) => each.name === sizeName);
  return Math.max(1, Math.floor((size?.vCpus ?? 1) / 2));
}

function located(ports: WorkerPorts, { restore, plan }: StepContext, name: string, role: ResourceRole) {
  const { region, zone } = plan.destination;
  const place = { resourceGroup: workingGroupOf(plan, restore.id), region, zone, name };
  return { ...place, role, purpose: 'help' as const, tags: ownerTags(ports.applianceId, restore.id, role) };
}

function osDiskName(workerId: string): string {
  return `${workerId}-os`;
}
