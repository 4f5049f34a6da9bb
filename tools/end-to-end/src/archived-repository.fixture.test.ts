import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerClient } from '@azure/storage-blob';
import { blobService, upload } from './blobs.fixture.test.js';
import type { EventView, RestoreView, Stack } from './landfall.js';
import { diskImage, folder, MIB, ResticRepository } from './machines.js';
import { assertSameDisk } from './same-disk.js';

interface PlanView {
  readonly retrieval?: { readonly objects: number; readonly bytes: number; readonly hours: number };
  readonly estimates: { readonly retrievalSeconds: number; readonly retrievalFee: unknown };
  readonly problems: readonly { readonly severity: string; readonly code: string }[];
}

/** What people do whose backups have gone to the archive tier since they were scanned. */
export function restoresOfArchivedBackups(get: () => Stack): void {
  describe('a backup whose packs are all in the archive tier', () => {
    it('comes back from copies of the packs that it needs, and of no other; a roll-back removes them', async () => {
      const at = await folder(get().folder, 'archived');
      // Data at its end: zeros there would be in a blob of a length of its own.
      await diskImage(join(at, 'cold.raw'), 256 * MIB, [
        [3, 24],
        [248, 8],
      ]);
      await diskImage(join(at, 'other.raw'), 64 * MIB, [[1, 24]]);
      const repository = await ResticRepository.init(join(at, 'repo'), { compression: 'off' });
      const snapshot = await repository.backup(at, ['cold.raw']);
      const needed = await repository.packsWithData();
      await repository.backup(at, ['other.raw']);
      const all = await repository.packs();
      expect(all.length).toBeGreaterThan(needed.length);
      await upload(get(), repository.folder, 'cold', 'nightly');
      await get().json([
        ...['repo', 'add', 'cold', '--kind', 'restic', '--url', 'azure://devstoreaccount1/cold/nightly'],
        ...['--password-file', repository.passwordFile],
      ]);
      const service = await blobService(get());
      const container = service.getContainerClient('cold');
      const sizes = await archive(container, 'nightly/data/');
      expect(sizes.size).toBe(all.length);
      // Nothing of it can be read now, and it is known all the same.
      const scanned = await get().json<{ points: number }>(['repo', 'rescan', 'cold']);
      expect(scanned.points).toBe(2);

      const target = ['--point', snapshot, '--to', 'new', '--name', 'cold', '--generation', '1'];
      const plan = await get().json<PlanView>(['plan', ...target, '--archive-priority', 'high']);
      const bytes = needed.reduce((sum, pack) => sum + (sizes.get(nameOf(pack)) ?? 0), 0);
      expect(plan.retrieval).toMatchObject({ objects: needed.length, bytes, hours: 1 });
      expect(plan.estimates).toMatchObject({ retrievalSeconds: 3_600, retrievalFee: null });
      expect(plan.problems[0]).toMatchObject({ severity: 'warning', code: 'POINT_ARCHIVED' });

      const running = get().start([
        'restore',
        ...target,
        '--archive-priority',
        'high',
        '--verify',
        'full',
        '--watch',
        '--json',
      ]);
      const provisioners = await untilAsked(get());
      // The wait is nobody's: not even the processes that have asked are needed for it.
      for (const { pid } of provisioners) process.kill(pid, 'SIGKILL');
      const { code, stdout, stderr } = await running.finished;
      assert.equal(code, 0, stderr);
      const restore = JSON.parse(stdout) as RestoreView;
      await assertSameDisk(get(), restore, 'cold', join(at, 'cold.raw'));
      const copies = service.getContainerClient(`landfall-retrieved-${restore.id}`);
      expect((await names(copies)).map(nameOf).sort()).toStrictEqual(needed.map(nameOf).sort());
      for await (const blob of container.listBlobsFlat({ prefix: 'nightly/data/' }))
        assert.equal(blob.properties.accessTier, 'Archive', 'what was copied stays where it is');
      const events = await get().json<EventView[]>(['events', restore.id]);
      expect(events.filter(({ type }) => type === 'archive.asked').length).toBeGreaterThanOrEqual(1);

      await get().json(['rollback', restore.id]);
      for (let state = ''; state !== 'rolled-back'; await pause(200))
        ({ state } = await get().json<RestoreView>(['show', restore.id]));
      expect(await copies.exists()).toBe(false);
    });
  });
}

/** Moves all blobs of a prefix to the archive tier. Returns their sizes by the last parts of their names. */
async function archive(container: ContainerClient, prefix: string): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for await (const { name, properties } of container.listBlobsFlat({ prefix })) {
    await container.getBlobClient(name).setAccessTier('Archive');
    sizes.set(nameOf(name), properties.contentLength ?? 0);
  }
  return sizes;
}

/** The provisioners once the restore of `cold` waits for the archive. */
async function untilAsked(stack: Stack): Promise<readonly { readonly pid: number }[]> {
  const { api, token } = await stack.file();
  const ask = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${api}/v1/restores${path}`, { headers: { authorization: `Bearer ${token}` } });
    return (await answer.json()) as T;
  };
  for (let looks = 0; looks < 600; looks += 1) {
    const restores = await ask<(RestoreView & { destination: { vmName?: string; name?: string } })[]>('');
    const restore = restores.find(({ destination }) => (destination.vmName ?? destination.name) === 'cold');
    const events = restore === undefined ? [] : await ask<EventView[]>(`/${restore.id}/events`);
    if (events.some(({ type }) => type === 'archive.asked')) {
      const { processes } = await stack.json<{ processes: { name: string; pid: number }[] }>(['status']);
      return processes.filter(({ name }) => name.startsWith('provisioner'));
    }
    await pause(100);
  }
  throw new Error('Nothing was asked of the archive.');
}

async function names(container: ContainerClient): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of container.listBlobsFlat()) found.push(name);
  return found;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
