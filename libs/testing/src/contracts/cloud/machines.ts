import { expect, describe, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  LandfallError,
  MOST_SERIAL_BYTES,
  OWNER_TAGS,
  type Cloud,
  type CloudDisk,
  type SavedResource,
  type Tags,
} from '@landfall/domain';
import { MemoryJournal } from '../../doubles/memory-journal.js';
import { hasCode, restoreIn, states, type CloudSubject } from './subject.js';

/** What every `CloudMachines` keeps to. */
export function machinesContract(get: () => CloudSubject): void {
  describe('workers', () => {
    it('runs, with its own OS disk in the ledger and tagged, and is the same when asked for again', async () => {
      const subject = get();
      const { cloud } = subject;
      const { worker, journal, id } = restoreIn(subject);
      const { spec, vm } = await worker(cloud);
      expect(vm.powerState).toBe('running');
      expect(vm.tags[OWNER_TAGS.role]).toBe('worker');
      const osDisk = await cloud.reader.disk(vm.osDiskId ?? '');
      expect(osDisk?.tags[OWNER_TAGS.restore]).toBe(id);
      expect(states(journal).every(([, state]) => state === 'created')).toBe(true);
      expect((await cloud.machines.ensureWorker(spec, journal)).azureId).toBe(vm.azureId);
    });

    it('has disks attached at their LUNs and detached again, each as often as it is asked', async () => {
      const subject = get();
      const { cloud } = subject;
      const { worker, disk, journal } = restoreIn(subject);
      const { vm } = await worker(cloud);
      const disks = [];
      for (const [lun, diskName] of ['a', 'b'].entries()) {
        const { azureId } = await cloud.disks.ensureEmpty(disk(diskName), journal);
        disks.push({ diskId: azureId, lun, caching: 'None' as const });
      }
      await cloud.machines.attach(vm.azureId, disks, journal);
      await cloud.machines.attach(vm.azureId, disks, journal);
      const attached = await cloud.reader.vm(vm.azureId);
      expect(attached?.dataDisks.map((each) => [each.diskId.toLowerCase(), each.lun])).toStrictEqual(
        disks.map((each) => [each.diskId.toLowerCase(), each.lun]),
      );
      const first = disks[0]?.diskId ?? '';
      expect((await cloud.reader.disk(first))?.managedBy?.toLowerCase()).toBe(vm.azureId.toLowerCase());
      const ids = disks.map((each) => each.diskId);
      await cloud.machines.detach(vm.azureId, ids, journal);
      await cloud.machines.detach(vm.azureId, ids, journal);
      expect((await cloud.reader.vm(vm.azureId))?.dataDisks).toStrictEqual([]);
      expect((await cloud.reader.disk(first))?.managedBy).toBe(null);
    });

    it('refuses a second disk at a LUN, and more disks than its size takes', async () => {
      const subject = get();
      const { cloud } = subject;
      const { worker, disk, journal, id } = restoreIn(subject);
      const { vm } = await worker(cloud);
      const ids = await Promise.all(
        ['v', 'w', 'x', 'y', 'z'].map(async (each) => (await cloud.disks.ensureEmpty(disk(each), journal)).azureId),
      );
      const at = (index: number, lun: number) => ({ diskId: ids[index] ?? '', lun, caching: 'None' as const });
      await cloud.machines.attach(vm.azureId, [at(0, 0)], journal);
      await assert.rejects(
        cloud.machines.attach(vm.azureId, [at(1, 0)], new MemoryJournal(id)),
        hasCode('LUN_TAKEN', 'permanent'),
      );
      await assert.rejects(
        cloud.machines.attach(vm.azureId, [at(1, 1), at(2, 2), at(3, 3), at(4, 4)], new MemoryJournal(id)),
        hasCode('DISK_COUNT', 'permanent'),
      );
    });

    it('is deallocated and deleted with its own OS disk, and leaves the data disks', async () => {
      const subject = get();
      const { cloud } = subject;
      const { worker, disk, journal, tags } = restoreIn(subject);
      const { vm } = await worker(cloud);
      const data = await cloud.disks.ensureEmpty(disk('kept'), journal);
      await cloud.machines.attach(vm.azureId, [{ diskId: data.azureId, lun: 0, caching: 'None' }], journal);
      await cloud.machines.deallocate(vm.azureId, journal);
      await cloud.machines.deallocate(vm.azureId, journal);
      expect((await cloud.reader.vm(vm.azureId))?.powerState).toBe('deallocated');
      const owned = { azureId: vm.azureId, tags: tags('worker') };
      expect(await cloud.machines.remove(owned, journal)).toBe(true);
      expect(await cloud.machines.remove(owned, journal)).toBe(false);
      expect(await cloud.reader.vm(vm.azureId)).toBe(null);
      expect(await cloud.reader.disk(vm.osDiskId ?? '')).toBe(null);
      expect((await cloud.reader.disk(data.azureId))?.managedBy).toBe(null);
      const osDisk = { azureId: vm.osDiskId ?? '', tags: tags('worker-os-disk') };
      expect(await cloud.disks.remove(osDisk, journal)).toBe(false);
      const settled = new Map(states(journal));
      expect(settled.get(vm.azureId.toLowerCase())).toBe('removed');
      expect(settled.get(osDisk.azureId.toLowerCase())).toBe('removed');
    });
  });

  describe('a VM that a restore replaces', () => {
    /** Made by somebody else, without tags of ours, and running. */
    async function source() {
      const subject = get();
      const { cloud } = subject;
      const { vm, disk, nic, journal, id, tags, place } = restoreIn(subject);
      const os = { family: 'linux' as const, generation: 1 as const };
      const osDisk = await cloud.disks.ensureEmpty(disk('theirs-os', { os, tags: {} }), journal);
      const data = await cloud.disks.ensureEmpty(disk('theirs-data', { tags: {} }), journal);
      const card = await cloud.network.ensureNic({ ...nic('theirs-nic'), tags: {} }, journal);
      const spec = { ...vm('theirs', card.azureId, osDisk.azureId), tags: { cost: 'theirs' } };
      const made = await cloud.machines.ensure(spec, journal);
      await cloud.machines.attach(made.azureId, [{ diskId: data.azureId, lun: 0, caching: 'None' }], journal);
      const { azureId, instanceId } = made;
      return {
        cloud,
        source: { azureId, instanceId },
        vm: made,
        osDisk,
        data,
        card,
        ...{ tags, place, nic, disk },
        journal: new MemoryJournal(id),
      };
    }

    async function saved(cloud: Cloud, azureId: string, osDisk: CloudDisk, data: CloudDisk, tags: Tags) {
      const model = await cloud.reader.savedVm(azureId);
      assert.ok(model);
      const dataDisks = [{ diskId: data.azureId, lun: 3, caching: 'None' as const }];
      const disks = { osDiskId: osDisk.azureId, dataDisks };
      return { saved: model, ...disks, tags, instanceId: null, role: 'vm', purpose: 'result' as const };
    }

    it('is saved word for word, with its disks and network interfaces', async () => {
      const { cloud, vm, osDisk, data, card } = await source();
      const saved = await cloud.reader.savedVm(vm.azureId);
      assert.ok(saved);
      const ids = (resources: readonly SavedResource[]) => resources.map(({ azureId }) => azureId.toLowerCase());
      expect(ids([saved.vm])).toStrictEqual([vm.azureId.toLowerCase()]);
      expect(ids(saved.disks)).toStrictEqual([osDisk, data].map(({ azureId }) => azureId.toLowerCase()));
      expect(ids(saved.nics)).toStrictEqual([card.azureId.toLowerCase()]);
      expect([saved.publicIps, saved.extensions]).toStrictEqual([[], []]);
      expect(saved.vm.body.properties).toMatchObject({ vmId: vm.instanceId, hardwareProfile: { vmSize: vm.size } });
      for (const { azureId, apiVersion, body } of [saved.vm, ...saved.disks, ...saved.nics]) {
        expect(body.id).toBe(azureId);
        expect(apiVersion).toMatch(/^\d{4}-\d{2}-\d{2}/);
      }
      expect(await cloud.reader.savedVm(`${vm.azureId}-none`)).toBe(null);
    });

    it('is stopped, which is a change of it until it is started again; either as often as it is asked', async () => {
      const { cloud, source: wanted, journal } = await source();
      const power = async () => (await cloud.reader.vm(wanted.azureId))?.powerState;
      for (const _time of [1, 2]) await cloud.machines.stopSource(wanted, journal);
      expect(await power()).toBe('deallocated');
      expect(journal.changes).toMatchObject([{ azureId: wanted.azureId, what: 'power', was: 'running' }]);
      for (const _time of [1, 2]) expect(await cloud.machines.startSource(wanted, journal)).toBe(true);
      expect(await power()).toBe('running');
      expect([journal.changes, journal.ledger]).toStrictEqual([[], []]);
    });

    it('is neither stopped nor started when it is another one than was meant, or gone', async () => {
      const { cloud, source: wanted, journal } = await source();
      const other = { ...wanted, instanceId: '00000000-0000-4000-8000-00000000dead' };
      await assert.rejects(cloud.machines.stopSource(other, journal), hasCode('SOURCE_REPLACED', 'permanent'));
      expect((await cloud.reader.vm(wanted.azureId))?.powerState).toBe('running');
      await cloud.machines.deallocate(wanted.azureId, journal);
      expect(await cloud.machines.startSource(other, journal)).toBe(false);
      expect((await cloud.reader.vm(wanted.azureId))?.powerState).toBe('deallocated');
      await cloud.machines.removeSource(wanted, journal);
      const later = new MemoryJournal(journal.ownerId);
      await cloud.machines.stopSource(wanted, later);
      expect(await cloud.machines.startSource(wanted, later)).toBe(false);
      expect(later.changes).toStrictEqual([]);
    });

    it('is removed once it is deallocated, as often as it is asked; all its parts stay', async () => {
      const { cloud, source: wanted, osDisk, data, card, journal } = await source();
      await cloud.machines.deallocate(wanted.azureId, journal);
      expect(await cloud.machines.removeSource(wanted, journal)).toBe(true);
      expect(await cloud.machines.removeSource(wanted, journal)).toBe(false);
      const entry = { purpose: 'source', state: 'removed', life: 1, instanceId: wanted.instanceId };
      expect(journal.ledger).toMatchObject([entry]);
      expect(await cloud.reader.vm(wanted.azureId)).toBe(null);
      for (const { azureId } of [osDisk, data]) expect((await cloud.reader.disk(azureId))?.managedBy).toBe(null);
      expect((await cloud.reader.nic(card.azureId))?.vmId).toBe(null);
    });

    it('is made anew once it is gone, with all its disks, its network interface and our tags beside its own', async () => {
      const { cloud, source: wanted, vm, osDisk, data, card, journal, tags } = await source();
      const spec = await saved(cloud, wanted.azureId, osDisk, data, tags('vm'));
      await cloud.machines.deallocate(wanted.azureId, journal);
      await cloud.machines.removeSource(wanted, journal);
      const made = (await cloud.machines.recreate(spec, journal)).vm;
      expect(made.instanceId).not.toBe(vm.instanceId);
      expect([made.size, made.region, made.powerState]).toStrictEqual([vm.size, vm.region, 'running']);
      expect(made.tags).toStrictEqual({ ...vm.tags, ...tags('vm') });
      expect(made.osDiskId?.toLowerCase()).toBe(osDisk.azureId.toLowerCase());
      expect(made.dataDisks.map(({ diskId, lun }) => [diskId.toLowerCase(), lun])).toStrictEqual([
        [data.azureId.toLowerCase(), 3],
      ]);
      expect(made.nicIds.map((id) => id.toLowerCase())).toStrictEqual([card.azureId.toLowerCase()]);
      expect((await cloud.reader.nic(card.azureId))?.vmId?.toLowerCase()).toBe(wanted.azureId.toLowerCase());
      const entry = { state: 'created', life: 2, instanceId: made.instanceId };
      expect(journal.ledger).toMatchObject([entry]);
      expect((await cloud.machines.recreate(spec, journal)).vm).toStrictEqual(made);
      const again = { ...spec, tags: tags('worker'), instanceId: made.instanceId };
      expect((await cloud.machines.recreate(again, new MemoryJournal(journal.ownerId))).vm).toStrictEqual(made);
      await cloud.machines.remove({ azureId: made.azureId, tags: tags('vm') }, journal);
      for (const { azureId } of [osDisk, data]) expect((await cloud.reader.disk(azureId))?.managedBy).toBe(null);
    });

    it('is not made anew while a VM has its name that is not ours', async () => {
      const { cloud, source: wanted, osDisk, data, journal, tags } = await source();
      const spec = await saved(cloud, wanted.azureId, osDisk, data, tags('vm'));
      const taken = hasCode('NAME_TAKEN', 'permanent');
      await assert.rejects(cloud.machines.recreate(spec, journal), taken);
      const other = { ...spec, instanceId: '00000000-0000-4000-8000-00000000dead' };
      await assert.rejects(cloud.machines.recreate(other, journal), taken);
      expect((await cloud.reader.vm(wanted.azureId))?.instanceId).toBe(wanted.instanceId);
    });

    it('is copied beside itself, around other disks and in a network of the copy, and stays as it is', async () => {
      const { cloud, source: wanted, journal, place, nic, tags, disk } = await source();
      const before = await cloud.reader.vm(wanted.azureId);
      const saved = await cloud.reader.savedVm(wanted.azureId);
      assert.ok(saved && before);
      const os = { family: 'linux' as const, generation: 1 as const };
      const osDisk = await cloud.disks.ensureEmpty(disk('written-os', { os }), journal);
      const { network } = cloud;
      const { azureId: subnetId } = await network.ensureIsolated(place('closed', 'isolated-network'), journal);
      const card = await network.ensureNic({ ...nic('copy-nic'), subnetId }, journal);
      const spec = {
        ...{ ...place('boots', 'copy'), saved, nicId: card.azureId, osDiskId: osDisk.azureId },
        dataDisks: [],
      };
      const copy = await cloud.machines.ensureCopy(spec, journal);
      expect([copy.powerState, copy.size, copy.region]).toStrictEqual(['running', before.size, before.region]);
      expect(copy.nicIds.map((id) => id.toLowerCase())).toStrictEqual([card.azureId.toLowerCase()]);
      expect([copy.osDiskId?.toLowerCase(), copy.dataDisks]).toStrictEqual([osDisk.azureId.toLowerCase(), []]);
      expect(copy.tags).toStrictEqual({ ...before.tags, ...spec.tags });
      expect((await cloud.machines.ensureCopy(spec, journal)).instanceId).toBe(copy.instanceId);
      expect((await cloud.reader.serialLog(copy.azureId))?.length ?? 0).toBeLessThanOrEqual(MOST_SERIAL_BYTES);
      expect(await cloud.reader.serialLog(`${copy.azureId}-none`)).toBe(null);
      expect(await cloud.reader.vm(wanted.azureId)).toStrictEqual(before);
      await cloud.machines.remove({ azureId: copy.azureId, tags: tags('copy') }, journal);
      expect(await cloud.reader.vm(copy.azureId)).toBe(null);
      expect((await cloud.reader.disk(osDisk.azureId))?.managedBy).toBe(null);
    });

    it('is left alone while it runs', async () => {
      const { cloud, source: wanted, journal } = await source();
      const notStopped = hasCode('SOURCE_NOT_STOPPED', 'permanent');
      await assert.rejects(cloud.machines.removeSource(wanted, journal), notStopped);
      expect((await cloud.reader.vm(wanted.azureId))?.powerState).toBe('running');
    });

    it('is left alone for now when it has another disk than those that are known', async () => {
      const { cloud, source: wanted, osDisk, data, journal } = await source();
      await cloud.machines.deallocate(wanted.azureId, journal);
      const changed = hasCode('SOURCE_CHANGED', 'retryable');
      const known = (ids: readonly string[]) => cloud.machines.removeSource({ ...wanted, diskIds: ids }, journal);
      await assert.rejects(known([osDisk.azureId]), changed);
      await assert.rejects(known([data.azureId]), changed);
      expect((await cloud.reader.vm(wanted.azureId))?.instanceId).toBe(wanted.instanceId);
      expect(await known([osDisk.azureId.toUpperCase(), data.azureId, `${data.azureId}-gone`])).toBe(true);
    });

    it('is left alone when it is another one than was meant', async () => {
      const { cloud, source: wanted, journal } = await source();
      await cloud.machines.deallocate(wanted.azureId, journal);
      const other = { ...wanted, instanceId: '00000000-0000-4000-8000-00000000dead' };
      await assert.rejects(cloud.machines.removeSource(other, journal), hasCode('SOURCE_REPLACED', 'permanent'));
      expect((await cloud.reader.vm(wanted.azureId))?.instanceId).toBe(wanted.instanceId);
    });

    it('is left alone while any part of it would go along, as the OS disk of a VM from an image does', async () => {
      const subject = get();
      const { cloud } = subject;
      const { worker, id } = restoreIn(subject);
      const { vm } = await worker(cloud);
      const journal = new MemoryJournal(id);
      await cloud.machines.deallocate(vm.azureId, journal);
      await assert.rejects(cloud.machines.removeSource(vm, journal), hasCode('SOURCE_PARTS_GO_ALONG', 'permanent'));
      expect(await cloud.reader.disk(vm.osDiskId ?? '')).not.toBe(null);
    });
  });

  describe('restored VMs', () => {
    it('have all their disks from the start, each at its LUN', async () => {
      const subject = get();
      const { cloud } = subject;
      const { vm, disk, nic, journal, id, tags } = restoreIn(subject);
      const os = { family: 'linux' as const, generation: 1 as const };
      const osDisk = await cloud.disks.ensureEmpty(disk('first', { os }), journal);
      const data = [];
      for (const [name, lun] of [
        ['seventh', 7],
        ['third', 3],
      ] as const) {
        const { azureId } = await cloud.disks.ensureEmpty(disk(name), journal);
        data.push({ diskId: azureId, lun, caching: 'ReadOnly' as const });
      }
      const card = await cloud.network.ensureNic(nic('whole'), journal);
      const spec = { ...vm('whole', card.azureId, osDisk.azureId), dataDisks: data };
      const twice = { ...spec, dataDisks: data.map((each) => ({ ...each, lun: 1 })) };
      await assert.rejects(
        cloud.machines.ensure(twice, new MemoryJournal(id)),
        (error) => error instanceof LandfallError,
      );
      const made = await cloud.machines.ensure(spec, journal);
      const at = (disks: readonly { readonly diskId: string; readonly lun: number }[]) =>
        disks.map(({ diskId, lun }) => `${lun} ${diskId.toLowerCase()}`).sort();
      expect(at(made.dataDisks)).toStrictEqual(at(data));
      for (const { diskId } of data)
        expect((await cloud.reader.disk(diskId))?.managedBy?.toLowerCase()).toBe(made.azureId.toLowerCase());
      await cloud.machines.attach(made.azureId, data, journal);
      await cloud.machines.remove({ azureId: made.azureId, tags: tags('vm') }, journal);
      for (const { diskId } of data) expect((await cloud.reader.disk(diskId))?.managedBy).toBe(null);
    });

    it('start from their OS disk; their parts outlive them', async () => {
      const subject = get();
      const { cloud } = subject;
      const { vm, disk, nic, journal, tags } = restoreIn(subject);
      const osDisk = await cloud.disks.ensureEmpty(disk('boot', { os: { family: 'linux', generation: 1 } }), journal);
      const card = await cloud.network.ensureNic(nic('card'), journal);
      const spec = vm('restored', card.azureId, osDisk.azureId);
      const made = await cloud.machines.ensure(spec, journal);
      expect(made.powerState).toBe('running');
      expect(made.osDiskId?.toLowerCase()).toBe(osDisk.azureId.toLowerCase());
      expect((await cloud.machines.ensure(spec, journal)).azureId).toBe(made.azureId);
      expect(journal.ledger.at(-1)).toMatchObject({ kind: 'vm', state: 'created', instanceId: made.instanceId });
      await cloud.machines.deallocate(made.azureId, journal);
      await cloud.machines.start(made.azureId, journal);
      expect((await cloud.reader.vm(made.azureId))?.powerState).toBe('running');
      await cloud.machines.remove({ azureId: made.azureId, tags: tags('vm') }, journal);
      expect((await cloud.reader.disk(osDisk.azureId))?.managedBy).toBe(null);
      expect((await cloud.reader.nic(card.azureId))?.vmId).toBe(null);
    });
  });
}
