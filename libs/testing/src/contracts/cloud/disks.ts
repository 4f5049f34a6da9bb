import { expect, describe, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { OWNER_TAGS } from '@landfall/domain';
import { MemoryJournal } from '../../doubles/memory-journal.js';
import { GIB, hasCode, restoreIn, states, type CloudSubject } from './subject.js';

/** What every `CloudDisks` keeps to. */
export function disksContract(get: () => CloudSubject): void {
  describe('disks', () => {
    it('makes an empty disk as it was asked for, tagged, and writes it into the ledger', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal } = restoreIn(subject);
      const spec = disk('os', { os: { family: 'linux', generation: 1 } });
      const made = await cloud.disks.ensureEmpty(spec, journal);
      expect(made.diskState).toBe('Unattached');
      expect(made.sizeBytes).toBe(2 * GIB);
      expect(made.sku).toBe('StandardSSD_LRS');
      expect(made.managedBy).toBe(null);
      expect(made.tags[OWNER_TAGS.appliance]).toBe(subject.applianceId);
      expect(await cloud.reader.disk(made.azureId)).toStrictEqual(made);
      expect(states(journal)).toStrictEqual([[made.azureId.toLowerCase(), 'created']]);
    });

    it('makes a zone-redundant disk for a machine in a zone, which lies in none itself', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal } = restoreIn(subject);
      const made = await cloud.disks.ensureEmpty(disk('everywhere', { zone: '1', sku: 'Premium_ZRS' }), journal);
      expect([made.sku, made.zone]).toStrictEqual(['Premium_ZRS', null]);
      expect((await cloud.disks.ensureEmpty(disk('here', { zone: '1' }), journal)).zone).toBe('1');
    });

    it('gives back the same disk when it is asked for again, also by a journal that knows nothing of it', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal, id } = restoreIn(subject);
      const first = await cloud.disks.ensureEmpty(disk('again'), journal);
      expect(await cloud.disks.ensureEmpty(disk('again'), journal)).toStrictEqual(first);
      expect(await cloud.disks.ensureEmpty(disk('again'), new MemoryJournal(id))).toStrictEqual(first);
    });

    it('tells a disk from the one that had its ID before', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal, tags } = restoreIn(subject);
      const first = await cloud.disks.ensureEmpty(disk('twice'), journal);
      await cloud.disks.remove({ azureId: first.azureId, tags: tags('disk') }, journal);
      const second = await cloud.disks.ensureEmpty(disk('twice'), journal);
      expect(first.uniqueId.length).toBeGreaterThan(30);
      expect(second.azureId).toBe(first.azureId);
      expect(second.uniqueId).not.toBe(first.uniqueId);
    });

    it('leaves a disk of that name alone that is not ours', async () => {
      const subject = get();
      const { cloud } = subject;
      const other = restoreIn(subject);
      const theirs = await cloud.disks.ensureEmpty(other.disk('theirs'), other.journal);
      const { journal, tags } = restoreIn(subject);
      const spec = { ...other.disk('theirs'), tags: tags('disk') };
      await assert.rejects(cloud.disks.ensureEmpty(spec, journal), hasCode('RESOURCE_FOREIGN', 'permanent'));
      expect(await cloud.reader.disk(theirs.azureId)).toStrictEqual(theirs);
    });

    it('lists what carries a tag with exactly that value', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal, id } = restoreIn(subject);
      const made = await cloud.disks.ensureEmpty(disk('tagged'), journal);
      const found = await cloud.reader.tagged(OWNER_TAGS.restore, id);
      expect(found.map(({ azureId, kind }) => [azureId.toLowerCase(), kind])).toStrictEqual([
        [made.azureId.toLowerCase(), 'disk'],
      ]);
      expect(found[0]?.tags[OWNER_TAGS.appliance]).toBe(subject.applianceId);
      expect(await cloud.reader.tagged(OWNER_TAGS.restore, `${id}'x`)).toStrictEqual([]);
    });

    it('refuses a disk of ours that somebody made larger', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal, id } = restoreIn(subject);
      await cloud.disks.ensureEmpty(disk('grown'), journal);
      const smaller = { ...disk('grown'), sizeBytes: GIB };
      await assert.rejects(
        cloud.disks.ensureEmpty(smaller, new MemoryJournal(id)),
        hasCode('RESOURCE_CHANGED', 'permanent'),
      );
    });

    it('makes an upload disk that waits for its contents', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal } = restoreIn(subject);
      const made = await cloud.disks.ensureUpload(disk('upload'), journal);
      expect(made.diskState).toBe('ReadyToUpload');
      expect(made.sizeBytes).toBe(2 * GIB);
    });

    it('grants writing as often as it is asked, and ends it; ending it twice is no error', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal } = restoreIn(subject);
      const { azureId } = await cloud.disks.ensureUpload(disk('granted'), journal);
      expect(await cloud.disks.grantWrite(azureId, 3600, journal)).toMatch(/^https:\/\//);
      expect(await cloud.disks.grantWrite(azureId, 3600, journal)).toMatch(/^https:\/\//);
      expect((await cloud.reader.disk(azureId))?.diskState).toBe('ActiveUpload');
      await cloud.disks.revokeAccess(azureId, journal);
      await cloud.disks.revokeAccess(azureId, journal);
      expect((await cloud.reader.disk(azureId))?.diskState).toBe('Unattached');
    });

    it('grants reading of a disk as often as it is asked, and ends it', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal } = restoreIn(subject);
      const { azureId } = await cloud.disks.ensureEmpty(disk('read'), journal);
      expect(await cloud.disks.grantRead(azureId, 3600, journal)).toMatch(/^https:\/\//);
      expect(await cloud.disks.grantRead(azureId, 3600, journal)).toMatch(/^https:\/\//);
      expect((await cloud.reader.disk(azureId))?.diskState).toBe('ActiveSAS');
      await cloud.disks.revokeAccess(azureId, journal);
      expect((await cloud.reader.disk(azureId))?.diskState).toBe('Unattached');
    });

    it('does not delete a disk under access', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, tags, journal } = restoreIn(subject);
      const { azureId } = await cloud.disks.ensureEmpty(disk('read'), journal);
      await cloud.disks.grantRead(azureId, 3600, journal);
      const owned = { azureId, tags: tags('disk') };
      await assert.rejects(cloud.disks.remove(owned, journal), hasCode('DISK_SAS_ACTIVE', 'retryable'));
      await cloud.disks.revokeAccess(azureId, journal);
      assert.equal(await cloud.disks.remove(owned, journal), true);
    });

    it('grants no access to a disk that is not ours, such as one that somebody made in its place', async () => {
      const subject = get();
      const { cloud } = subject;
      const other = restoreIn(subject);
      const theirs = await cloud.disks.ensureUpload(other.disk('stranger'), other.journal);
      const { journal } = restoreIn(subject);
      const foreign = hasCode('RESOURCE_FOREIGN', 'permanent');
      await assert.rejects(cloud.disks.grantWrite(theirs.azureId, 3600, journal), foreign);
      expect((await cloud.reader.disk(theirs.azureId))?.diskState).toBe('ReadyToUpload');
    });

    it('refuses what carries other tags, and leaves it', async () => {
      const subject = get();
      const { cloud } = subject;
      const theirs = restoreIn(subject);
      const found = await cloud.disks.ensureEmpty(theirs.disk('precious'), theirs.journal);
      const { journal, tags } = restoreIn(subject);
      await assert.rejects(
        cloud.disks.remove({ azureId: found.azureId, tags: tags('disk') }, journal),
        hasCode('RESOURCE_FOREIGN', 'permanent'),
      );
      expect(await cloud.reader.disk(found.azureId)).toStrictEqual(found);
    });

    it('removes one that is not ours by its number, as often as it is asked, and tells the ledger', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal, id } = restoreIn(subject);
      const { azureId, uniqueId } = await cloud.disks.ensureEmpty({ ...disk('replaced'), tags: {} }, journal);
      const later = new MemoryJournal(id);
      expect(await cloud.disks.removeSource({ azureId, uniqueId }, later)).toBe(true);
      expect(await cloud.disks.removeSource({ azureId, uniqueId }, later)).toBe(false);
      expect(await cloud.reader.disk(azureId)).toBe(null);
      const entry = { kind: 'disk', purpose: 'source', state: 'removed', life: 1, instanceId: uniqueId };
      expect(later.ledger).toMatchObject([entry]);
    });

    it('leaves the disk alone that bears the ID of one that was to be removed', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal, id } = restoreIn(subject);
      const { azureId, uniqueId } = await cloud.disks.ensureEmpty(disk('taken-over'), journal);
      const wanted = { azureId, uniqueId: '00000000-0000-4000-8000-00000000dead' };
      const refused = cloud.disks.removeSource(wanted, new MemoryJournal(id));
      await assert.rejects(refused, hasCode('SOURCE_REPLACED', 'permanent'));
      expect((await cloud.reader.disk(azureId))?.uniqueId).toBe(uniqueId);
    });

    it('removes none that is not ours while somebody uses it: by its bytes, or with a VM', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal, id, worker } = restoreIn(subject);
      const { azureId, uniqueId } = await cloud.disks.ensureEmpty(disk('used'), journal);
      const inUse = hasCode('SOURCE_DISK_IN_USE', 'permanent');
      const removed = () => cloud.disks.removeSource({ azureId, uniqueId }, new MemoryJournal(id));
      await cloud.disks.grantRead(azureId, 600, journal);
      await assert.rejects(removed(), inUse);
      await cloud.disks.revokeAccess(azureId, journal);
      const { vm } = await worker(cloud);
      await cloud.machines.attach(vm.azureId, [{ diskId: azureId, lun: 0, caching: 'None' }], journal);
      await assert.rejects(removed(), inUse);
      await cloud.machines.deallocate(vm.azureId, journal);
      await assert.rejects(removed(), inUse);
      await cloud.machines.detach(vm.azureId, [azureId], journal);
      expect(await removed()).toBe(true);
    });

    it('tells when a disk has come to a VM or left it, and when its VM was stopped or started', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, journal, worker } = restoreIn(subject);
      const { azureId, ownershipUpdatedAt } = await cloud.disks.ensureEmpty(disk('travelled'), journal);
      expect(ownershipUpdatedAt).toBe(null);
      const { vm } = await worker(cloud);
      const seen: (string | null | undefined)[] = [];
      for (const change of [
        () => cloud.machines.attach(vm.azureId, [{ diskId: azureId, lun: 0, caching: 'None' }], journal),
        () => cloud.machines.deallocate(vm.azureId, journal),
        () => cloud.machines.start(vm.azureId, journal),
        () => cloud.machines.detach(vm.azureId, [azureId], journal),
      ]) {
        await change();
        const { ownershipUpdatedAt: now } = (await cloud.reader.disk(azureId)) ?? {};
        expect(now).toMatch(/^\d{4}-\d{2}-\d{2}T/);
        expect((await cloud.reader.disk(azureId))?.ownershipUpdatedAt).toBe(now);
        seen.push(now);
      }
      expect(new Set(seen).size).toBe(4);
    });

    it('settles the ledger for what was never made', async () => {
      const subject = get();
      const { cloud } = subject;
      const { journal, tags } = restoreIn(subject);
      const azureId = cloud.reader.diskId(subject.resourceGroup, 'never-made');
      const effect = { creates: { kind: 'disk', role: 'disk', purpose: 'result' } } as const;
      await journal.begin({ key: 'lost', operation: 'disks.createOrUpdate', azureId, bodyHash: '', effect });
      expect(await cloud.disks.remove({ azureId, tags: tags('disk') }, journal)).toBe(false);
      expect(states(journal)).toStrictEqual([[azureId.toLowerCase(), 'removed']]);
    });
  });

  describe('a copy of a disk', () => {
    it('is a disk of its own with what the other one holds, which stays as it was', async () => {
      const subject = get();
      const { cloud } = subject;
      const { disk, place, journal } = restoreIn(subject);
      const os = { family: 'linux' as const, generation: 2 as const };
      const source = await cloud.disks.ensureEmpty(disk('written', { os }), journal);
      const spec = { ...place('copy', 'copy-disk'), sourceDiskId: source.azureId, sku: source.sku };
      const copy = await cloud.disks.ensureCopy(spec, journal);
      const { sizeBytes, sku, region } = source;
      expect(copy).toMatchObject({ sizeBytes, sku, region, diskState: 'Unattached', tags: spec.tags });
      expect(copy.uniqueId).not.toBe(source.uniqueId);
      expect(await cloud.reader.disk(source.azureId)).toStrictEqual(source);
      expect(await cloud.disks.ensureCopy(spec, journal)).toStrictEqual(copy);
      expect(await cloud.disks.ensureCopy(spec, new MemoryJournal(journal.ownerId))).toStrictEqual(copy);
      const other = await cloud.disks.ensureEmpty(disk('other'), journal);
      await assert.rejects(
        cloud.disks.ensureCopy({ ...spec, sourceDiskId: other.azureId }, new MemoryJournal(journal.ownerId)),
        hasCode('RESOURCE_CHANGED', 'permanent'),
      );
      expect(await cloud.disks.remove({ azureId: copy.azureId, tags: spec.tags }, journal)).toBe(true);
    });
  });

  describe('a disk that is made anew from a snapshot', () => {
    /** The OS disk of a VM of somebody, saved with it, and its snapshot. */
    async function scene() {
      const subject = get();
      const { cloud } = subject;
      const owner = restoreIn(subject);
      const theirs = new MemoryJournal(owner.id);
      const os = { family: 'linux' as const, generation: 1 as const };
      const wanted = { ...owner.disk('theirs', { os }), tags: { cost: '7' } };
      const original = await cloud.disks.ensureEmpty(wanted, theirs);
      const card = await cloud.network.ensureNic({ ...owner.nic('theirs'), tags: {} }, theirs);
      const vm = await cloud.machines.ensure(
        { ...owner.vm('theirs', card.azureId, original.azureId), tags: { cost: '7' } },
        theirs,
      );
      const [saved] = (await cloud.reader.savedVm(vm.azureId))?.disks ?? [];
      assert.ok(saved);
      const { zone: _zone, ...place } = owner.place('copy', 'snapshot');
      const { azureId: snapshotId } = await cloud.snapshots.ensure({ ...place, diskId: original.azureId }, theirs);
      const { azureId, instanceId } = vm;
      const removeOriginal = async () => {
        await cloud.machines.stopSource({ azureId, instanceId }, theirs);
        await cloud.machines.removeSource({ azureId, instanceId }, theirs);
        await cloud.disks.removeSource(original, theirs);
      };
      const tags = owner.tags('disk');
      const spec = { saved, snapshotId, tags, role: 'disk', purpose: 'result' as const };
      return { ...owner, cloud, original, spec, name: `anew-${owner.id}`, removeOriginal };
    }

    it('is what the original was, under a name of its own, with our tags beside those that it had', async () => {
      const { cloud, original, spec, name, journal } = await scene();
      const { disk } = await cloud.disks.recreate({ ...spec, name }, journal);
      const { sizeBytes, sku, region, zone, resourceGroup } = original;
      expect(disk).toMatchObject({ name, sizeBytes, sku, region, zone, resourceGroup, diskState: 'Unattached' });
      expect(disk.tags).toStrictEqual({ cost: '7', ...spec.tags });
      expect(disk.uniqueId).not.toBe(original.uniqueId);
      expect(await cloud.reader.disk(disk.azureId)).toStrictEqual(disk);
      expect(journal.ledger).toMatchObject([{ kind: 'disk', state: 'created', instanceId: disk.uniqueId }]);
      expect((await cloud.disks.recreate({ ...spec, name }, journal)).disk).toStrictEqual(disk);
      const later = new MemoryJournal(journal.ownerId);
      expect((await cloud.disks.recreate({ ...spec, name }, later)).disk).toStrictEqual(disk);
    });

    it('takes the name of the original once that is gone, and not before', async () => {
      const { cloud, original, spec, journal, removeOriginal } = await scene();
      await assert.rejects(cloud.disks.recreate(spec, journal), hasCode('RESOURCE_FOREIGN', 'permanent'));
      expect((await cloud.reader.disk(original.azureId))?.uniqueId).toBe(original.uniqueId);
      await removeOriginal();
      const { disk } = await cloud.disks.recreate(spec, journal);
      expect(disk.azureId.toLowerCase()).toBe(original.azureId.toLowerCase());
      expect([disk.sizeBytes, disk.sku]).toStrictEqual([original.sizeBytes, original.sku]);
      expect(disk.uniqueId).not.toBe(original.uniqueId);
    });

    it('is refused when one of ours bears the name that was made from something else', async () => {
      const { cloud, spec, name, journal, disk } = await scene();
      await cloud.disks.ensureEmpty({ ...disk('empty'), name }, new MemoryJournal(journal.ownerId));
      const changed = hasCode('RESOURCE_CHANGED', 'permanent');
      await assert.rejects(cloud.disks.recreate({ ...spec, name }, journal), changed);
    });

    it('can be made from no snapshot that is not there', async () => {
      const { cloud, spec, name, journal } = await scene();
      const none = { ...spec, name, snapshotId: `${spec.snapshotId}-none` };
      await expect(cloud.disks.recreate(none, journal)).rejects.toMatchObject({ code: 'AZURE_NOT_FOUND' });
    });
  });
}
