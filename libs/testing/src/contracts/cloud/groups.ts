import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import type { CloudDisk, GroupSpec } from '@landfall/domain';
import { MemoryJournal } from '../../doubles/memory-journal.js';
import { hasCode, restoreIn, states, type CloudSubject } from './subject.js';

/** What every `CloudGroups` keeps to. */
export function groupsContract(get: () => CloudSubject): void {
  /** A resource group for one new restore. */
  function scene() {
    const subject = get();
    const restore = restoreIn(subject);
    const spec: GroupSpec = {
      ...{ name: `staging-${restore.id}`, region: subject.region },
      ...{ tags: restore.tags('staging'), role: 'staging', purpose: 'help' as const },
    };
    const owned = { azureId: subject.cloud.reader.resourceGroupId(spec.name), tags: spec.tags };
    return { ...restore, ...subject, spec, owned };
  }

  describe('resource groups', () => {
    it('are made where they were asked for, tagged, and written into the ledger', async () => {
      const { cloud, journal, spec, owned, region } = scene();
      const made = await cloud.groups.ensure(spec, journal);
      expect([made.name, made.region, made.tags]).toStrictEqual([spec.name, region, spec.tags]);
      expect(await cloud.reader.resourceGroup(spec.name.toUpperCase())).toStrictEqual(made);
      expect(states(journal)).toStrictEqual([[owned.azureId.toLowerCase(), 'created']]);
    });

    it('are the same when they are asked for again, also by a journal that knows nothing of them', async () => {
      const { cloud, journal, spec, id } = scene();
      const made = await cloud.groups.ensure(spec, journal);
      expect(await cloud.groups.ensure(spec, journal)).toStrictEqual(made);
      expect(await cloud.groups.ensure(spec, new MemoryJournal(id))).toStrictEqual(made);
    });

    it('are left alone when they are not ours, tags and all', async () => {
      const theirs = scene();
      const found = await theirs.cloud.groups.ensure(theirs.spec, theirs.journal);
      const { cloud, journal, tags, spec } = scene();
      const foreign = hasCode('RESOURCE_FOREIGN', 'permanent');
      await assert.rejects(cloud.groups.ensure({ ...spec, name: found.name }, journal), foreign);
      const owned = { azureId: found.azureId, tags: tags('staging') };
      await assert.rejects(cloud.groups.remove(owned, journal), foreign);
      expect(await cloud.reader.resourceGroup(found.name)).toStrictEqual(found);
    });

    it('are refused when one of ours is in another region', async () => {
      const { cloud, journal, spec, id } = scene();
      await cloud.groups.ensure(spec, journal);
      const elsewhere = { ...spec, region: 'northeurope' };
      const other = new MemoryJournal(id);
      await assert.rejects(cloud.groups.ensure(elsewhere, other), hasCode('RESOURCE_CHANGED', 'permanent'));
    });

    it('are found by their tags', async () => {
      const { cloud, journal, spec, owned, id } = scene();
      await cloud.groups.ensure(spec, journal);
      const found = await cloud.reader.tagged('landfall-restore', id);
      expect(found.map(({ azureId, kind }) => [azureId.toLowerCase(), kind])).toStrictEqual([
        [owned.azureId.toLowerCase(), 'resource-group'],
      ]);
    });

    it('are removed when they are empty, as often as it is asked', async () => {
      const { cloud, journal, spec, owned } = scene();
      await cloud.groups.ensure(spec, journal);
      expect(await cloud.groups.remove(owned, journal)).toBe(true);
      expect(await cloud.groups.remove(owned, journal)).toBe(false);
      expect(await cloud.reader.resourceGroup(spec.name)).toBe(null);
      expect(states(journal)).toStrictEqual([[owned.azureId.toLowerCase(), 'removed']]);
    });

    it('are not removed while anything lies in them, and it stays', async () => {
      const { cloud, journal, spec, owned, disk } = scene();
      await cloud.groups.ensure(spec, journal);
      const inside = await cloud.disks.ensureEmpty({ ...disk('inside'), resourceGroup: spec.name }, journal);
      await assert.rejects(cloud.groups.remove(owned, journal), hasCode('GROUP_NOT_EMPTY', 'retryable'));
      expect(await cloud.reader.disk(inside.azureId)).toStrictEqual(inside);
      await cloud.disks.remove({ azureId: inside.azureId, tags: inside.tags }, journal);
      expect(await cloud.groups.remove(owned, journal)).toBe(true);
    });

    it('have to be there before anything can lie in them', async () => {
      const { cloud, journal, disk } = scene();
      const spec = { ...disk('homeless'), resourceGroup: 'no-such-group' };
      await assert.rejects(cloud.disks.ensureEmpty(spec, journal), hasCode('RESOURCE_GROUP_NOT_FOUND', 'permanent'));
    });
  });
  describe('disks that move to another resource group', () => {
    /** Disks of a restore in its staging group, and where they are to go. */
    async function staged(...names: string[]) {
      const there = scene();
      const { cloud, journal, spec, disk, resourceGroup: to } = there;
      const from = (await cloud.groups.ensure(spec, journal)).name;
      const disks: CloudDisk[] = [];
      for (const name of names)
        disks.push(await cloud.disks.ensureEmpty({ ...disk(name), resourceGroup: from }, journal));
      const wish = { from, to, diskIds: disks.map(({ azureId }) => azureId) };
      const movedTo = ({ name }: CloudDisk): string => cloud.reader.diskId(to, name).toLowerCase();
      return { ...there, disks, wish, move: { from, to, disks }, movedTo };
    }

    it('are the same disks there, under new IDs that the ledger follows, however often it is asked', async () => {
      const { cloud, journal, disks, move, movedTo, id } = await staged('os', 'data');
      const moved = await cloud.groups.moveDisks(move, journal);
      expect(moved.map(({ azureId }) => azureId.toLowerCase())).toStrictEqual(disks.map(movedTo));
      for (const [index, disk] of disks.entries()) {
        const { azureId, resourceGroup } = moved[index] ?? disk;
        expect(moved[index]).toStrictEqual({ ...disk, azureId, resourceGroup });
        expect(await cloud.reader.disk(azureId)).toStrictEqual(moved[index]);
        expect(await cloud.reader.disk(disk.azureId)).toBe(null);
      }
      const entries = () =>
        journal.ledger
          .filter(({ kind }) => kind === 'disk')
          .map(({ azureId, state, movedFrom }) => [azureId.toLowerCase(), state, movedFrom?.toLowerCase() ?? null]);
      const expected = [
        ...disks.map(({ azureId }) => [azureId.toLowerCase(), 'removed', null]),
        ...disks.map((disk) => [movedTo(disk), 'created', disk.azureId.toLowerCase()]),
      ];
      expect(entries()).toStrictEqual(expected);
      expect(await cloud.groups.moveDisks(move, journal)).toStrictEqual(moved);
      expect(await cloud.groups.moveDisks(move, new MemoryJournal(id))).toStrictEqual(moved);
      expect(entries()).toStrictEqual(expected);
    });

    it('follow those of them that are there already', async () => {
      const { cloud, journal, disks, move, movedTo, id } = await staged('first', 'second');
      await cloud.groups.moveDisks({ ...move, disks: disks.slice(0, 1) }, new MemoryJournal(id));
      const moved = await cloud.groups.moveDisks(move, journal);
      expect(moved.map(({ azureId }) => azureId.toLowerCase())).toStrictEqual(disks.map(movedTo));
      expect(journal.ledger.filter(({ state }) => state === 'intended')).toStrictEqual([]);
    });

    it('are asked for beforehand, which changes nothing', async () => {
      const { cloud, disks, wish } = await staged('asked');
      expect(await cloud.groups.validateMove(wish)).toStrictEqual([]);
      for (const disk of disks) expect(await cloud.reader.disk(disk.azureId)).toStrictEqual(disk);
    });

    it('stay where they are while another disk has their name there, with what Azure says of it', async () => {
      const { cloud, journal, disk, disks, wish, move, movedTo } = await staged('taken', 'free');
      const other = await cloud.disks.ensureEmpty(disk('taken'), journal);
      expect(other.azureId.toLowerCase()).toBe(movedTo(disks[0] ?? other));
      const [obstacle, ...more] = await cloud.groups.validateMove(wish);
      expect(obstacle).toMatchObject({ passes: false, code: 'MOVE_INVALID', reason: 'ResourceAlreadyExistsInTarget' });
      expect(obstacle?.message).toContain(other.name);
      expect(more).toStrictEqual([]);
      await assert.rejects(cloud.groups.moveDisks(move, journal), hasCode('MOVE_INVALID', 'permanent'));
      for (const each of [...disks, other]) expect(await cloud.reader.disk(each.azureId)).toStrictEqual(each);
    });

    it('are left alone when they are other disks by now than were meant', async () => {
      const { cloud, journal, disks, move } = await staged('swapped');
      const meant = { ...move, disks: disks.map((disk) => ({ ...disk, uniqueId: `${disk.uniqueId}-before` })) };
      await assert.rejects(cloud.groups.moveDisks(meant, journal), hasCode('DISK_REPLACED', 'permanent'));
      for (const disk of disks) expect(await cloud.reader.disk(disk.azureId)).toStrictEqual(disk);
    });

    it('stay with the VM that has them, for the reason that Azure gives', async () => {
      const { cloud, journal, disks, wish, move, worker } = await staged('attached');
      const { vm } = await worker(cloud);
      const [diskId = ''] = wish.diskIds;
      await cloud.machines.attach(vm.azureId, [{ diskId, lun: 0, caching: 'None' }], journal);
      const reason = { passes: false, code: 'MOVE_INVALID', reason: 'MissingMoveDependentResources' };
      expect(await cloud.groups.validateMove(wish)).toMatchObject([reason]);
      await assert.rejects(cloud.groups.moveDisks(move, journal), (error: Error) => {
        expect(error.message).toContain('MissingMoveDependentResources');
        return hasCode('MOVE_INVALID', 'permanent')(error);
      });
      expect((await cloud.reader.disk(disks[0]?.azureId ?? ''))?.managedBy?.toLowerCase()).toBe(
        vm.azureId.toLowerCase(),
      );
    });

    it('can move once the access to their bytes has ended, as is said', async () => {
      const { cloud, journal, wish, move } = await staged('open');
      const [diskId = ''] = wish.diskIds;
      await cloud.disks.grantRead(diskId, 3600, journal);
      expect(await cloud.groups.validateMove(wish)).toMatchObject([{ passes: true, code: 'DISK_SAS_ACTIVE' }]);
      await assert.rejects(cloud.groups.moveDisks(move, journal), hasCode('DISK_SAS_ACTIVE', 'retryable'));
      await cloud.disks.revokeAccess(diskId, journal);
      expect(await cloud.groups.moveDisks(move, journal)).toHaveLength(1);
    });
  });
}
