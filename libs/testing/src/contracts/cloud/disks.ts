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
}
