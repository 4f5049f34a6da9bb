import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import type { SnapshotSpec } from '@landfall/domain';
import { MemoryJournal } from '../../doubles/memory-journal.js';
import { GIB, hasCode, restoreIn, states, type CloudSubject } from './subject.js';

/** What every `CloudSnapshots` keeps to. */
export function snapshotsContract(get: () => CloudSubject): void {
  /** A disk of somebody's, which carries no tag of ours, and an owner who takes snapshots. */
  async function scene() {
    const subject = get();
    const owner = restoreIn(subject);
    const { cloud } = subject;
    const theirs = new MemoryJournal(owner.id);
    const disk = await cloud.disks.ensureEmpty({ ...owner.disk('source'), tags: {} }, theirs);
    const { zone: _zone, ...place } = owner.place('copy', 'snapshot');
    const spec: SnapshotSpec = { ...place, purpose: 'help', diskId: disk.azureId };
    const azureId = cloud.reader.snapshotId(spec.resourceGroup, spec.name);
    return { ...owner, cloud, disk, spec, azureId, owned: { azureId, tags: spec.tags } };
  }

  describe('snapshots', () => {
    it('are taken of a disk that is not ours, tagged, and written into the ledger', async () => {
      const { cloud, journal, spec, disk, azureId } = await scene();
      const taken = await cloud.snapshots.ensure(spec, journal);
      expect([taken.name, taken.sizeBytes, taken.diskState]).toStrictEqual([spec.name, 2 * GIB, 'Unattached']);
      expect([taken.tags, taken.completionPercent]).toStrictEqual([spec.tags, 100]);
      expect(taken.diskId?.toLowerCase()).toBe(disk.azureId.toLowerCase());
      expect(taken.takenAt).toBeInstanceOf(Date);
      expect(await cloud.reader.snapshot(azureId)).toStrictEqual(taken);
      expect((await cloud.reader.resource('snapshot', azureId))?.tags).toStrictEqual(spec.tags);
      expect(states(journal)).toStrictEqual([[azureId.toLowerCase(), 'created']]);
      expect(await cloud.reader.disk(disk.azureId)).toStrictEqual(disk);
    });

    it('are the same when they are asked for again, also by a journal that knows nothing of them', async () => {
      const { cloud, journal, spec, id } = await scene();
      const taken = await cloud.snapshots.ensure(spec, journal);
      expect(await cloud.snapshots.ensure(spec, journal)).toStrictEqual(taken);
      expect(await cloud.snapshots.ensure(spec, new MemoryJournal(id))).toStrictEqual(taken);
    });

    it('are left alone when they are not ours, and not opened', async () => {
      const theirs = await scene();
      const taken = await theirs.cloud.snapshots.ensure(theirs.spec, theirs.journal);
      const { cloud, journal, spec, owned } = await scene();
      const foreign = hasCode('RESOURCE_FOREIGN', 'permanent');
      await assert.rejects(cloud.snapshots.ensure({ ...spec, name: theirs.spec.name }, journal), foreign);
      await assert.rejects(cloud.snapshots.grantRead(taken.azureId, 600, journal), foreign);
      await assert.rejects(cloud.snapshots.remove({ ...owned, azureId: taken.azureId }, journal), foreign);
      expect(await cloud.reader.snapshot(taken.azureId)).toStrictEqual(taken);
    });

    it('are refused when one of ours bears the name, of another disk', async () => {
      const {
        cloud,
        journal,
        spec,
        id,
        disk: diskOf,
      } = await scene().then((one) => ({ ...one, disk: restoreIn(get()) }));
      await cloud.snapshots.ensure(spec, journal);
      const other = await cloud.disks.ensureEmpty(diskOf.disk('other'), diskOf.journal);
      const wrong = cloud.snapshots.ensure({ ...spec, diskId: other.azureId }, new MemoryJournal(id));
      await assert.rejects(wrong, hasCode('RESOURCE_CHANGED', 'permanent'));
    });

    it('are opened for reading as often as it is asked, and closed; closing twice is no error', async () => {
      const { cloud, journal, spec, azureId } = await scene();
      await cloud.snapshots.ensure(spec, journal);
      expect(await cloud.snapshots.grantRead(azureId, 600, journal)).toMatch(/^https:\/\//);
      expect(await cloud.snapshots.grantRead(azureId, 600, journal)).toMatch(/^https:\/\//);
      expect((await cloud.reader.snapshot(azureId))?.diskState).toBe('ActiveSAS');
      await cloud.snapshots.revokeAccess(azureId, journal);
      await cloud.snapshots.revokeAccess(azureId, journal);
      expect((await cloud.reader.snapshot(azureId))?.diskState).toBe('Unattached');
    });

    it('are removed as often as it is asked, and not while they are open', async () => {
      const { cloud, journal, spec, azureId, owned, disk } = await scene();
      await cloud.snapshots.ensure(spec, journal);
      await cloud.snapshots.grantRead(azureId, 600, journal);
      await assert.rejects(cloud.snapshots.remove(owned, journal), hasCode('DISK_SAS_ACTIVE', 'retryable'));
      await cloud.snapshots.revokeAccess(azureId, journal);
      expect(await cloud.snapshots.remove(owned, journal)).toBe(true);
      expect(await cloud.snapshots.remove(owned, journal)).toBe(false);
      expect(states(journal)).toStrictEqual([[azureId.toLowerCase(), 'removed']]);
      expect(await cloud.reader.disk(disk.azureId)).toStrictEqual(disk);
    });

    it('are found by their tags', async () => {
      const { cloud, journal, spec, azureId, id } = await scene();
      await cloud.snapshots.ensure(spec, journal);
      const found = await cloud.reader.tagged('landfall-restore', id);
      expect(found.map(({ azureId: at, kind }) => [at.toLowerCase(), kind])).toStrictEqual([
        [azureId.toLowerCase(), 'snapshot'],
      ]);
    });

    it('can be taken of no disk that is not there', async () => {
      const { cloud, journal, spec } = await scene();
      const none = { ...spec, diskId: `${spec.diskId}-none` };
      await expect(cloud.snapshots.ensure(none, journal)).rejects.toMatchObject({ code: 'AZURE_NOT_FOUND' });
      expect(states(journal).map(([, state]) => state)).toStrictEqual(['intended']);
    });
  });
}
