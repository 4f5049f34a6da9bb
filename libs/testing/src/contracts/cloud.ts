import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  LandfallError,
  OWNER_TAGS,
  newRestoreId,
  ownerTags,
  type Cloud,
  type DiskSpec,
  type NicSpec,
  type ResourceRole,
  type VmSpec,
  type WorkerSpec,
} from '@landfall/domain';
import { MemoryJournal } from '../doubles/memory-journal.js';

const GIB = 1024 ** 3;

/** A subscription with a resource group, a subnet in the same region, and sizes to choose from. */
export interface CloudSubject {
  readonly cloud: Cloud;
  readonly applianceId: string;
  readonly resourceGroup: string;
  readonly region: string;
  readonly subnetId: string;
  /** A free address of the subnet. */
  readonly freeAddress: string;
  /** A size that takes at least two and at most four data disks. */
  readonly smallSize: string;
  dispose(): Promise<void>;
}

/** What every `Cloud` keeps to. Registers its tests under `name`. */
export function cloudContract(name: string, create: () => Promise<CloudSubject>): void {
  describe(`${name} as a Cloud`, () => {
    let subject: CloudSubject;
    let cloud: Cloud;

    beforeAll(async () => {
      subject = await create();
      cloud = subject.cloud;
    });
    afterAll(() => subject.dispose());

    function restore() {
      return restoreIn(subject);
    }

    describe('reading', () => {
      it('answers null for what does not exist', async () => {
        expect(await cloud.disk(cloud.diskId(subject.resourceGroup, 'none'))).toBe(null);
        expect(await cloud.nic(cloud.nicId(subject.resourceGroup, 'none'))).toBe(null);
        expect(await cloud.vm(cloud.vmId(subject.resourceGroup, 'none'))).toBe(null);
        expect(await cloud.resourceGroup('no-such-group')).toBe(null);
        expect(await cloud.subnet(subject.subnetId.replace(/[^/]+$/, 'none'))).toBe(null);
        expect(await cloud.subnetsIn('no-such-group')).toStrictEqual([]);
      });

      it('knows the region, the resource group, the subnet and the size', async () => {
        expect(await cloud.regions()).toContain(subject.region);
        expect((await cloud.resourceGroup(subject.resourceGroup))?.region).toBe(subject.region);
        const subnet = await cloud.subnet(subject.subnetId);
        expect(subnet?.region).toBe(subject.region);
        expect(subnet?.prefixes[0] ?? '').toMatch(/^\d+\.\d+\.\d+\.\d+\/\d+$/);
        const subnets = await cloud.subnetsIn(subnet?.resourceGroup ?? '');
        expect(subnets.some((each) => each.azureId.toLowerCase() === subject.subnetId.toLowerCase())).toBe(true);
        const size = (await cloud.sizes(subject.region)).find((each) => each.name === subject.smallSize);
        expect(size !== undefined && size.vCpus > 0 && size.generations.includes(1)).toBe(true);
        expect((await cloud.usages(subject.region)).every((usage) => usage.limit >= usage.current)).toBe(true);
        expect(await cloud.providerRegistered('Microsoft.Compute')).toBe(true);
      });
    });

    describe('disks', () => {
      it('makes an empty disk as it was asked for, tagged, and writes it into the ledger', async () => {
        const { disk, journal } = restore();
        const spec = disk('os', { os: { family: 'linux', generation: 1 } });
        const made = await cloud.ensureEmptyDisk(spec, journal);
        expect(made.diskState).toBe('Unattached');
        expect(made.sizeBytes).toBe(2 * GIB);
        expect(made.sku).toBe('StandardSSD_LRS');
        expect(made.managedBy).toBe(null);
        expect(made.tags[OWNER_TAGS.appliance]).toBe(subject.applianceId);
        expect(await cloud.disk(made.azureId)).toStrictEqual(made);
        expect(states(journal)).toStrictEqual([[made.azureId.toLowerCase(), 'created']]);
      });

      it('gives back the same disk when it is asked for again, also by a journal that knows nothing of it', async () => {
        const { disk, journal, id } = restore();
        const first = await cloud.ensureEmptyDisk(disk('again'), journal);
        expect(await cloud.ensureEmptyDisk(disk('again'), journal)).toStrictEqual(first);
        expect(await cloud.ensureEmptyDisk(disk('again'), new MemoryJournal(id))).toStrictEqual(first);
      });

      it('leaves a disk of that name alone that is not ours', async () => {
        const other = restore();
        const theirs = await cloud.ensureEmptyDisk(other.disk('theirs'), other.journal);
        const { journal, tags } = restore();
        const spec = { ...other.disk('theirs'), tags: tags('disk') };
        await assert.rejects(cloud.ensureEmptyDisk(spec, journal), hasCode('RESOURCE_FOREIGN', 'permanent'));
        expect(await cloud.disk(theirs.azureId)).toStrictEqual(theirs);
      });

      it('lists what carries a tag with exactly that value', async () => {
        const { disk, journal, id } = restore();
        const made = await cloud.ensureEmptyDisk(disk('tagged'), journal);
        const found = await cloud.tagged(OWNER_TAGS.restore, id);
        expect(found.map(({ azureId, kind }) => [azureId.toLowerCase(), kind])).toStrictEqual([
          [made.azureId.toLowerCase(), 'disk'],
        ]);
        expect(found[0]?.tags[OWNER_TAGS.appliance]).toBe(subject.applianceId);
        expect(await cloud.tagged(OWNER_TAGS.restore, `${id}'x`)).toStrictEqual([]);
      });

      it('refuses a disk of ours that somebody made larger', async () => {
        const { disk, journal, id } = restore();
        await cloud.ensureEmptyDisk(disk('grown'), journal);
        const smaller = { ...disk('grown'), sizeBytes: GIB };
        await assert.rejects(
          cloud.ensureEmptyDisk(smaller, new MemoryJournal(id)),
          hasCode('RESOURCE_CHANGED', 'permanent'),
        );
      });

      it('makes an upload disk that waits for its contents', async () => {
        const { disk, journal } = restore();
        const made = await cloud.ensureUploadDisk(disk('upload'), journal);
        expect(made.diskState).toBe('ReadyToUpload');
        expect(made.sizeBytes).toBe(2 * GIB);
      });

      it('grants writing as often as it is asked, and ends it; ending it twice is no error', async () => {
        const { disk, journal } = restore();
        const { azureId } = await cloud.ensureUploadDisk(disk('granted'), journal);
        expect(await cloud.grantDiskWrite(azureId, 3600, journal)).toMatch(/^https:\/\//);
        expect(await cloud.grantDiskWrite(azureId, 3600, journal)).toMatch(/^https:\/\//);
        expect((await cloud.disk(azureId))?.diskState).toBe('ActiveUpload');
        await cloud.revokeDiskAccess(azureId, journal);
        await cloud.revokeDiskAccess(azureId, journal);
        expect((await cloud.disk(azureId))?.diskState).toBe('Unattached');
      });

      it('grants reading of a disk as often as it is asked, and ends it', async () => {
        const { disk, journal } = restore();
        const { azureId } = await cloud.ensureEmptyDisk(disk('read'), journal);
        expect(await cloud.grantDiskRead(azureId, 3600, journal)).toMatch(/^https:\/\//);
        expect(await cloud.grantDiskRead(azureId, 3600, journal)).toMatch(/^https:\/\//);
        expect((await cloud.disk(azureId))?.diskState).toBe('ActiveSAS');
        await cloud.revokeDiskAccess(azureId, journal);
        expect((await cloud.disk(azureId))?.diskState).toBe('Unattached');
      });

      it('does not delete a disk under access', async () => {
        const { disk, tags, journal } = restore();
        const { azureId } = await cloud.ensureEmptyDisk(disk('read'), journal);
        await cloud.grantDiskRead(azureId, 3600, journal);
        const owned = { azureId, kind: 'disk' as const, tags: tags('disk') };
        await assert.rejects(cloud.deleteOwned(owned, journal), hasCode('DISK_SAS_ACTIVE', 'retryable'));
        await cloud.revokeDiskAccess(azureId, journal);
        assert.equal(await cloud.deleteOwned(owned, journal), true);
      });

      it('grants no access to a disk that is not ours, such as one that somebody made in its place', async () => {
        const other = restore();
        const theirs = await cloud.ensureUploadDisk(other.disk('stranger'), other.journal);
        const { journal } = restore();
        const foreign = hasCode('RESOURCE_FOREIGN', 'permanent');
        await assert.rejects(cloud.grantDiskWrite(theirs.azureId, 3600, journal), foreign);
        expect((await cloud.disk(theirs.azureId))?.diskState).toBe('ReadyToUpload');
      });
    });

    describe('network interfaces', () => {
      it('takes the address that was asked for, and refuses to give it out twice', async () => {
        const { nic, journal } = restore();
        const made = await cloud.ensureNic(nic('fixed', subject.freeAddress), journal);
        expect(made.privateAddresses).toStrictEqual([subject.freeAddress]);
        expect((await cloud.subnet(subject.subnetId))?.usedAddresses.includes(subject.freeAddress)).toBeTruthy();
        await assert.rejects(
          cloud.ensureNic(nic('second', subject.freeAddress), journal),
          hasCode('IP_IN_USE', 'permanent'),
        );
      });

      it('says that there is no such subnet', async () => {
        const { nic, journal } = restore();
        const spec = { ...nic('lost'), subnetId: subject.subnetId.replace(/[^/]+$/, 'none') };
        await assert.rejects(cloud.ensureNic(spec, journal), hasCode('NETWORK_NOT_FOUND', 'permanent'));
      });
    });

    describe('workers', () => {
      it('runs, with its own OS disk in the ledger and tagged, and is the same when asked for again', async () => {
        const { worker, journal, id } = restore();
        const { spec, vm } = await worker(cloud);
        expect(vm.powerState).toBe('running');
        expect(vm.tags[OWNER_TAGS.role]).toBe('worker');
        const osDisk = await cloud.disk(vm.osDiskId ?? '');
        expect(osDisk?.tags[OWNER_TAGS.restore]).toBe(id);
        expect(states(journal).every(([, state]) => state === 'created')).toBe(true);
        expect((await cloud.ensureWorker(spec, journal)).azureId).toBe(vm.azureId);
      });

      it('has disks attached at their LUNs and detached again, each as often as it is asked', async () => {
        const { worker, disk, journal } = restore();
        const { vm } = await worker(cloud);
        const disks = [];
        for (const [lun, diskName] of ['a', 'b'].entries()) {
          const { azureId } = await cloud.ensureEmptyDisk(disk(diskName), journal);
          disks.push({ diskId: azureId, lun, caching: 'None' as const });
        }
        await cloud.attachDisks(vm.azureId, disks, journal);
        await cloud.attachDisks(vm.azureId, disks, journal);
        const attached = await cloud.vm(vm.azureId);
        expect(attached?.dataDisks.map((each) => [each.diskId.toLowerCase(), each.lun])).toStrictEqual(
          disks.map((each) => [each.diskId.toLowerCase(), each.lun]),
        );
        const first = disks[0]?.diskId ?? '';
        expect((await cloud.disk(first))?.managedBy?.toLowerCase()).toBe(vm.azureId.toLowerCase());
        const ids = disks.map((each) => each.diskId);
        await cloud.detachDisks(vm.azureId, ids, journal);
        await cloud.detachDisks(vm.azureId, ids, journal);
        expect((await cloud.vm(vm.azureId))?.dataDisks).toStrictEqual([]);
        expect((await cloud.disk(first))?.managedBy).toBe(null);
      });

      it('refuses a second disk at a LUN, and more disks than its size takes', async () => {
        const { worker, disk, journal, id } = restore();
        const { vm } = await worker(cloud);
        const ids = await Promise.all(
          ['v', 'w', 'x', 'y', 'z'].map(async (each) => (await cloud.ensureEmptyDisk(disk(each), journal)).azureId),
        );
        const at = (index: number, lun: number) => ({ diskId: ids[index] ?? '', lun, caching: 'None' as const });
        await cloud.attachDisks(vm.azureId, [at(0, 0)], journal);
        await assert.rejects(
          cloud.attachDisks(vm.azureId, [at(1, 0)], new MemoryJournal(id)),
          hasCode('LUN_TAKEN', 'permanent'),
        );
        await assert.rejects(
          cloud.attachDisks(vm.azureId, [at(1, 1), at(2, 2), at(3, 3), at(4, 4)], new MemoryJournal(id)),
          hasCode('DISK_COUNT', 'permanent'),
        );
      });

      it('is deallocated and deleted with its own OS disk, and leaves the data disks', async () => {
        const { worker, disk, journal, tags } = restore();
        const { vm } = await worker(cloud);
        const data = await cloud.ensureEmptyDisk(disk('kept'), journal);
        await cloud.attachDisks(vm.azureId, [{ diskId: data.azureId, lun: 0, caching: 'None' }], journal);
        await cloud.deallocateVm(vm.azureId, journal);
        await cloud.deallocateVm(vm.azureId, journal);
        expect((await cloud.vm(vm.azureId))?.powerState).toBe('deallocated');
        const owned = { azureId: vm.azureId, kind: 'vm' as const, tags: tags('worker') };
        expect(await cloud.deleteOwned(owned, journal)).toBe(true);
        expect(await cloud.deleteOwned(owned, journal)).toBe(false);
        expect(await cloud.vm(vm.azureId)).toBe(null);
        expect(await cloud.disk(vm.osDiskId ?? '')).toBe(null);
        expect((await cloud.disk(data.azureId))?.managedBy).toBe(null);
        const osDisk = { azureId: vm.osDiskId ?? '', kind: 'disk' as const, tags: tags('worker-os-disk') };
        expect(await cloud.deleteOwned(osDisk, journal)).toBe(false);
        const settled = new Map(states(journal));
        expect(settled.get(vm.azureId.toLowerCase())).toBe('removed');
        expect(settled.get(osDisk.azureId.toLowerCase())).toBe('removed');
      });
    });

    describe('restored VMs', () => {
      it('start from their OS disk; their parts outlive them', async () => {
        const { vm, disk, nic, journal, tags } = restore();
        const osDisk = await cloud.ensureEmptyDisk(disk('boot', { os: { family: 'linux', generation: 1 } }), journal);
        const card = await cloud.ensureNic(nic('card'), journal);
        const spec = vm('restored', card.azureId, osDisk.azureId);
        const made = await cloud.ensureVm(spec, journal);
        expect(made.powerState).toBe('running');
        expect(made.osDiskId?.toLowerCase()).toBe(osDisk.azureId.toLowerCase());
        expect((await cloud.ensureVm(spec, journal)).azureId).toBe(made.azureId);
        await cloud.deallocateVm(made.azureId, journal);
        await cloud.startVm(made.azureId, journal);
        expect((await cloud.vm(made.azureId))?.powerState).toBe('running');
        await cloud.deleteOwned({ azureId: made.azureId, kind: 'vm', tags: tags('vm') }, journal);
        expect((await cloud.disk(osDisk.azureId))?.managedBy).toBe(null);
        expect((await cloud.nic(card.azureId))?.vmId).toBe(null);
      });
    });

    describe('deleting', () => {
      it('refuses what carries other tags, and leaves it', async () => {
        const theirs = restore();
        const found = await cloud.ensureEmptyDisk(theirs.disk('precious'), theirs.journal);
        const { journal, tags } = restore();
        await assert.rejects(
          cloud.deleteOwned({ azureId: found.azureId, kind: 'disk', tags: tags('disk') }, journal),
          hasCode('RESOURCE_FOREIGN', 'permanent'),
        );
        expect(await cloud.disk(found.azureId)).toStrictEqual(found);
      });

      it('settles the ledger for what was never made', async () => {
        const { journal, tags } = restore();
        const azureId = cloud.diskId(subject.resourceGroup, 'never-made');
        const creates = { kind: 'disk' as const, role: 'disk' };
        await journal.begin({ key: 'lost', operation: 'disks.createOrUpdate', azureId, bodyHash: '', creates });
        expect(await cloud.deleteOwned({ azureId, kind: 'disk', tags: tags('disk') }, journal)).toBe(false);
        expect(states(journal)).toStrictEqual([[azureId.toLowerCase(), 'removed']]);
      });
    });
  });
}

/** Builders for the resources of one new restore. */
function restoreIn(subject: CloudSubject) {
  const id = newRestoreId();
  const journal = new MemoryJournal(id);
  const { resourceGroup, region } = subject;
  const tags = (role: ResourceRole) => ownerTags(subject.applianceId, id, role);
  const place = (name: string, role: ResourceRole) => ({
    ...{ resourceGroup, region, zone: null },
    ...{ name: `${name}-${id}`, tags: tags(role), role },
  });
  const disk = (name: string, changes: Partial<DiskSpec> = {}): DiskSpec => ({
    ...place(name, 'disk'),
    ...{ sizeBytes: 2 * GIB, sku: 'StandardSSD_LRS', os: null },
    ...changes,
  });
  const nic = (name: string, privateIp: string | null = null): NicSpec => ({
    ...place(name, 'nic'),
    ...{ subnetId: subject.subnetId, privateIp },
  });
  const vm = (name: string, nicId: string, diskId: string): VmSpec => ({
    ...place(name, 'vm'),
    ...{ size: subject.smallSize, nicId, osDisk: { diskId, family: 'linux', caching: 'ReadWrite' } },
  });
  const worker = async (cloud: Cloud) => {
    const card = await cloud.ensureNic(nic('worker-nic'), journal);
    const spec: WorkerSpec = {
      ...place('worker', 'worker'),
      ...{ size: subject.smallSize, nicId: card.azureId, image: 'Debian:debian-12:12-gen2:latest' },
      ...{ osDiskName: `worker-os-${id}`, environment: { LANDFALL_WORKER_ID: id } },
    };
    return { spec, vm: await cloud.ensureWorker(spec, journal) };
  };
  return { id, journal, tags, disk, nic, vm, worker };
}

function states(journal: MemoryJournal): [string, string][] {
  return journal.ledger.map((entry) => [entry.azureId.toLowerCase(), entry.state]);
}

function hasCode(code: string, kind: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof LandfallError, `not one of ours: ${String(error)}`);
    assert.deepEqual([error.code, error.kind], [code, kind], error.message);
    return true;
  };
}
