import { beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { chmod, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finished, Stack } from './landfall.js';
import { diskImage, folder, GIB, ResticRepository } from './machines.js';

/** What can be wrong with what a user gives, on a stack in whose Azure nothing is ours yet. */
export function badInputLeavesNothing(get: () => Stack): void {
  let at: string;
  let good: ResticRepository;
  let point: string;
  beforeAll(async () => {
    at = await folder(get().folder, 'good');
    await diskImage(join(at, 'disk.raw'), GIB, [[0, 30]]);
    good = await ResticRepository.init(join(at, 'repo'));
    point = await good.backup(at, ['disk.raw']);
    await get().addRepository('good', good);
  });
  /** The command ended with this exit code, named this code, said what to do, and left nothing in Azure. */
  async function assertEnds(finished: Finished, exitCode: number, code: string): Promise<void> {
    const said = `${finished.stdout}\n${finished.stderr}`;
    assert.equal(finished.code, exitCode, said);
    assert.ok(said.includes(code), `${code} is not in: ${said}`);
    assert.doesNotMatch(said, /\n\s+at .*\.js:\d+/, 'a stack trace is shown');
    expect(await get().ownedResources()).toStrictEqual([]);
  }

  const restore = (...more: string[]) =>
    get().run(['restore', '--point', point, '--to', 'new', '--name', 'web', '--generation', '1', '--watch', ...more]);

  /** A repository of its own with one image, damaged by `damage`. */
  async function damagedRestore(
    name: string,
    damage: (repository: ResticRepository) => Promise<void>,
  ): Promise<Finished> {
    const repository = await ResticRepository.init(join(await folder(get().folder, name), 'repo'), {
      compression: 'off',
    });
    const snapshot = await repository.backup(at, ['disk.raw']);
    await get().addRepository(name, repository);
    await damage(repository);
    return get().run(['restore', '--point', snapshot, '--to', 'new', '--name', name, '--generation', '1', '--watch']);
  }

  describe('bad input ends in a code of its own and leaves nothing behind:', () => {
    it('an unknown point', async () => {
      const finished = await get().run(['restore', '--point', 'rp-nowhere', '--to', 'new', '--watch']);
      await assertEnds(finished, 2, 'POINT_NOT_FOUND');
    });

    it('a wrong password', async () => {
      const passwordFile = join(get().folder, 'wrong');
      await writeFile(passwordFile, 'wrong\n');
      const finished = await get().add('locked', { folder: good.folder, passwordFile });
      await assertEnds(finished, 2, 'REPOSITORY_PASSWORD_WRONG');
      expect(
        (await get().json<{ name: string }[]>(['repo', 'list'])).some((repository) => repository.name === 'locked'),
      ).toBe(false);
    });

    it('a folder that is no repository', async () => {
      const { folder } = get();
      const finished = await get().add('none', { folder, passwordFile: good.passwordFile });
      await assertEnds(finished, 2, 'REPOSITORY_NOT_FOUND');
    });

    it('a damaged index', async () => {
      const repository = await ResticRepository.init(join(await folder(get().folder, 'index'), 'repo'));
      await repository.backup(at, ['disk.raw']);
      const [index] = await readdir(join(repository.folder, 'index'));
      await flip(join(repository.folder, 'index', index!), 100);
      const finished = await get().add('index', repository);
      await assertEnds(finished, 2, 'REPOSITORY_DAMAGED');
    });

    it('a pack that is gone', async () => {
      const finished = await damagedRestore('gone', async (repository) => {
        for (const pack of await largest(repository)) await rm(pack);
      });
      await assertEnds(finished, 4, 'PACK_MISSING');
    });

    it('a pack with a flipped bit', async () => {
      const finished = await damagedRestore('flipped', async (repository) => {
        for (const pack of await largest(repository)) await flip(pack, 100_000);
      });
      await assertEnds(finished, 4, 'BLOB_CORRUPT');
    });

    it('a repository that is moved away after it was added', async () => {
      const finished = await damagedRestore('moved', (repository) =>
        rename(repository.folder, `${repository.folder}-away`),
      );
      assert.ok([3, 4].includes(finished.code), finished.stderr);
      expect(finished.stderr).toMatch(/REPOSITORY_|STORE_/);
      expect(await get().ownedResources()).toStrictEqual([]);
    });

    it('a snapshot with no disk image', async () => {
      const files = await folder(get().folder, 'files');
      await writeFile(join(files, 'letter.txt'), 'dear sir');
      const snapshot = await good.backup(files, ['letter.txt']);
      await get().json(['repo', 'rescan', 'good']);
      const finished = await get().run(['restore', '--point', snapshot, '--to', 'new', '--name', 'files', '--watch']);
      await assertEnds(finished, 3, 'POINT_UNSUPPORTED');
    });

    it('an image of 0 bytes', async () => {
      const empty = await folder(get().folder, 'empty');
      await writeFile(join(empty, 'empty.raw'), '');
      const snapshot = await good.backup(empty, ['empty.raw']);
      await get().json(['repo', 'rescan', 'good']);
      const finished = await get().run([
        'restore',
        '--point',
        snapshot,
        '--to',
        'new',
        '--name',
        'empty',
        '--generation',
        '1',
        '--watch',
      ]);
      await assertEnds(finished, 3, 'DISK_EMPTY');
    });

    it('a name that Azure refuses', async () => {
      const finished = await get().run([
        'restore',
        '--point',
        point,
        '--to',
        'new',
        '--name',
        '-no-',
        '--generation',
        '1',
        '--watch',
      ]);
      await assertEnds(finished, 3, 'NAME_INVALID');
    });

    it('a size that does not exist', async () => {
      await assertEnds(await restore('--size', 'Standard_Z999'), 3, 'SIZE_UNAVAILABLE');
    });

    it('a network that does not exist', async () => {
      const subnet =
        '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/x/providers/Microsoft.Network/virtualNetworks/v/subnets/s';
      await assertEnds(await restore('--subnet', subnet), 3, 'NETWORK_NOT_FOUND');
    });

    it('a resource group that does not exist', async () => {
      await assertEnds(await restore('--resource-group', 'nowhere'), 3, 'RESOURCE_GROUP_NOT_FOUND');
    });

    it('an option with an unknown value', async () => {
      const finished = await restore('--verify', 'sometimes');
      expect(finished.code).toBe(2);
      assert.match(finished.stderr, /sampled/, 'it names the values that are allowed');
    });

    it('a stack that does not run', async () => {
      const finished = await get().run(['restores'], {}, join(get().folder, 'elsewhere'));
      assert.equal(finished.code, 5, finished.stderr);
    });
  });
}

async function largest(repository: ResticRepository): Promise<string[]> {
  const packs = await repository.packs();
  const sized = await Promise.all(packs.map(async (pack) => [pack, (await stat(pack)).size] as const));
  return sized.filter(([, size]) => size > 1_000_000).map(([pack]) => pack);
}

async function flip(path: string, offset: number): Promise<void> {
  await chmod(path, 0o600);
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, offset);
  byte[0] = byte[0]! ^ 0x10;
  await file.write(byte, 0, 1, offset);
  await file.close();
}
