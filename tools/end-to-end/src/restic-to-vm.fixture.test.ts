import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { upload } from './blobs.fixture.test.js';
import type { EventView, RestoreView, Stack } from './landfall.js';
import { diskImage, folder, GIB, MIB, ResticRepository, zero } from './machines.js';
import { assertSameDisk } from './same-disk.js';

/** What people do with plain restic backups of plain disk images. */
export function restoresOfPlainImages(get: () => Stack): void {
  describe('a plain restic backup of a plain disk image', () => {
    it('becomes a running VM with the same disk', async () => {
      const at = await folder(get().folder, 'plain');
      await diskImage(join(at, 'disk.raw'), 385 * MIB, [
        [0, 10],
        [150, 20],
        [384, 1],
      ]);
      const repository = await ResticRepository.init(join(at, 'repo'), { compression: 'max' });
      const snapshot = await repository.backup(at, ['disk.raw']);
      await get().addRepository('plain', repository);

      const points = await get().json<{ id: string; repository: string }[]>(['point', 'list']);
      const point = points.find((candidate) => candidate.repository === 'plain');
      assert.ok(point);
      const plan = await get().run(['plan', '--point', point.id, '--to', 'new', '--name', 'plain', '--json']);
      assert.equal(plan.code, 3, 'nothing on it boots, so the generation has to be given');
      expect(plan.stdout).toMatch(/FIRMWARE_UNKNOWN/);

      const restore = await get().json<RestoreView>([
        ...['restore', '--point', snapshot.slice(0, 8), '--to', 'new', '--name', 'plain', '--generation', '1'],
        '--watch',
      ]);
      expect(restore.state).toBe('completed');
      expect(restore.vm?.azureId.endsWith('/virtualMachines/plain')).toBeTruthy();
      await assertSameDisk(get(), restore, 'disk', join(at, 'disk.raw'));

      const owned = await get().ownedResources();
      const left = owned.filter((id) => id.toLowerCase().includes('worker'));
      assert.deepEqual(left, [], 'nothing of the worker is left');
    });

    it('is read from a blob container just as well, and in the first format version', async () => {
      const at = await folder(get().folder, 'blob');
      await diskImage(join(at, 'web.img'), 256 * MIB, [[5, 20]]);
      const repository = await ResticRepository.init(join(at, 'repo'), { version: 1 });
      await repository.backup(at, ['web.img']);
      await upload(get(), repository.folder, 'backups', 'machines/web');
      await get().json([
        ...['repo', 'add', 'blob', '--kind', 'restic', '--url', 'azure://devstoreaccount1/backups/machines/web'],
        ...['--password-file', repository.passwordFile],
      ]);
      const points = await get().json<{ id: string; repository: string }[]>(['point', 'list']);
      const point = points.find((candidate) => candidate.repository === 'blob')!;
      const restore = await get().json<RestoreView>([
        ...[
          'restore',
          '--point',
          point.id,
          '--to',
          'new',
          '--name',
          'from-blob',
          '--generation',
          '2',
          '--watch',
          '--verify',
          'full',
        ],
      ]);
      expect(restore.state).toBe('completed');
      await assertSameDisk(get(), restore, 'web', join(at, 'web.img'));
    });
  });

  describe('a machine with several disks', () => {
    it('comes back with each disk at its LUN, two machines at once, and through SAS without a worker', async () => {
      const at = await folder(get().folder, 'several');
      const images = ['a-os', 'b-data', 'c-data', 'd-data', 'e-data'];
      for (const [index, image] of images.entries())
        await diskImage(join(at, `${image}.raw`), 256 * MIB, [[index * 50, 8]]);
      const repository = await ResticRepository.init(join(at, 'repo'));
      const five = await repository.backup(
        at,
        images.map((image) => `${image}.raw`),
      );
      const two = await repository.backup(at, ['a-os.raw', 'b-data.raw']);
      await get().addRepository('several', repository);
      const [first, second] = await Promise.all([
        get().json<RestoreView>([
          'restore',
          '--point',
          five,
          '--to',
          'new',
          '--name',
          'five',
          '--generation',
          '1',
          '--watch',
        ]),
        get().json<RestoreView>([
          ...[
            'restore',
            '--point',
            two,
            '--to',
            'new',
            '--name',
            'two',
            '--generation',
            '1',
            '--watch',
            '--transfer',
            'direct',
          ],
        ]),
      ]);
      expect(first.state).toBe('completed');
      expect(second.state).toBe('completed');
      for (const image of images) await assertSameDisk(get(), first, image, join(at, `${image}.raw`));
      for (const image of images.slice(0, 2)) await assertSameDisk(get(), second, image, join(at, `${image}.raw`));
      // What a restore counts is what its plan has said.
      const target = ['--to', 'new', '--name', 'five-more', '--generation', '1'];
      const plan = await get().json<{ estimates: { writeBytes: number } }>(['plan', '--point', five, ...target]);
      for (const bytes of ['bytesTotal', 'bytesDone'] as const) {
        expect(first.disks.reduce((sum, disk) => sum + disk[bytes], 0)).toBe(plan.estimates.writeBytes);
      }
      expect(first.disks.map((disk) => [disk.name, disk.role, disk.lun])).toStrictEqual([
        ['a-os', 'os', null],
        ['b-data', 'data', 0],
        ['c-data', 'data', 1],
        ['d-data', 'data', 2],
        ['e-data', 'data', 3],
      ]);
      const vm = await get().json<{
        properties: { storageProfile: { dataDisks: { lun: number; managedDisk: { id: string } }[] } };
      }>([...['azure', 'show', first.vm!.azureId]]);
      expect(
        vm.properties.storageProfile.dataDisks.map((disk) => [disk.lun, basename(disk.managedDisk.id)]).sort(),
      ).toStrictEqual(
        first.disks
          .filter((disk) => disk.role === 'data')
          .map((disk) => [disk.lun, basename(disk.azureId!)])
          .sort(),
      );
    });
  });

  describe('a restore that goes on while its repository is pruned and its data-movers are killed', () => {
    it('is delayed, reads what has moved where it is now, and writes no finished segment again', async () => {
      const at = await folder(get().folder, 'killed');
      const image = join(at, 'big.raw');
      // One segment that is done soon, and others that take a while.
      const first = [0, 2] as const;
      // Every other stretch goes when the older backup does: hardly a pack stays as it is when that is pruned.
      const stretches = Array.from({ length: 32 }, (_, index) => [128 + index * 8, 4] as const);
      const dropped = stretches.map(([offset, length]) => [offset + 4, length] as const);
      await diskImage(image, GIB, [first, ...stretches, ...dropped]);
      const repository = await ResticRepository.init(join(at, 'repo'), { compression: 'off' });
      const older = await repository.backup(at, ['big.raw']);
      await zero(image, dropped);
      const snapshot = await repository.backup(at, ['big.raw']);
      const packs = await repository.packs();
      await get().addRepository('killed', repository);
      // Slow enough that it is in the middle when its data-movers are looked up and killed.
      await get().json(['azure', 'bandwidth', '--worker', '8']);
      const running = get().start([
        ...[
          'restore',
          '--point',
          snapshot,
          '--to',
          'new',
          '--name',
          'killed',
          '--generation',
          '1',
          '--watch',
          '--json',
        ],
      ]);
      const id = await firstFinishedSegment(get(), 'killed');
      const { processes } = await get().json<{ processes: { name: string; pid: number }[] }>(['status']);
      const movers = processes.filter((candidate) => candidate.name.includes('worker'));
      assert.ok(movers.length > 0, 'status lists the data-movers on workers');
      await repository.forget(older);
      const kept = (await repository.packs()).filter((pack) => packs.includes(pack));
      assert.ok(kept.length < packs.length / 2, `${kept.length} packs of ${packs.length} are still there`);
      for (const mover of movers) kill(mover.pid);

      const { code, stdout, stderr } = await running.finished;
      assert.equal(code, 0, stderr);
      const restore = JSON.parse(stdout) as RestoreView;
      expect(restore.id).toBe(id);
      await assertSameDisk(get(), restore, 'big', image);
      const events = await get().json<EventView[]>(['events', id]);
      const finished = events.filter((event) => event.type === 'segment.done' && event.data.purpose !== 'verify');
      const segments = finished.map((event) => event.data.segmentId);
      assert.equal(new Set(segments).size, segments.length, 'each segment is finished once');
    });
  });
}

/** Id of the restore to that VM, once a segment of it is done. Asks the API: each call of the command line is two processes. */
async function firstFinishedSegment(stack: Stack, vmName: string): Promise<string> {
  const { api, token } = await stack.file();
  const ask = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${api}/v1/restores${path}`, { headers: { authorization: `Bearer ${token}` } });
    return (await answer.json()) as T;
  };
  for (;;) {
    const restores = await ask<(RestoreView & { destination: { vmName?: string; name?: string } })[]>('');
    const restore = restores.find(({ destination }) => (destination.vmName ?? destination.name) === vmName);
    if (restore !== undefined) {
      const events = await ask<EventView[]>(`/${restore.id}/events`);
      if (events.some((event) => event.type === 'segment.done')) return restore.id;
      assert.ok(!['completed', 'failed'].includes(restore.state), `the restore is ${restore.state} already`);
    }
    await pause(100);
  }
}

/** On a machine that is busy it may have come to its end while the repository was pruned. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
