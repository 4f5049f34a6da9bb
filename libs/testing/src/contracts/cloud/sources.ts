import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { tagOf, type OpenChange } from '@landfall/domain';
import { MemoryJournal } from '../../doubles/memory-journal.js';
import { hasCode, restoreIn, type CloudSubject } from './subject.js';

const CLAIM = { 'landfall-claim': 'one' };

/** What every `CloudSources` keeps to. */
export function sourcesContract(get: () => CloudSubject): void {
  /** A VM that runs, whose OS disk would go along with it, and whose address Azure may give to others. */
  async function scene() {
    const { cloud } = get();
    const owner = restoreIn(get());
    const { vm } = await owner.worker(cloud);
    const { azureId, instanceId } = vm;
    const other = { azureId, instanceId: '00000000-0000-4000-8000-00000000dead' };
    return {
      ...{ cloud, vm, source: { azureId, instanceId }, other, journal: new MemoryJournal(owner.id) },
      remove: () => cloud.machines.remove({ azureId, tags: owner.tags('worker') }, owner.journal),
      tagsOfVm: owner.tags('vm'),
      tagsNow: async () => (await cloud.reader.vm(azureId))?.tags ?? {},
      partsNow: async () => new Map((await partsOf(azureId)).map((part) => [part.azureId, part.deleteOption])),
      allocationNow: async () => {
        const [nic] = (await cloud.reader.savedVm(azureId))?.nics ?? [];
        const { ipConfigurations = [] } = nic?.body['properties'] as { ipConfigurations?: { properties: object }[] };
        return ipConfigurations[0]?.properties as { privateIPAddress: string; privateIPAllocationMethod: string };
      },
    };
  }

  async function partsOf(vmId: string) {
    const parts = await get().cloud.reader.parts(vmId);
    assert.ok(parts);
    return parts.map(({ azureId, deleteOption }) => ({ azureId: azureId.toLowerCase(), deleteOption }));
  }

  function only({ changes }: MemoryJournal): OpenChange {
    const [change, ...others] = changes;
    assert.ok(change);
    expect(others).toStrictEqual([]);
    return change;
  }

  describe('a VM that is made ready to be replaced', () => {
    it('is claimed by tags beside its own, as often as it is asked, until that is undone', async () => {
      const { cloud, vm, source, journal, tagsNow } = await scene();
      for (const _time of [1, 2]) await cloud.sources.claim(source, CLAIM, journal);
      expect(await tagsNow()).toStrictEqual({ ...vm.tags, ...CLAIM });
      const change = only(journal);
      expect(change).toMatchObject({ azureId: vm.azureId, what: 'claim' });
      for (const _time of [1, 2]) await cloud.sources.undo(change, journal);
      expect(await tagsNow()).toStrictEqual(vm.tags);
      expect(journal.changes).toStrictEqual([]);
    });

    it('is not claimed while another has claimed it, and keeps a claim that is another one by now', async () => {
      const { cloud, source, journal, tagsNow } = await scene();
      await cloud.sources.claim(source, CLAIM, journal);
      const change = only(journal);
      const theirs = { 'Landfall-Claim': 'two' };
      const refused = cloud.sources.claim(source, theirs, new MemoryJournal(journal.ownerId));
      await assert.rejects(refused, hasCode('SOURCE_CLAIMED', 'permanent'));
      expect(tagOf(await tagsNow(), 'landfall-claim')).toBe('one');
      await cloud.sources.undo(change, journal);
      const later = new MemoryJournal(journal.ownerId);
      await cloud.sources.claim(source, theirs, later);
      await cloud.sources.undo(change, new MemoryJournal(journal.ownerId));
      expect(tagOf(await tagsNow(), 'landfall-claim')).toBe('two');
    });

    it('gives up a claim that the ledger has lost, once it was claimed anew', async () => {
      const { cloud, vm, source, journal, tagsNow } = await scene();
      await cloud.sources.claim(source, CLAIM, new MemoryJournal(journal.ownerId));
      await cloud.sources.claim(source, CLAIM, journal);
      await cloud.sources.undo(only(journal), journal);
      expect(await tagsNow()).toStrictEqual(vm.tags);
    });

    it('keeps all its parts, as often as it is asked, until that is undone', async () => {
      const { cloud, vm, source, journal, partsNow } = await scene();
      const before = await partsNow();
      expect(before.get((vm.osDiskId ?? '').toLowerCase())).toBe('Delete');
      expect([...before.keys()].sort()).toStrictEqual([vm.osDiskId ?? '', ...vm.nicIds].map(lowered).sort());
      for (const _time of [1, 2]) await cloud.sources.keepParts(source, journal);
      expect(new Set((await partsNow()).values())).toStrictEqual(new Set(['Detach']));
      const change = only(journal);
      expect(change).toMatchObject({ azureId: vm.azureId, what: 'delete-options' });
      for (const _time of [1, 2]) await cloud.sources.undo(change, journal);
      expect(await partsNow()).toStrictEqual(before);
      expect(journal.changes).toStrictEqual([]);
    });

    it('is removed without any of its parts then', async () => {
      const { cloud, vm, source, journal } = await scene();
      await cloud.sources.keepParts(source, journal);
      await cloud.machines.stopSource(source, journal);
      expect(await cloud.machines.removeSource(source, journal)).toBe(true);
      expect((await cloud.reader.disk(vm.osDiskId ?? ''))?.managedBy).toBe(null);
    });

    it('holds the addresses that it has, as often as it is asked, until that is undone', async () => {
      const { cloud, vm, source, journal, allocationNow } = await scene();
      const before = await allocationNow();
      expect(before.privateIPAllocationMethod).toBe('Dynamic');
      for (const _time of [1, 2]) await cloud.sources.holdAddresses(source, journal);
      const { privateIPAddress } = before;
      expect(await allocationNow()).toMatchObject({ privateIPAddress, privateIPAllocationMethod: 'Static' });
      const change = only(journal);
      expect([change.what, change.azureId.toLowerCase()]).toStrictEqual(['private-addresses', lowered(vm.nicIds[0])]);
      for (const _time of [1, 2]) await cloud.sources.undo(change, journal);
      expect(await allocationNow()).toMatchObject({ privateIPAddress, privateIPAllocationMethod: 'Dynamic' });
      expect(journal.changes).toStrictEqual([]);
    });

    it('is left alone when it is another one than was meant, or gone', async () => {
      const { cloud, vm, source, other, journal, remove, tagsNow, partsNow } = await scene();
      const before = await partsNow();
      const replaced = hasCode('SOURCE_REPLACED', 'permanent');
      await assert.rejects(cloud.sources.claim(other, CLAIM, journal), replaced);
      await assert.rejects(cloud.sources.keepParts(other, journal), replaced);
      await assert.rejects(cloud.sources.holdAddresses(other, journal), replaced);
      expect([await tagsNow(), await partsNow()]).toStrictEqual([vm.tags, before]);
      expect(journal.changes).toStrictEqual([]);
      await cloud.sources.claim(source, CLAIM, journal);
      await remove();
      const gone = hasCode('VM_MISSING', 'permanent');
      await assert.rejects(cloud.sources.claim(source, CLAIM, new MemoryJournal(journal.ownerId)), gone);
      expect(await cloud.reader.parts(source.azureId)).toBe(null);
      await cloud.sources.undo(only(journal), journal);
      expect(journal.changes).toStrictEqual([]);
    });

    it('has parts that go along with it as they did, once it was made anew, and goes all the same without them', async () => {
      const { cloud, vm, source, journal, partsNow, tagsOfVm } = await scene();
      const saved = await cloud.reader.savedVm(source.azureId);
      assert.ok(saved);
      const before = await partsNow();
      await cloud.sources.keepParts(source, journal);
      await cloud.machines.stopSource(source, journal);
      await cloud.machines.removeSource(source, journal);
      const disks = { osDiskId: vm.osDiskId ?? '', dataDisks: [] };
      const spec = { saved, ...disks, tags: tagsOfVm, instanceId: null, role: 'vm', purpose: 'result' as const };
      const made = await cloud.machines.recreate(spec, journal);
      const { azureId, instanceId } = made.vm;
      expect(new Set((await partsNow()).values())).toStrictEqual(new Set(['Detach']));
      await cloud.sources.giveOptionsBack(source, saved, journal);
      expect(new Set((await partsNow()).values())).toStrictEqual(new Set(['Detach']));
      for (const _time of [1, 2]) await cloud.sources.giveOptionsBack({ azureId, instanceId }, saved, journal);
      expect(await partsNow()).toStrictEqual(before);
      expect(journal.changes.map(({ what }) => what)).not.toContain('set-delete-options');
      expect(await cloud.machines.remove({ azureId, tags: tagsOfVm }, journal)).toBe(true);
      expect((await cloud.reader.disk(vm.osDiskId ?? ''))?.managedBy).toBe(null);
    });

    it('has nothing put back of it once another one bears its name', async () => {
      const { cloud, vm, source, journal, tagsNow } = await scene();
      await cloud.sources.claim(source, CLAIM, journal);
      await cloud.sources.keepParts(source, journal);
      const open = journal.changes;
      const saved = await cloud.reader.savedVm(source.azureId);
      assert.ok(saved);
      await cloud.machines.stopSource(source, journal);
      await cloud.machines.removeSource(source, journal);
      const disks = { osDiskId: vm.osDiskId ?? '', dataDisks: [] };
      const spec = { saved, ...disks, tags: CLAIM, instanceId: null, role: 'vm', purpose: 'result' as const };
      await cloud.machines.recreate(spec, journal);
      const before = [await tagsNow(), await partsOf(source.azureId)];
      for (const change of open) await cloud.sources.undo(change, journal);
      expect([await tagsNow(), await partsOf(source.azureId)]).toStrictEqual(before);
      expect(tagOf(await tagsNow(), 'landfall-claim')).toBe('one');
      expect(journal.changes).toMatchObject([{ what: 'power' }]);
    });

    it('is given back with the tags that it had, once it was made anew, and so is a disk', async () => {
      const { cloud, vm, source, journal, tagsNow } = await scene();
      const saved = await cloud.reader.savedVm(source.azureId);
      assert.ok(saved);
      await cloud.sources.keepParts(source, journal);
      await cloud.machines.stopSource(source, journal);
      await cloud.machines.removeSource(source, journal);
      const [restore, team] = ['landfall-restore', 'landfall-team'];
      const ours = { [restore]: 'anew', [team]: 'ours' };
      const spec = { saved, osDiskId: vm.osDiskId ?? '', dataDisks: [], tags: ours, instanceId: null };
      const made = await cloud.machines.recreate({ ...spec, role: 'vm', purpose: 'brought-back' }, journal);
      const { instanceId } = made.vm;
      expect([tagOf(await tagsNow(), restore), tagOf(await tagsNow(), team)]).toStrictEqual(['anew', 'ours']);
      const open = journal.changes.length;
      await cloud.sources.giveBack({ kind: 'vm', instanceId: source.instanceId, saved: saved.vm }, ours, journal);
      expect(tagOf(await tagsNow(), team)).toBe('ours');
      for (const _time of [1, 2])
        await cloud.sources.giveBack({ kind: 'vm', instanceId, saved: saved.vm }, ours, new MemoryJournal('again'));
      expect(await tagsNow()).toStrictEqual(vm.tags);
      expect(journal.changes.length).toBe(open);
      // It is known by its number from now on.
      const known = await cloud.machines.recreate(
        { ...spec, instanceId, role: 'vm', purpose: 'brought-back' },
        journal,
      );
      expect(known.vm.instanceId).toBe(instanceId);

      const { disk, journal: others } = restoreIn(get());
      const spare = await cloud.disks.ensureEmpty(
        disk('spare', { tags: { ...disk('spare').tags, [team]: 'ours' } }),
        others,
      );
      const bare = { azureId: spare.azureId, apiVersion: '2024-03-02', body: { tags: { [restore]: 'before' } } };
      const mine = { ...ours, [restore]: tagOf(spare.tags, restore) ?? '' };
      for (const number of ['another', spare.uniqueId])
        await cloud.sources.giveBack(
          { kind: 'disk', instanceId: number, saved: bare },
          mine,
          new MemoryJournal(number),
        );
      const { [team]: _, ...rest } = spare.tags;
      expect((await cloud.reader.disk(spare.azureId))?.tags).toStrictEqual({ ...rest, [restore]: 'before' });
    });

    it('has no change undone that nobody knows', async () => {
      const { cloud, source, journal } = await scene();
      const change = { azureId: source.azureId, what: 'colour', was: 'red', intendedAt: new Date(0) };
      await assert.rejects(cloud.sources.undo(change, journal), hasCode('CHANGE_UNKNOWN', 'permanent'));
    });
  });
}

function lowered(id = ''): string {
  return id.toLowerCase();
}
