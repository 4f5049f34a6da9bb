import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import type { GroupSpec } from '@landfall/domain';
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
}
