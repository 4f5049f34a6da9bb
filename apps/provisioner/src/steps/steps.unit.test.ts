import { beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import {
  newRestoreId,
  OWNER_TAGS,
  RetryableError,
  type CallJournal,
  type RestorePlan,
  type StepId,
  stepKey,
} from '@landfall/domain';
import { type StageOutput, type StepContext } from '@landfall/pipeline';
import {
  aRestorePlan,
  aRestoreRequest,
  MemoryBooks,
  MemoryCloud,
  MemoryJournal,
  MemoryWorkerDoors,
  MemoryWorkerRegistry,
  seedOf,
  throughEveryCrash,
} from '@landfall/testing';
import { createEmptyDisks } from './create-empty-disks.js';
import { createStagingResourceGroup } from './create-staging-resource-group.js';
import { launchWorker, type WorkerPorts } from './launch-worker.js';

const GIB = 1024 ** 3;
const SUBNET = seedOf().subnets[0]?.azureId ?? '';

let books: MemoryBooks;
let cloud: MemoryCloud;
let workers: MemoryWorkerRegistry;
let doors: MemoryWorkerDoors;
let journal: MemoryJournal;
let restoreId: string;

beforeEach(() => {
  books = new MemoryBooks();
  cloud = new MemoryCloud({ applianceId: 'appliance' });
  workers = new MemoryWorkerRegistry();
  doors = new MemoryWorkerDoors();
  restoreId = newRestoreId();
  journal = new MemoryJournal(restoreId);
});

describe('step 2, create-staging-resource-group', () => {
  it('makes a group of its own that tells whose it is, as often as it is asked', async () => {
    const plan = toOriginal(planWith(1));
    for (let time = 0; time < 2; time++) {
      const outcome = await createStagingResourceGroup({ cloud, applianceId: 'appliance' })(
        await contextOf(plan, journal),
      );
      const group = await cloud.reader.resourceGroup(`landfall-staging-${restoreId}`);
      expect(outcome).toStrictEqual({ kind: 'done', output: { resourceGroupId: group?.azureId } });
      expect(group?.region).toBe(plan.destination.region);
      expect(group?.tags).toMatchObject({ [OWNER_TAGS.restore]: restoreId, [OWNER_TAGS.role]: 'staging' });
    }
  });

  it('is where the disks are made, and the worker with all that is its own', async () => {
    const plan = toOriginal(planWith(1));
    await createStagingResourceGroup({ cloud, applianceId: 'appliance' })(await contextOf(plan, journal));
    const disks = await disksOf(plan);
    await launched(plan, disks);
    const staging = `/resourceGroups/landfall-staging-${restoreId}/`;
    const made = cloud.subscription.inventory.filter((id) => /providers/.test(id));
    expect(made.length).toBeGreaterThan(3);
    expect(made.filter((id) => !id.includes(staging))).toStrictEqual([]);
    expect((await workers.workers({ restoreId }))[0]?.azureId).toContain(staging);
    expect(disks[0]?.uniqueId).toBe((await cloud.reader.disk(disks[0]?.azureId ?? ''))?.uniqueId);
  });
});

describe('step 3, create-empty-disks', () => {
  it('makes each disk of the plan: empty, tagged, of its size, the OS disk with its generation', async () => {
    const outcome = await disksOf(planWith(3));
    expect(outcome.map((disk) => disk.name)).toStrictEqual(['disk-0', 'disk-1', 'disk-2']);
    for (const [index, { azureId }] of outcome.entries()) {
      const disk = await cloud.reader.disk(azureId);
      expect(disk?.sizeBytes).toBe((index + 1) * GIB);
      expect(disk!.diskState).toBe('Unattached');
      expect(disk!.name).toBe(`web-${index}-${restoreId}`);
      expect(disk!.tags).toStrictEqual({
        [OWNER_TAGS.appliance]: 'appliance',
        [OWNER_TAGS.restore]: restoreId,
        [OWNER_TAGS.role]: 'disk',
      });
    }
    const kept = (await books.restore(restoreId))?.disks.map((disk) => disk.azureId);
    expect(kept).toStrictEqual(outcome.map((disk) => disk.azureId));
  });

  it('stores no disk when another run has taken its place meanwhile', async () => {
    const plan = planWith(1);
    const { restore } = await contextOf(plan, journal);
    const guard = { from: 'running', epoch: 1 } as const;
    await books.transaction((tx) =>
      tx.moveWork(restore.id, stepKey('create-empty-disks'), guard, 'pending', { epoch: 2 }),
    );
    await assert.rejects(disksOf(plan), { code: 'STEP_SUPERSEDED' });
    assert.deepEqual(
      (await books.restore(restoreId))?.disks.map((disk) => disk.azureId),
      [null],
    );
  });

  it('makes disks that wait for an upload when the data goes to them directly', async () => {
    const plan = planWith(1);
    const [disk] = await disksOf({ ...plan, options: { ...plan.options, transfer: 'direct' } });
    expect((await cloud.reader.disk(disk?.azureId ?? ''))?.diskState).toBe('ReadyToUpload');
  });

  it('makes none twice, wherever its process dies', async () => {
    const plan = planWith(3);
    await throughEveryCrash(journal, (crashing) => disksOf(plan, crashing));
    expect(cloud.subscription.inventory.length).toBe(3);
    expect(journal.ledger.map((entry) => entry.azureId).sort()).toStrictEqual(cloud.subscription.inventory);
  });

  it('waits for the disks under way before it tells of one that failed', async () => {
    const error = new RetryableError({ code: 'AZURE_THROTTLED', message: 'Slow.', fix: 'Wait.' });
    cloud.subscription.failNext('disks.ensureEmpty', error);
    await expect(disksOf(planWith(3))).rejects.toBe(error);
    expect(cloud.subscription.inventory.length).toBe(2);
  });

  it('refuses to guess the generation', async () => {
    await expect(disksOf({ ...planWith(1), generation: null })).rejects.toMatchObject({ code: 'PLAN_INCOMPLETE' });
    expect(cloud.subscription.inventory).toStrictEqual([]);
  });
});

describe('step 4, launch-worker', () => {
  it('launches a worker with the disks at the LUNs of the plan', async () => {
    const plan = planWith(2);
    const disks = await disksOf(plan);
    const [worker] = await launched(plan, disks);
    expect(worker?.workerId).toBe(`landfall-worker-${restoreId}-0`);
    const vm = await cloud.reader.vm(worker!.azureId);
    expect(vm?.powerState).toBe('running');
    expect(vm!.dataDisks).toStrictEqual(disks.map((disk, lun) => ({ diskId: disk.azureId, lun })));
    expect((await workers.worker(worker!.workerId))?.disks).toStrictEqual(['disk-0', 'disk-1']);
  });

  it('tells the worker its name, the API and a token that redeems it once, and no other secret', async () => {
    const plan = planWith(1);
    const [worker] = await launched(plan, await disksOf(plan));
    const environment = environmentOf(worker?.azureId ?? '');
    expect(Object.keys(environment).sort()).toStrictEqual([
      'LANDFALL_API_URL',
      'LANDFALL_BOOTSTRAP_TOKEN',
      'LANDFALL_MOVER_PROCESSES',
      'LANDFALL_WORKER_ID',
    ]);
    const token = environment['LANDFALL_BOOTSTRAP_TOKEN'] ?? '';
    expect(Buffer.from(token, 'base64url').length).toBeGreaterThanOrEqual(32);
    expect(await redeem(worker?.workerId ?? '', token)).toBeTruthy();
    expect(await redeem(worker?.workerId ?? '', token)).toBe(null);
    expect(environment['LANDFALL_API_URL']).toBe('http://api');
  });

  it('gives the worker one data-mover for every two cores', async () => {
    const plan = planWith(1);
    const disks = await disksOf(plan);
    const [worker] = await launched({ ...plan, workers: [{ size: 'Standard_D8s_v5', disks: ['disk-0'] }] }, disks);
    expect(environmentOf(worker?.azureId ?? '')['LANDFALL_MOVER_PROCESSES']).toBe('4');
  });

  it('spreads the disks over several workers as planned', async () => {
    const plan = {
      ...planWith(3),
      workers: [
        { size: 'Standard_F2s_v2', disks: ['disk-2', 'disk-0'] },
        { size: 'Standard_F2s_v2', disks: ['disk-1'] },
      ],
    };
    const disks = await disksOf(plan);
    const both = await launched(plan, disks);
    expect(both[0]?.disks).toStrictEqual([
      { name: 'disk-2', lun: 0 },
      { name: 'disk-0', lun: 1 },
    ]);
    expect((await cloud.reader.disk(disks[1]?.azureId ?? ''))?.managedBy).toBe(both[1]?.azureId);
  });

  it('leaves one worker only, wherever its process dies, and everything of it in the ledger', async () => {
    const plan = planWith(2);
    const disks = await disksOf(plan);
    await throughEveryCrash(journal, (crashing) => launched(plan, disks, crashing));
    expect(cloud.subscription.vms.size).toBe(1);
    expect(cloud.subscription.nics.size).toBe(1);
    const listed = journal.ledger.filter((entry) => entry.state !== 'removed').map((entry) => entry.azureId);
    expect(listed.sort()).toStrictEqual(cloud.subscription.inventory);
    const active = await workers.workers({ restoreId, active: true });
    expect(active.length).toBe(1);
    expect(active[0]?.azureId).toBe([...cloud.subscription.vms.values()][0]?.azureId);
  });

  it('keeps the VM of an earlier try when its worker has reported', async () => {
    const plan = planWith(1);
    const disks = await disksOf(plan);
    const [first] = await launched(plan, disks);
    await redeem(first?.workerId ?? '', environmentOf(first?.azureId ?? '')['LANDFALL_BOOTSTRAP_TOKEN'] ?? '');
    const [again] = await launched(plan, disks);
    expect(again).toStrictEqual(first);
    expect(cloud.subscription.vms.size).toBe(1);
  });

  it('replaces the VM of an earlier try whose worker does not report', async () => {
    const plan = planWith(1);
    const disks = await disksOf(plan);
    const [first] = await launched(plan, disks);
    const [second] = await launched(plan, disks);
    expect(second?.workerId).toBe(`landfall-worker-${restoreId}-0-2`);
    expect(await cloud.reader.vm(first?.azureId ?? '')).toBe(null);
    expect((await workers.worker(first?.workerId ?? ''))?.state).toBe('retired');
    expect(doors.shutOnes).toStrictEqual([first?.workerId]);
    expect((await cloud.reader.disk(disks[0]?.azureId ?? ''))?.managedBy).toBe(second!.azureId);
    const left = journal.ledger.filter((entry) => entry.state !== 'removed').map((entry) => entry.azureId);
    expect(left.sort()).toStrictEqual(cloud.subscription.inventory);
  });

  it('replaces a worker whose VM somebody removed', async () => {
    const plan = planWith(1);
    const disks = await disksOf(plan);
    const [first] = await launched(plan, disks);
    await redeem(first?.workerId ?? '', environmentOf(first?.azureId ?? '')['LANDFALL_BOOTSTRAP_TOKEN'] ?? '');
    const tags = (await cloud.reader.vm(first?.azureId ?? ''))?.tags ?? {};
    await cloud.machines.remove({ azureId: first?.azureId ?? '', tags }, journal);
    const [second] = await launched(plan, disks);
    expect(second?.workerId).not.toBe(first?.workerId);
    expect((await cloud.reader.vm(second?.azureId ?? ''))?.powerState).toBe('running');
  });

  it('lets the worker in, whichever of two runs has asked for its VM last', async () => {
    const plan = planWith(1);
    const disks = await disksOf(plan);
    const [firstEntered, letFirstOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = overriding(workers, {
      enter: async (worker) => {
        firstEntered.resolve();
        await letFirstOn.promise;
        return workers.enter(worker);
      },
    });
    const first = launched(plan, disks, journal, { workers: slow });
    await firstEntered.promise;
    const [worker] = await launched(plan, disks);
    letFirstOn.resolve();
    await first;
    expect(cloud.subscription.vms.size).toBe(1);
    const token = environmentOf(worker?.azureId ?? '')['LANDFALL_BOOTSTRAP_TOKEN'] ?? '';
    expect(await redeem(worker?.workerId ?? '', token)).toBeTruthy();
  });

  it('lets the worker in whose VM was asked for before, when Azure does not show that VM yet', async () => {
    const plan = planWith(1);
    const disks = await disksOf(plan);
    const [worker] = await launched(plan, disks);
    const token = environmentOf(worker?.azureId ?? '')['LANDFALL_BOOTSTRAP_TOKEN'] ?? '';
    await launched(plan, disks, journal, { cloud: hidingVms(1) });
    expect(environmentOf(worker?.azureId ?? '')['LANDFALL_BOOTSTRAP_TOKEN']).toBe(token);
    expect(await redeem(worker?.workerId ?? '', token)).toBeTruthy();
  });

  it('keeps a worker that has reported when Azure does not show its VM for a moment', async () => {
    const plan = planWith(1);
    const disks = await disksOf(plan);
    const [first] = await launched(plan, disks);
    await redeem(first?.workerId ?? '', environmentOf(first?.azureId ?? '')['LANDFALL_BOOTSTRAP_TOKEN'] ?? '');
    const [again] = await launched(plan, disks, journal, { cloud: hidingVms(2), looksForVm: [0, 0] });
    expect(again).toStrictEqual(first);
    expect(cloud.subscription.changes.some((change) => /\.remove/.test(change))).toBe(false);
  });

  it('is taken up again when the worker reports just as its VM is to be asked for once more', async () => {
    const plan = planWith(1);
    const disks = await disksOf(plan);
    const [worker] = await launched(plan, disks);
    const hiding = hidingVms(1, async () => {
      await redeem(worker?.workerId ?? '', environmentOf(worker?.azureId ?? '')['LANDFALL_BOOTSTRAP_TOKEN'] ?? '');
    });
    const changes = cloud.subscription.changes.length;
    await expect(launched(plan, disks, journal, { cloud: hiding })).rejects.toMatchObject({
      code: 'WORKER_CHANGED',
      kind: 'retryable',
    });
    expect(cloud.subscription.changes.length).toBe(changes);
    expect(await launched(plan, disks)).toStrictEqual([worker]);
  });

  it('replaces a worker that had reported and fell silent in step 5, once the restore is resumed', async () => {
    const plan = planWith(2);
    const disks = await disksOf(plan);
    const [first] = await launched(plan, disks);
    await redeem(first?.workerId ?? '', environmentOf(first?.azureId ?? '')['LANDFALL_BOOTSTRAP_TOKEN'] ?? '');
    await workers.heartbeat(first?.workerId ?? '', { name: 'm', pid: 1 });
    await loseWorker();
    const [second] = await launched(plan, disks, journal, { reportsWithinMs: 20 });
    expect(second?.workerId).toBe(`landfall-worker-${restoreId}-0-2`);
    expect([...cloud.subscription.vms.values()].map((vm) => vm.azureId)).toStrictEqual([second!.azureId]);
    for (const disk of disks) expect((await cloud.reader.disk(disk.azureId))?.managedBy).toBe(second!.azureId);
  });

  it('removes the VM of a worker that was given up just before it got one, and lets its disks go', async () => {
    const plan = planWith(2);
    const disks = await disksOf(plan);
    const [first] = await launched(plan, disks);
    await workers.retire(first?.workerId ?? '');
    const [second] = await launched(plan, disks);
    expect(second?.workerId).toBe(`landfall-worker-${restoreId}-0-2`);
    expect([...cloud.subscription.vms.values()].map((vm) => vm.azureId)).toStrictEqual([second!.azureId]);
    for (const disk of disks) expect((await cloud.reader.disk(disk.azureId))?.managedBy).toBe(second!.azureId);
    const left = journal.ledger.filter((entry) => entry.state !== 'removed').map((entry) => entry.azureId);
    expect(left.sort()).toStrictEqual(cloud.subscription.inventory);
  });

  it('does not give up a worker whose VM the next run has asked for again', async () => {
    const plan = planWith(1);
    const disks = await disksOf(plan);
    const [given] = await launched(plan, disks);
    const [removed, letOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = overriding(workers, {
      retire: async (...worker) => {
        removed.resolve();
        await letOn.promise;
        return workers.retire(...worker);
      },
    });
    const stale = expect(launched(plan, disks, journal, { workers: slow })).rejects.toMatchObject({
      code: 'WORKER_CHANGED',
    });
    await removed.promise;
    const [present] = await launched(plan, disks);
    letOn.resolve();
    await stale;
    expect(present?.workerId).toBe(given?.workerId);
    const token = environmentOf(present?.azureId ?? '')['LANDFALL_BOOTSTRAP_TOKEN'] ?? '';
    expect(await redeem(present?.workerId ?? '', token)).toBeTruthy();
  });

  it('keeps a worker that is heard of again once the restore is resumed', async () => {
    const plan = planWith(1);
    const disks = await disksOf(plan);
    const [first] = await launched(plan, disks);
    const workerId = first?.workerId ?? '';
    await redeem(workerId, environmentOf(first?.azureId ?? '')['LANDFALL_BOOTSTRAP_TOKEN'] ?? '');
    await loseWorker();
    let looks = 0;
    const woken = overriding(workers, {
      worker: async (id) => {
        looks += 1;
        if (looks === 2) await workers.heartbeat(workerId, { name: 'm', pid: 1 });
        return workers.worker(id);
      },
    });
    expect(await launched(plan, disks, journal, { workers: woken, reportsWithinMs: 60_000 })).toStrictEqual([first]);
  });

  it('says that a subnet is missing, naming the setting', async () => {
    const plan = planWith(1);
    const disks = await disksOf(plan);
    await expect(launched(plan, disks, journal, { subnetId: null })).rejects.toMatchObject({
      code: 'NETWORK_NOT_FOUND',
      fix: expect.stringMatching(/LANDFALL_WORKER_SUBNET_ID/),
    });
  });
});

function planWith(disks: number): RestorePlan {
  const plan = aRestorePlan();
  const [os] = plan.disks;
  assert.ok(os);
  const names = Array.from({ length: disks }, (_, index) => `disk-${index}`);
  return {
    ...plan,
    destination: { ...plan.destination, resourceGroup: 'apps' },
    disks: names.map((name, index) => ({
      ...os,
      name,
      from: `disk:${name}` as const,
      role: index === 0 ? ('os' as const) : ('data' as const),
      lun: index === 0 ? null : index - 1,
      sizeBytes: (index + 1) * GIB,
      azureName: `web-${index}`,
    })),
    workers: [{ size: 'Standard_F2s_v2', disks: names }],
  };
}

function toOriginal(plan: RestorePlan): RestorePlan {
  return {
    ...plan,
    destination: { ...plan.destination, kind: 'original', stagingResourceGroup: 'landfall-staging' },
  };
}

async function disksOf(plan: RestorePlan, calls: CallJournal = journal) {
  const handler = createEmptyDisks({ cloud, books, applianceId: 'appliance' });
  const outcome = await handler(await contextOf(plan, calls));
  expect(outcome.kind).toBe('done');
  return outcome.kind === 'done' ? outcome.output.disks : [];
}

async function launched(
  plan: RestorePlan,
  disks: StageOutput<'create-empty-disks'>['disks'],
  calls: CallJournal = journal,
  changes: Partial<WorkerPorts> = {},
) {
  const handler = launchWorker({
    ...{ cloud, workers, doors, applianceId: 'appliance', image: 'Debian:debian-12:12-gen2:latest' },
    ...{ subnetId: SUBNET, apiUrl: 'http://api', reportsWithinMs: 0, looksForVm: [0] },
    ...changes,
  });
  const outcome = await handler(await contextOf(plan, calls, { 'create-empty-disks': { disks } }));
  expect(outcome.kind).toBe('done');
  return outcome.kind === 'done' ? outcome.output.workers : [];
}

/** The restore as the pipeline hands it to a step. */
async function contextOf(
  plan: RestorePlan,
  calls: CallJournal,
  outputs: { readonly [S in StepId]?: StageOutput<S> } = {},
): Promise<StepContext> {
  if ((await books.restore(restoreId)) === null) {
    await books.transaction(async (tx) => {
      await tx.createRestore({ id: restoreId, request: aRestoreRequest(), requestedBy: 'tester' });
      await tx.storePlan(restoreId, plan);
      await tx.moveRestore(restoreId, { from: 'planning', epoch: 0 }, 'running');
      const guard = { from: 'pending', epoch: 0 } as const;
      await tx.moveWork(restoreId, stepKey('create-empty-disks'), guard, 'running', { epoch: 1 });
    });
  }
  const restore = await books.restore(restoreId);
  assert.ok(restore);
  return {
    ...{ restore, plan, epoch: 1, journal: calls, signal: new AbortController().signal },
    outputOf: (step) => {
      const output = outputs[step];
      assert.ok(output, `${step} has handed on nothing`);
      return output;
    },
    event: () => Promise.resolve(),
  };
}

/** As the books are when a person has resumed a restore whose worker was silent. */
async function loseWorker(): Promise<void> {
  const error = { code: 'WORKER_SILENT', message: 'Nothing was heard of it.', fix: 'Resume.' };
  const guard = { from: 'pending', epoch: 0 } as const;
  const resumeFrom = 'launch-worker';
  await books.transaction((tx) =>
    tx.moveWork(restoreId, stepKey('restore-data'), guard, 'failed', { error, resumeFrom }),
  );
}

function environmentOf(vmId: string): Readonly<Record<string, string>> {
  return cloud.subscription.environments.get(vmId.toLowerCase()) ?? {};
}

/** Azure, which for the first so many looks does not show a VM that is there. */
function hidingVms(looks: number, onLook: () => Promise<void> = () => Promise.resolve()): MemoryCloud {
  let left = looks;
  const reader = overriding(cloud.reader, {
    vm: async (id) => {
      if (left-- <= 0) return cloud.reader.vm(id);
      await onLook();
      return null;
    },
  });
  return overriding(cloud, { reader });
}

/** The same, with some methods of its own. */
function overriding<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** For a session of its own each time. */
function redeem(workerId: string, token: string) {
  const hash = createHash('sha256').update(token).digest('hex');
  const session = { tokenHash: randomUUID(), validSeconds: 600 };
  return workers.redeemBootstrap(workerId, hash, session);
}
