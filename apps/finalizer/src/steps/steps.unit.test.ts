import { beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  BOOT_SECONDS,
  networkOf,
  newRestoreId,
  ownerTags,
  RetryableError,
  type CallJournal,
  type ResourceRole,
  type Restore,
  type RestorePlan,
  type StepId,
  stepKey,
} from '@landfall/domain';
import type { StageOutput, StepContext } from '@landfall/pipeline';
import {
  aRestorePlan,
  aRestoreRequest,
  MemoryBooks,
  MemoryCloud,
  MemoryDiskAccesses,
  MemoryJournal,
  MemoryWorkerDoors,
  MemoryWorkerRegistry,
  seedOf,
  throughEveryCrash,
  MemoryArchiveCopies,
  MemoryRetrievals,
  nothingArchived,
} from '@landfall/testing';
import { cleanUp, type CleanUpPorts } from '../clean-up.js';
import { attachDisks } from './attach-disks.js';
import { createVm } from './create-vm.js';
import { deallocateWorker } from './deallocate-worker.js';
import { detachDisks } from './detach-disks.js';

const GIB = 1024 ** 3;
const SUBNET = seedOf().subnets[0]?.azureId ?? '';
const APPLIANCE = 'appliance';

let books: MemoryBooks;
let cloud: MemoryCloud;
let workers: MemoryWorkerRegistry;
let doors: MemoryWorkerDoors;
let diskAccesses: MemoryDiskAccesses;
let journal: MemoryJournal;
let restoreId: string;
let events: string[];
/** By the books' own clock; what is in the ledger was entered at 0. */
let ledgerReadAt: Date;

beforeEach(() => {
  books = new MemoryBooks();
  cloud = new MemoryCloud({ applianceId: APPLIANCE });
  workers = new MemoryWorkerRegistry();
  doors = new MemoryWorkerDoors();
  diskAccesses = new MemoryDiskAccesses();
  restoreId = newRestoreId();
  journal = new MemoryJournal(restoreId);
  events = [];
  ledgerReadAt = new Date(0);
});

describe('step 6, detach-disks', () => {
  it('takes every disk from its worker, as often as it is asked', async () => {
    const provisioned = await provision(planWith(3));
    for (let time = 0; time < 2; time++) await run('detach-disks', provisioned);
    for (const { azureId } of provisioned.disks) expect((await cloud.reader.disk(azureId))?.managedBy).toBe(null);
  });
});

describe('step 7, deallocate-worker', () => {
  it('removes the worker with all that is its own, voids its tokens and leaves the disks', async () => {
    const provisioned = await provision(planWith(2));
    await run('detach-disks', provisioned);
    await run('deallocate-worker', provisioned);
    expect(cloud.subscription.inventory).toStrictEqual(provisioned.disks.map((disk) => disk.azureId).sort());
    expect(cloud.subscription.changes.indexOf('machines.deallocate worker')).toBeLessThan(
      cloud.subscription.changes.indexOf('machines.remove worker'),
    );
    expect((await workers.worker('worker'))?.state).toBe('retired');
    expect(doors.shutOnes).toStrictEqual(['worker']);
    const left = journal.ledger.filter((entry) => entry.state !== 'removed');
    expect(left.map((entry) => entry.azureId).sort()).toStrictEqual(cloud.subscription.inventory);
  });

  it('does not fail where Redis is away, so that a door stays open for the sweep', async () => {
    const provisioned = await provision(planWith(2));
    await run('detach-disks', provisioned);
    doors.away = true;
    await run('deallocate-worker', provisioned);
    expect((await workers.worker('worker'))?.state).toBe('retired');
  });

  it('ends in the same state, wherever its process dies', async () => {
    const provisioned = await provision(planWith(2));
    await run('detach-disks', provisioned);
    await throughEveryCrash(journal, (calls) => run('deallocate-worker', provisioned, calls));
    expect(cloud.subscription.inventory).toStrictEqual(provisioned.disks.map((disk) => disk.azureId).sort());
  });
});

describe('step 7, when something of a worker came into being late', () => {
  for (const kinds of [['nics'], ['disks'], ['nics', 'disks', 'vms']] as const) {
    it(`removes it although the ledger has it as removed: ${kinds.join(', ')}`, async () => {
      const provisioned = await provision(planWith(1));
      await run('detach-disks', provisioned);
      const parts = kinds.map((kind) => {
        const of: Map<string, { name: string }> = cloud.subscription[kind];
        return { of, late: [...of].filter(([, { name }]) => name.startsWith('worker')) };
      });
      await run('deallocate-worker', provisioned);
      for (const { of, late } of parts) for (const [key, part] of late) of.set(key, part);
      expect(cloud.subscription.inventory.length).toBeGreaterThan(provisioned.disks.length);
      await run('deallocate-worker', provisioned);
      expect(cloud.subscription.inventory).toStrictEqual(provisioned.disks.map((disk) => disk.azureId).sort());
    });
  }

  it('leaves a machine alone that somebody has made under its name since, and says so', async () => {
    const provisioned = await provision(planWith(1));
    await run('detach-disks', provisioned);
    const [key, worker] = [...cloud.subscription.vms].find(([, vm]) => vm.name === 'worker') ?? [];
    assert.ok(key && worker);
    await run('deallocate-worker', provisioned);
    const theirs = { ...worker, tags: { owner: 'somebody else' }, powerState: 'running' as const };
    cloud.subscription.vms.set(key, theirs);
    await run('deallocate-worker', provisioned);
    expect(cloud.subscription.vms.get(key)).toBe(theirs);
    expect(theirs.powerState).toBe('running');
    expect(events).toContain('resource.left');
  });
});

describe('steps 10 and 11, create-vm and attach-disks', () => {
  it('make a running VM with the address and the disks of the plan', async () => {
    const plan = planWith(3, { privateIp: '10.0.0.7' });
    const vm = await restored(plan);
    expect(vm.name).toBe('web');
    expect(vm.powerState).toBe('running');
    expect(vm.osDiskId).toBe(idOf('disk-0'));
    expect(vm.dataDisks).toStrictEqual([
      { diskId: idOf('disk-1'), lun: 0 },
      { diskId: idOf('disk-2'), lun: 1 },
    ]);
    expect((await cloud.reader.nic(vm.nicIds[0] ?? ''))?.privateAddresses).toStrictEqual(['10.0.0.7']);
    expect((await books.restore(restoreId))?.vmAzureId).toBe(vm.azureId);
  });

  it('never let the machine run without its data disks', async () => {
    const atFirst: number[] = [];
    await restored(planWith(3), {
      'attach-disks': async () => {
        const vm = await cloud.reader.vm(cloud.reader.vmId('apps', 'web'));
        atFirst.push(...(vm?.dataDisks ?? []).map(({ lun }) => lun));
      },
    });
    expect(atFirst).toStrictEqual([0, 1]);
    const order = cloud.subscription.changes.filter((change) => change.endsWith(' web'));
    expect(order).toStrictEqual(['machines.ensure web', 'machines.attach web', 'machines.start web']);
  });

  it('attach what is missing, as after somebody took it away between the two', async () => {
    const vm = await restored(planWith(3), {
      'attach-disks': () =>
        cloud.machines.detach(cloud.reader.vmId('apps', 'web'), [idOf('disk-2')], new MemoryJournal('somebody-else')),
    });
    expect(vm.dataDisks).toStrictEqual([
      { diskId: idOf('disk-1'), lun: 0 },
      { diskId: idOf('disk-2'), lun: 1 },
    ]);
  });

  for (const [step, disk] of [
    ['machines.ensure', 'disk-0'],
    ['machines.ensure', 'disk-1'],
    ['machines.attach', 'disk-1'],
  ] as const) {
    it(`end an access to a disk that was granted late, and go on: ${step} of ${disk}`, async () => {
      const plan = planWith(2);
      const direct = { ...plan, options: { ...plan.options, transfer: 'direct' as const } };
      const vm = await restored(direct, {
        'create-vm': () => (step === 'machines.ensure' ? grantLate(disk, step) : undefined),
        'attach-disks': async () => {
          if (step !== 'machines.attach') return;
          await cloud.machines.detach(
            cloud.reader.vmId('apps', 'web'),
            [idOf(disk)],
            new MemoryJournal('somebody-else'),
          );
          await grantLate(disk, step);
        },
      });
      expect(vm.powerState).toBe('running');
      expect(vm.dataDisks.length).toBe(1);
      expect((await cloud.reader.disk(idOf(disk)))?.diskState).toBe('Attached');
    });
  }

  it('leave an access alone that is not their own, and say how to end it', async () => {
    await expect(
      restored(planWith(1), { 'create-vm': () => grantLate('disk-0', 'machines.ensure') }),
    ).rejects.toMatchObject({
      code: 'DISK_SAS_ACTIVE',
    });
    expect((await cloud.reader.disk(idOf('disk-0')))?.diskState).toBe('ActiveSAS');
  });

  it('leave the machine running from the start', async () => {
    await restored(planWith(2));
    expect(cloud.subscription.changes).not.toContain('machines.deallocate web');
  });

  it('stop the machine at once when it must not run', async () => {
    const plan = planWith(1);
    const vm = await restored({ ...plan, options: { ...plan.options, powerOn: false, bootCheck: 'none' } });
    expect(vm.powerState).toBe('deallocated');
    expect(cloud.subscription.changes.filter((change) => change.endsWith(' web'))[1]).toBe('machines.deallocate web');
    expect(cloud.subscription.changes).not.toContain('machines.start web');
  });

  it('tell of the boot check', async () => {
    const plan = planWith(1);
    await restored({ ...plan, options: { ...plan.options, bootCheck: 'running' } });
    expect(events).toContain('vm.boot-checked');
  });

  it('wait for the prompt on the serial console of a machine that boots, and leave the rest to a person', async () => {
    const plan = planWith(1);
    const wanted = { ...plan, options: { ...plan.options, bootCheck: 'serial' as const } };
    const vmAzureId = cloud.reader.vmId('apps', 'web');
    await expect(restored(wanted)).rejects.toMatchObject({ code: 'BOOT_PENDING', kind: 'waiting' });
    const attach = () => run('attach-disks', provisionedOf(wanted), journal, { 'create-vm': { vmAzureId } });
    cloud.subscription.serialLogs.set(
      vmAzureId.toLowerCase(),
      'GRUB loading\r\nerror: no such partition\r\ngrub rescue> ',
    );
    ledgerReadAt = new Date(BOOT_SECONDS * 1_000 - 1);
    await expect(attach()).rejects.toMatchObject({ code: 'BOOT_PENDING', kind: 'waiting' });
    ledgerReadAt = new Date(BOOT_SECONDS * 1_000);
    const outcome = await attach();
    const error = { code: 'BOOT_CHECK_FAILED', message: expect.stringContaining('grub rescue>') };
    expect(outcome).toMatchObject({ kind: 'exhausted', error });
    cloud.subscription.serialLogs.set(vmAzureId.toLowerCase(), 'web login: ');
    await attach();
    expect(events).toContain('vm.boot-checked');
    expect((await cloud.reader.vm(vmAzureId))?.powerState).toBe('running');
  });

  it('look for the text that was asked for, and for no prompt then', async () => {
    const plan = planWith(1);
    const options = { ...plan.options, bootCheck: 'serial' as const, bootPattern: 'shop is open' };
    const vmAzureId = cloud.reader.vmId('apps', 'web');
    const ready = (log: string) => async () => void cloud.subscription.serialLogs.set(vmAzureId.toLowerCase(), log);
    await expect(restored({ ...plan, options }, { 'attach-disks': ready('web login: ') })).rejects.toMatchObject({
      code: 'BOOT_PENDING',
    });
    await ready('web login: \r\nshop is open\r\n')();
    await run('attach-disks', provisionedOf({ ...plan, options }), journal, { 'create-vm': { vmAzureId } });
    expect(events).toContain('vm.boot-checked');
  });

  it('put a machine that is to be isolated into a network of its own, which goes with it where the restore fails', async () => {
    const plan = planWith(1);
    const isolated = { ...plan, options: { ...plan.options, isolated: true } };
    const vm = await restored({ ...isolated, destination: { ...plan.destination, subnetId: null } });
    const [nicId = ''] = vm.nicIds;
    const subnetId = cloud.subscription.subnetsOfNics.get(nicId.toLowerCase()) ?? '';
    const network = cloud.subscription.networks.get(networkOf(subnetId).toLowerCase());
    expect(network?.azureId).toContain(`web-isolated-${restoreId}`);
    const ours = journal.ledger.filter(({ role }) => role === 'isolated-network');
    expect(ours.map(({ kind, purpose }) => [kind, purpose])).toStrictEqual([
      ['security-group', 'result'],
      ['network', 'result'],
    ]);
    await clean();
    expect(cloud.subscription.inventory).toStrictEqual([]);
  });

  it('make one VM, wherever their process dies', async () => {
    const provisioned = await provision(planWith(2));
    await run('detach-disks', provisioned);
    await throughEveryCrash(journal, (calls) => run('create-vm', provisioned, calls));
    const vm = [...cloud.subscription.vms.values()].find((each) => each.name === 'web');
    const outputs = { 'create-vm': { vmAzureId: vm?.azureId ?? '' } };
    await throughEveryCrash(journal, (calls) => run('attach-disks', provisioned, calls, outputs));
    expect([...cloud.subscription.vms.values()].filter((each) => each.name === 'web').length).toBe(1);
    expect(vm?.powerState).toBe('running');
    expect(journal.ledger.map((entry) => entry.azureId).sort()).toStrictEqual(cloud.subscription.inventory);
  });

  it('say nothing of their VM once another run has their place', async () => {
    const provisioned = await provision(planWith(1));
    await run('detach-disks', provisioned);
    const guard = { from: 'running', epoch: 1 } as const;
    await books.transaction((tx) => tx.moveWork(restoreId, stepKey('create-vm'), guard, 'pending', { epoch: 2 }));
    await expect(run('create-vm', provisioned)).rejects.toMatchObject({ code: 'STEP_SUPERSEDED' });
    expect((await books.restore(restoreId))?.vmAzureId).toBe(null);
  });

  it('leave a VM of that name alone that is not ours', async () => {
    const provisioned = await provision(planWith(1));
    await run('detach-disks', provisioned);
    const theirs = await machineOfSomebodyElse();
    await expect(run('create-vm', provisioned)).rejects.toMatchObject({ code: 'RESOURCE_FOREIGN', kind: 'permanent' });
    expect(await cloud.reader.vm(theirs.azureId)).toStrictEqual(theirs);
  });
});

describe('the clean-up', () => {
  it('leaves nothing of a restore that had come to its end', async () => {
    await restored(planWith(3));
    await clean();
    expect(cloud.subscription.inventory).toStrictEqual([]);
    expect(journal.ledger.every((entry) => entry.state === 'removed')).toBe(true);
    expect((await books.restore(restoreId))?.vmAzureId).toBe(null);
  });

  it('leaves nothing of one that was stopped while its worker had the disks', async () => {
    await provision(planWith(2));
    await clean();
    expect(cloud.subscription.inventory).toStrictEqual([]);
    const all = await workers.workers({ restoreId });
    assert.ok(all.length > 0 && all.every((worker) => worker.state === 'retired'));
    expect(all.every((worker) => doors.shutOnes.includes(worker.id))).toBe(true);
  });

  it('leaves nothing, wherever its process dies', async () => {
    await provision(planWith(2));
    await throughEveryCrash(journal, (calls) => clean(calls));
    expect(cloud.subscription.inventory).toStrictEqual([]);
  });

  it('ends the access to disks that are being uploaded', async () => {
    const spec = diskSpec('upload');
    const { azureId } = await cloud.disks.ensureUpload(spec, journal);
    await cloud.disks.grantWrite(azureId, 60, journal);
    await storePlan(planWith(1));
    await diskAccesses.put(
      { restoreId, diskName: 'upload', sealedUrl: 'x', expiresAt: new Date(), purpose: 'write', stepEpoch: 1 },
      null,
    );
    await clean();
    expect(cloud.subscription.inventory).toStrictEqual([]);
    expect(await diskAccesses.access(restoreId, 'upload')).toBe(null);
  });

  it('takes away the copies that were brought back from the archive tier, with their container', async () => {
    await provision(planWith(1));
    const copies = new MemoryArchiveCopies([]);
    const retrievals = new MemoryRetrievals(books);
    const retrieval = { url: 'azure://backups/copies', files: [], keepHours: 72 };
    await books.transaction((tx) => tx.storeRetrieval(restoreId, retrieval));
    archive = { retrievals, copiesOf: async () => copies };
    copies.failure = new RetryableError({ code: 'STORE_UNREACHABLE', message: 'Away.', fix: 'Wait.' });
    await expect(clean()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(await retrievals.url(restoreId)).not.toBe(null);
    await clean();
    expect([copies.removals, await retrievals.url(restoreId)]).toStrictEqual([1, null]);
  });

  it('settles what was intended and never made', async () => {
    await storePlan(planWith(1));
    const azureId = cloud.reader.diskId('apps', 'never-made');
    const effect = { creates: { kind: 'disk', role: 'disk', purpose: 'result' } } as const;
    await journal.begin({ key: 'lost', operation: 'disks.createOrUpdate', azureId, bodyHash: '', effect });
    await clean();
    expect(journal.ledger[0]?.state).toBe('removed');
  });

  it('removes what was made a moment ago and is not to be seen yet', async () => {
    await storePlan(planWith(1));
    const azureId = cloud.reader.diskId('apps', 'just-made');
    const effect = { creates: { kind: 'disk', role: 'disk', purpose: 'result' } } as const;
    await journal.begin({ key: 'lost', operation: 'disks.createOrUpdate', azureId, bodyHash: '', effect });
    const look = cloud.reader.resource.bind(cloud.reader);
    let looks = 0;
    cloud.reader.resource = async (kind, id) => {
      looks += 1;
      if (looks === 2) await cloud.disks.ensureEmpty(diskSpec('just-made'), new MemoryJournal(restoreId));
      return look(kind, id);
    };
    await clean();
    assert.ok(looks >= 2, 'one look was enough for it');
    expect(cloud.subscription.inventory).toStrictEqual([]);
    expect(journal.ledger[0]?.state).toBe('removed');
  });

  it('removes what an earlier attempt has found to be gone, once Azure shows it', async () => {
    await provision(planWith(1));
    const [key, worker] = [...cloud.subscription.vms].find(([, vm]) => vm.name === 'worker') ?? [];
    assert.ok(key && worker);
    cloud.subscription.vms.delete(key);
    const tags = ownerTags(APPLIANCE, restoreId, 'worker');
    await cloud.machines.remove({ azureId: worker.azureId, tags }, journal);
    expect(journal.ledger.find((entry) => entry.azureId === worker.azureId)?.state).toBe('removed');
    cloud.subscription.vms.set(key, worker);
    await clean();
    expect(cloud.subscription.inventory).toStrictEqual([]);
  });

  it('ends the access to a disk of ours when Azure gives the names of its tags back in another case', async () => {
    await storePlan(planWith(1));
    const { azureId } = await cloud.disks.ensureUpload(diskSpec('upload'), journal);
    await cloud.disks.grantWrite(azureId, 60, journal);
    const disk = cloud.subscription.disks.get(azureId.toLowerCase());
    assert.ok(disk);
    disk.tags = Object.fromEntries(Object.entries(disk.tags).map(([name, value]) => [name.toUpperCase(), value]));
    await clean();
    assert.deepEqual(cloud.subscription.inventory, []);
  });

  it('forgets no VM when another run has taken its place meanwhile', async () => {
    await storePlan(planWith(1));
    await books.transaction((tx) => tx.patchRestore(restoreId, { vmAzureId: '/vms/web' }));
    await turnRound();
    await books.transaction((tx) =>
      tx.moveWork(restoreId, BACK, { from: 'running', epoch: 1 }, 'running', { epoch: 2 }),
    );
    await assert.rejects(clean(), { code: 'STEP_SUPERSEDED' });
    assert.equal((await books.restore(restoreId))?.vmAzureId, '/vms/web');
  });

  it('leaves and names what no longer carries our tags, and removes the rest', async () => {
    const provisioned = await provision(planWith(2));
    await run('detach-disks', provisioned);
    const adopted = cloud.subscription.disks.get(idOf('disk-1').toLowerCase());
    assert.ok(adopted);
    adopted.tags = { owner: 'somebody else' };
    await clean();
    expect(cloud.subscription.inventory).toStrictEqual([adopted.azureId]);
    expect(events).toContain('clean-up.left');
  });

  it('leaves what may be there once the way back has ended: what is kept for longer, and what was to be replaced', async () => {
    const made = await Promise.all(
      ['copy', 'source'].map((name) => cloud.disks.ensureEmpty(diskSpec(name), new MemoryJournal(restoreId))),
    );
    const [copy, source] = made.map(({ azureId }) => azureId);
    const call = { operation: 'o', bodyHash: '' };
    const creates = { kind: 'disk', role: 'disk', purpose: 'safety', keepUntil: new Date(1) } as const;
    await journal.begin({ ...call, key: 'copy', azureId: copy!, effect: { creates } });
    await journal.succeeded('copy');
    const removes = { kind: 'disk', instanceId: 'one' } as const;
    await journal.begin({ ...call, key: 'source', azureId: source!, effect: { removes } });
    await provision(planWith(1));
    await clean();
    expect(cloud.subscription.inventory).toStrictEqual([copy, source]);
    expect(events).not.toContain('clean-up.left');
  });

  it('touches nothing that the ledger does not list, whatever its name and tags', async () => {
    const look = { ...diskSpec('lookalike') };
    const stranger = await cloud.disks.ensureEmpty(look, new MemoryJournal(restoreId));
    await provision(planWith(1));
    await clean();
    expect(cloud.subscription.inventory).toStrictEqual([stranger.azureId]);
  });

  it('goes on past what can’t be removed now, and asks to be tried again', async () => {
    await provision(planWith(2));
    const error = new RetryableError({ code: 'AZURE_UNREACHABLE', message: 'Away.', fix: 'Wait.' });
    cloud.subscription.failNext('disks.remove', error);
    await expect(clean()).rejects.toBe(error);
    expect(cloud.subscription.inventory.length).toBeLessThan(6);
    await clean();
    expect(cloud.subscription.inventory).toStrictEqual([]);
  });
});

interface Provisioned {
  readonly plan: RestorePlan;
  readonly disks: StageOutput<'create-empty-disks'>['disks'];
  readonly workers: StageOutput<'launch-worker'>['workers'];
}

/** As the provisioner leaves a restore: the disks, written or not, attached to a worker. */
async function provision(plan: RestorePlan): Promise<Provisioned> {
  await storePlan(plan);
  const disks = [];
  for (const { name } of plan.disks) {
    const { azureId } = await cloud.disks.ensureEmpty(diskSpec(name), journal);
    await books.transaction((tx) => tx.setDiskAzureId(restoreId, name, azureId));
    disks.push({ name, azureId });
  }
  const nic = await cloud.network.ensureNic(
    { ...located('worker-nic', 'worker-nic'), subnetId: SUBNET, privateIp: null },
    journal,
  );
  const vm = await cloud.machines.ensureWorker(
    {
      ...located('worker', 'worker'),
      ...{ size: 'Standard_F2s_v2', nicId: nic.azureId, image: 'a:b:c:d', osDiskName: 'worker-os', environment: {} },
    },
    journal,
  );
  await workers.enter({
    ...{ id: 'worker', restoreId, azureId: vm.azureId, disks: disks.map((disk) => disk.name) },
    ...{ bootstrapTokenHash: 'hash', bootstrapSeconds: 600 },
  });
  const attached = disks.map(({ azureId }, lun) => ({ diskId: azureId, lun, caching: 'None' as const }));
  await cloud.machines.attach(vm.azureId, attached, journal);
  const onWorker = disks.map(({ name }, lun) => ({ name, lun }));
  return { plan, disks, workers: [{ workerId: 'worker', azureId: vm.azureId, disks: onWorker }] };
}

/** Once its worker is gone. */
function provisionedOf(plan: RestorePlan): Provisioned {
  return { plan, disks: [], workers: [] };
}

/** Through steps 6, 7, 10 and 11. */
async function restored(
  plan: RestorePlan,
  before: { readonly [S in 'create-vm' | 'attach-disks']?: () => Promise<void> | undefined } = {},
) {
  const provisioned = await provision(plan);
  await run('detach-disks', provisioned);
  await run('deallocate-worker', provisioned);
  await before['create-vm']?.();
  await run('create-vm', provisioned);
  await before['attach-disks']?.();
  const vmAzureId = cloud.reader.vmId('apps', 'web');
  await run('attach-disks', provisioned, journal, { 'create-vm': { vmAzureId } });
  const vm = await cloud.reader.vm(vmAzureId);
  assert.ok(vm);
  return vm;
}

/** An access of which the books know nothing, and what Azure then says. */
async function grantLate(disk: string, refused: 'machines.ensure' | 'machines.attach'): Promise<void> {
  await cloud.disks.grantRead(idOf(disk), 600, journal);
  const details = { code: 'DISK_SAS_ACTIVE', message: 'It is under access.', fix: 'End it.' };
  cloud.subscription.failNext(refused, new RetryableError(details));
}

async function run(
  step: 'detach-disks' | 'deallocate-worker' | 'create-vm' | 'attach-disks',
  provisioned: Provisioned,
  calls: CallJournal = journal,
  outputs: { readonly [S in StepId]?: StageOutput<S> } = {},
) {
  // As the transfer does it.
  const endAccess = async ({ disks }: Restore, over: CallJournal) => {
    for (const { azureId } of disks) if (azureId !== null) await cloud.disks.revokeAccess(azureId, over);
  };
  const ledgers = {
    ledger: async () => journal.ledger.map((entry) => ({ ...entry, readAt: ledgerReadAt })),
    transaction: books.transaction.bind(books),
  };
  const handlers = {
    'detach-disks': detachDisks({ cloud }),
    'deallocate-worker': deallocateWorker({ cloud, workers, doors, books: ledgers, applianceId: APPLIANCE }),
    'create-vm': createVm({ cloud, books, applianceId: APPLIANCE, endAccess }),
    'attach-disks': attachDisks({ cloud, books: ledgers, endAccess }),
  };
  const restore = await books.restore(restoreId);
  assert.ok(restore);
  const all = { 'launch-worker': { workers: provisioned.workers }, ...outputs };
  const context: StepContext = {
    ...{ restore, plan: provisioned.plan, epoch: 1, journal: calls, signal: new AbortController().signal },
    outputOf: <S extends StepId>(wanted: S) => {
      const output = (all as { readonly [Each in StepId]?: StageOutput<Each> })[wanted];
      assert.ok(output, `${wanted} has handed on nothing`);
      return output;
    },
    event,
  };
  const outcome = await handlers[step](context);
  // For a person: as the machine takes it, and no failure of the step.
  if (outcome.kind === 'exhausted') return outcome;
  assert.ok(outcome.kind === 'done');
  return outcome.output;
}

async function clean(calls: CallJournal = journal): Promise<void> {
  if ((await books.restore(restoreId))?.state === 'running') await turnRound();
  const restore = (await books.restore(restoreId)) ?? assert.fail('there is nothing to clean up');
  const ledgers = { ledger: async () => journal.ledger, transaction: books.transaction.bind(books) };
  const looksForIntended = [0, 0];
  const handler = cleanUp({
    ...{ cloud, workers, doors, diskAccesses, books: ledgers },
    ...{ applianceId: APPLIANCE, looksForIntended },
    ...archive,
  });
  const signal = new AbortController().signal;
  await handler({ restore, epoch: 1, journal: calls, signal, event });
}

let archive: Pick<CleanUpPorts, 'retrievals' | 'copiesOf'>;
beforeEach(() => {
  archive = nothingArchived();
});

const BACK = { direction: 'back', round: 1, id: 'remove-created' } as const;

/** The clean-up runs under epoch 1. */
async function turnRound(): Promise<void> {
  await books.transaction(async (tx) => {
    const turn = { round: 1, purpose: 'cancel', cause: null } as const;
    await tx.moveRestore(restoreId, { from: 'running', epoch: 1 }, 'cancelling', { turn });
    await tx.openWorks(restoreId, [BACK]);
    await tx.moveWork(restoreId, BACK, { from: 'pending', epoch: 0 }, 'running', { epoch: 1 });
  });
}

async function storePlan(plan: RestorePlan): Promise<void> {
  await books.transaction(async (tx) => {
    await tx.createRestore({ id: restoreId, request: aRestoreRequest(), requestedBy: 'tester' });
    await tx.storePlan(restoreId, plan);
    await tx.moveRestore(restoreId, { from: 'planning', epoch: 0 }, 'running');
    await tx.moveWork(restoreId, stepKey('create-vm'), { from: 'pending', epoch: 0 }, 'pending', { epoch: 1 });
    await tx.moveWork(restoreId, stepKey('create-vm'), { from: 'pending', epoch: 1 }, 'running');
  });
}

function planWith(disks: number, destination: Partial<RestorePlan['destination']> = {}): RestorePlan {
  const plan = aRestorePlan();
  const [os] = plan.disks;
  assert.ok(os);
  return {
    ...plan,
    destination: {
      ...plan.destination,
      resourceGroup: 'apps',
      subnetId: SUBNET,
      size: 'Standard_F2s_v2',
      ...destination,
    },
    disks: Array.from({ length: disks }, (_, index) => ({
      ...os,
      name: `disk-${index}`,
      from: `disk:disk-${index}` as const,
      role: index === 0 ? ('os' as const) : ('data' as const),
      lun: index === 0 ? null : index - 1,
    })),
  };
}

async function machineOfSomebodyElse() {
  const other = new MemoryJournal('somebody-else');
  const tags = { owner: 'somebody else' };
  const disk = await cloud.disks.ensureEmpty({ ...diskSpec('theirs'), tags }, other);
  const nic = await cloud.network.ensureNic(
    { ...located('theirs-nic', 'nic'), tags, subnetId: SUBNET, privateIp: null },
    other,
  );
  const osDisk = { diskId: disk.azureId, family: 'linux' as const, caching: 'ReadWrite' as const };
  return cloud.machines.ensure(
    { ...located('web', 'vm'), tags, size: 'Standard_B1s', nicId: nic.azureId, osDisk, dataDisks: [] },
    other,
  );
}

function diskSpec(name: string) {
  return { ...located(name, 'disk'), sizeBytes: GIB, sku: 'StandardSSD_LRS', os: null };
}

function located(name: string, role: ResourceRole) {
  const tags = ownerTags(APPLIANCE, restoreId, role);
  const purpose = role.startsWith('worker') ? ('help' as const) : ('result' as const);
  return { resourceGroup: 'apps', region: 'westeurope', zone: null, name, role, purpose, tags };
}

function idOf(diskName: string): string {
  return cloud.reader.diskId('apps', diskName);
}

function event(type: string): Promise<void> {
  events.push(type);
  return Promise.resolve();
}
