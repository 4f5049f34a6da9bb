import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { VirtualMachine } from '@azure/arm-compute';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultControl } from '../index.js';
import {
  collect,
  failure,
  GROUP,
  makeDisk,
  makeSnapshot,
  makeVm,
  powerState,
  refusal,
  REGION,
  set,
  startTestAzure,
  vmBody,
  workerBody,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

describe('ways out for a VM', () => {
  let azure: TestAzure;
  let faults: FaultControl;
  beforeAll(async () => {
    azure = await startTestAzure();
    faults = new FaultControl(azure.emulator);
  });
  afterAll(() => azure.close());

  const create = (name: string, body: VirtualMachine) =>
    azure.compute.virtualMachines.createOrUpdate(GROUP, name, body);
  const disk = async (name: string, { compute }: TestAzure = azure) => {
    const { diskState, managedBy, provisioningState } = await compute.disks.get(GROUP, name);
    return [diskState, managedBy?.split('/').at(-1), provisioningState];
  };
  const dataDisks = async (vm: string, { compute }: TestAzure = azure) =>
    (await compute.virtualMachines.get(GROUP, vm)).storageProfile?.dataDisks?.map(({ name }) => name);
  const slowly = async (kind: string, begin: () => { submitted(): Promise<void> }): Promise<void> => {
    await set(azure, { delaysMs: { [kind]: 60_000 } });
    await begin().submitted();
    await set(azure, { delaysMs: {} });
  };

  it('a detach that does not end is forced, and the disk can go elsewhere', async () => {
    const [stuck, kept] = [await makeDisk(azure, 'a-stuck'), await makeDisk(azure, 'a-kept')];
    await makeVm(azure, 'a', {
      dataDisks: [
        { diskId: stuck, lun: 0 },
        { diskId: kept, lun: 1 },
      ],
    });
    await makeVm(azure, 'a2');
    const detach = (detachOption?: 'ForceDetach') =>
      azure.compute.virtualMachines.attachDetachDataDisks(GROUP, 'a', {
        dataDisksToDetach: [{ diskId: stuck, ...(detachOption === undefined ? {} : { detachOption }) }],
      });
    await slowly('virtualMachines.update', () => detach());
    expect((await refusal(detach())).status).toBe(409);
    await detach('ForceDetach');
    expect(await dataDisks('a')).toStrictEqual(['a-kept']);
    expect(readdirSync(join(azure.directory, 'vms', GROUP, 'a', 'by-lun'))).toStrictEqual(['1']);
    expect(await disk('a-stuck')).toStrictEqual(['Unattached', undefined, 'Succeeded']);
    await azure.compute.virtualMachines.attachDetachDataDisks(GROUP, 'a2', { dataDisksToAttach: [{ diskId: stuck }] });
    expect(await disk('a-stuck')).toStrictEqual(['Attached', 'a2', 'Succeeded']);
  });

  it('a PATCH forces a detach, too, when it does nothing else', async () => {
    const [stuck, other] = [await makeDisk(azure, 'b-stuck'), await makeDisk(azure, 'b-other')];
    await makeVm(azure, 'b', { dataDisks: [{ diskId: stuck, lun: 0 }] });
    const patch = (extra: object[] = []) =>
      azure.compute.virtualMachines.update(GROUP, 'b', {
        storageProfile: {
          dataDisks: [
            {
              lun: 0,
              createOption: 'Attach',
              managedDisk: { id: stuck },
              toBeDetached: true,
              detachOption: 'ForceDetach',
            },
            ...(extra as []),
          ],
        },
      });
    await slowly('virtualMachines.update', () =>
      azure.compute.virtualMachines.attachDetachDataDisks(GROUP, 'b', { dataDisksToDetach: [{ diskId: stuck }] }),
    );
    const more = patch([{ lun: 1, createOption: 'Attach', managedDisk: { id: other } }]);
    expect((await refusal(more)).status).toBe(409);
    await patch();
    expect(await dataDisks('b')).toStrictEqual([]);
    expect(await disk('b-stuck')).toStrictEqual(['Unattached', undefined, 'Succeeded']);
  });

  it('a forced detach does not undo an attachment that is under way with it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'landfall-forced-'));
    const first = await startTestAzure({ dataDirectory: directory });
    const [leaving, coming] = [await makeDisk(first, 'c-leaving'), await makeDisk(first, 'c-coming')];
    await makeVm(first, 'c', { dataDisks: [{ diskId: leaving, lun: 0 }] });
    await set(first, { delaysMs: { 'virtualMachines.update': 60_000 } });
    const { virtualMachines } = first.compute;
    const both = { dataDisksToDetach: [{ diskId: leaving }], dataDisksToAttach: [{ diskId: coming, lun: 4 }] };
    await virtualMachines.attachDetachDataDisks(GROUP, 'c', both).submitted();
    await set(first, { delaysMs: {} });
    const forced = { dataDisksToDetach: [{ diskId: leaving, detachOption: 'ForceDetach' }] };
    await virtualMachines.attachDetachDataDisks(GROUP, 'c', forced);
    await makeVm(first, 'c2', { dataDisks: [{ diskId: leaving, lun: 0 }] });
    await first.close();

    const later = Date.now() + 60_000;
    const second = await startTestAzure({ dataDirectory: directory, now: () => new Date(later) });
    try {
      await second.emulator.idle();
      expect(await dataDisks('c', second)).toStrictEqual(['c-coming']);
      expect(await disk('c-coming', second)).toStrictEqual(['Attached', 'c', 'Succeeded']);
      expect(await disk('c-leaving', second)).toStrictEqual(['Attached', 'c2', 'Succeeded']);
    } finally {
      await second.close();
      rmSync(directory, { recursive: true });
    }
  });

  it('a forced deletion lets go of disks that the VM was only about to get', async () => {
    const coming = await makeDisk(azure, 'd-coming');
    await makeVm(azure, 'd');
    await slowly('virtualMachines.update', () =>
      azure.compute.virtualMachines.attachDetachDataDisks(GROUP, 'd', { dataDisksToAttach: [{ diskId: coming }] }),
    );
    await azure.compute.virtualMachines.delete(GROUP, 'd', { forceDeletion: true });
    expect(await disk('d-coming')).toStrictEqual(['Unattached', undefined, 'Succeeded']);
    expect(await disk('d-os')).toStrictEqual(['Unattached', undefined, 'Succeeded']);
    await azure.compute.disks.delete(GROUP, 'd-coming');
  });

  it('a VM is deleted while it is being made, and its new disks with it as its options say', async () => {
    const body = await workerBody(azure, 'e', {});
    const kept = { name: 'e-kept', lun: 0, createOption: 'Empty', diskSizeGB: 1, deleteOption: 'Detach' } as const;
    await slowly('virtualMachines.create', () =>
      create('e', { ...body, storageProfile: { ...body.storageProfile, dataDisks: [kept] } }),
    );
    await azure.compute.virtualMachines.delete(GROUP, 'e', { forceDeletion: true });
    expect((await refusal(azure.compute.disks.get(GROUP, 'e-os'))).status).toBe(404);
    expect((await disk('e-kept')).slice(0, 2)).toStrictEqual(['Unattached', undefined]);
  });

  it('a VM whose creation failed keeps what it was given, and is made when it is asked for again', async () => {
    const data = await makeDisk(azure, 'f-data');
    const worker = await workerBody(azure, 'f', {});
    const body = {
      ...worker,
      storageProfile: {
        ...worker.storageProfile,
        dataDisks: [
          { lun: 0, createOption: 'Attach' as const, managedDisk: { id: data } },
          { lun: 1, createOption: 'Empty' as const, name: 'f-new', diskSizeGB: 2 },
        ],
      },
    };
    await faults.add({ kind: 'allocation-failed', size: 'Standard_F4s_v2' });
    expect((await failure(azure, create('f', body))).code).toBe('AllocationFailed');
    expect((await azure.compute.virtualMachines.get(GROUP, 'f')).provisioningState).toBe('Failed');
    expect(await disk('f-data')).toStrictEqual(['Reserved', 'f', 'Succeeded']);
    const vm = await create('f', body);
    expect(vm.provisioningState).toBe('Succeeded');
    expect(await powerState(azure, 'f')).toBe('PowerState/running');
    for (const name of ['f-data', 'f-os', 'f-new'])
      expect(await disk(name)).toStrictEqual(['Attached', 'f', 'Succeeded']);
  });

  it('a VM whose creation failed lets go of what it is not asked for again', async () => {
    const data = await makeDisk(azure, 'g-data');
    const body = await vmBody(azure, 'g', { dataDisks: [{ diskId: data, lun: 0 }] });
    await faults.add({ kind: 'allocation-failed' });
    await failure(azure, create('g', body));
    await create('g', { ...body, storageProfile: { ...body.storageProfile, dataDisks: [] } });
    expect(await disk('g-data')).toStrictEqual(['Unattached', undefined, 'Succeeded']);
  });

  it('an operation that fails leaves the power of the VM as it was', async () => {
    await makeVm(azure, 'h');
    const { virtualMachines } = azure.compute;
    const states = async () => [await powerState(azure, 'h'), (await disk('h-os'))[0]];
    await faults.add({ kind: 'fail-late', operation: 'virtualMachines.powerOff' });
    await failure(azure, virtualMachines.powerOff(GROUP, 'h'));
    expect(await states()).toStrictEqual(['PowerState/running', 'Attached']);
    await virtualMachines.powerOff(GROUP, 'h');
    for (const [kind, operation] of [
      ['virtualMachines.start', () => virtualMachines.start(GROUP, 'h')],
      ['virtualMachines.deallocate', () => virtualMachines.deallocate(GROUP, 'h')],
    ] as const) {
      await faults.add({ kind: 'fail-late', operation: kind });
      await failure(azure, operation());
      expect(await states()).toStrictEqual(['PowerState/stopped', 'Attached']);
    }
    await virtualMachines.deallocate(GROUP, 'h');
    await faults.add({ kind: 'allocation-failed' });
    expect((await failure(azure, virtualMachines.start(GROUP, 'h'))).code).toBe('AllocationFailed');
    expect(await states()).toStrictEqual(['PowerState/deallocated', 'Reserved']);
    await virtualMachines.start(GROUP, 'h');
    expect(await states()).toStrictEqual(['PowerState/running', 'Attached']);
  });

  it('a disk or a snapshot whose creation failed is made when it is asked for again', async () => {
    const source = await makeDisk(azure, 'j');
    const disks = azure.compute.disks;
    const copy = () =>
      disks.createOrUpdate(GROUP, 'j-copy', {
        location: REGION,
        creationData: { createOption: 'Copy', sourceResourceId: source },
      });
    await faults.add({ kind: 'fail-late', operation: 'disks.create' });
    await failure(azure, copy());
    expect((await disk('j-copy'))[2]).toBe('Failed');
    expect((await copy()).provisioningState).toBe('Succeeded');
    await faults.add({ kind: 'fail-late', operation: 'snapshots.create' });
    await refusal(makeSnapshot(azure, 'j-snapshot', source));
    expect((await makeSnapshot(azure, 'j-snapshot', source)).provisioningState).toBe('Succeeded');
  });

  it('a disk whose update failed keeps its content when it is asked for again', async () => {
    await makeDisk(azure, 'k');
    const before = await azure.compute.disks.get(GROUP, 'k');
    await faults.add({ kind: 'fail-late', operation: 'disks.update' });
    await failure(azure, azure.compute.disks.update(GROUP, 'k', { diskSizeGB: 2 }));
    expect((await disk('k'))[2]).toStrictEqual('Failed');
    await makeDisk(azure, 'k');
    expect((await azure.compute.disks.get(GROUP, 'k')).uniqueId).toBe(before.uniqueId);
    expect((await disk('k'))[2]).toStrictEqual('Succeeded');
  });

  it('a size that becomes restricted stays with the VMs that have it, and shows in the list', async () => {
    await makeVm(azure, 'i', { size: 'Standard_D2s_v3', zone: '1' });
    const restriction = { size: 'standard_d2s_v3', region: REGION, zones: ['3', '1'] };
    await set(azure, { sizeRestrictions: [restriction, { size: 'Standard_D4s_v3', region: REGION }] });
    const skus = await collect(azure.compute.resourceSkus.list({ filter: `location eq '${REGION}'` }));
    const restrictions = (name: string) =>
      skus
        .filter((sku) => sku.name === name)[0]
        ?.restrictions?.map(({ type, restrictionInfo }) => [type, restrictionInfo?.zones]);
    expect(restrictions('Standard_D2s_v3')).toStrictEqual([['Zone', ['1', '3']]]);
    expect(restrictions('Standard_D4s_v3')).toStrictEqual([['Location', undefined]]);
    await azure.compute.virtualMachines.update(GROUP, 'i', { tags: { still: 'here' } });
    await azure.compute.virtualMachines.deallocate(GROUP, 'i');
    expect((await refusal(azure.compute.virtualMachines.start(GROUP, 'i'))).code).toBe('SkuNotAvailable');
    await set(azure, { sizeRestrictions: [] });
    await azure.compute.virtualMachines.start(GROUP, 'i');
  });
});
