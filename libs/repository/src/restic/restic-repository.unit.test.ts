import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { PermanentError, RetryableError, Secret } from '@landfall/domain';
import { MemoryFileStore } from '@landfall/testing';
import { backupRepositoryContract } from '@landfall/testing/contracts';
import { HANDMADE_PASSWORD, HandmadeRepository, sha256 } from '../fixtures/handmade-repository.js';
import { openRepository } from '../open.js';

async function openHandmade(
  made: Pick<HandmadeRepository, 'files'>,
  { password = HANDMADE_PASSWORD, threads = 0 } = {},
) {
  const store = new MemoryFileStore(made.files);
  return {
    store,
    repository: await openRepository({ kind: 'restic', store, password: new Secret(password), threads }),
  };
}

for (const version of [1, 2]) {
  for (const threads of [0, 2]) {
    backupRepositoryContract(`restic, format version ${version}, ${threads} threads,`, {
      unknownLocation: `${'0'.repeat(64)}:/mixed.raw`,
      make: async (disks) => {
        const made = new HandmadeRepository(version);
        made.backUp(Object.fromEntries(Object.entries(disks).map(([name, bytes]) => [`${name}.raw`, bytes])));
        made.writeIndex();
        const { repository } = await openHandmade(made, { threads });
        return { repository, dispose: () => repository.close() };
      },
    });
  }
}

const refusal =
  (code: string, ...named: string[]) =>
  (error: unknown) =>
    error instanceof PermanentError && error.code === code && named.every((part) => error.message.includes(part));

function oneDisk(contents = randomBytes(3_000_000), version = 2) {
  const made = new HandmadeRepository(version);
  const snapshot = made.backUp({ 'disk.raw': contents });
  const index = made.writeIndex();
  return { made, contents, snapshot, index, location: `${snapshot}:/disk.raw`, pack: made.packs[0]!.id };
}

describe('Opening a restic repository', () => {
  test('needs a repository', async () => {
    const open = (files: Record<string, Buffer>) => openHandmade({ files });
    await assert.rejects(open({}), refusal('REPOSITORY_NOT_FOUND', 'memory'));
    const { config } = oneDisk().made.files;
    await assert.rejects(open({ config: config! }), refusal('REPOSITORY_NOT_FOUND'));
  });

  test('takes the password of any key, and no other', async () => {
    const { made } = oneDisk();
    made.addKey('second');
    made.addKey('third');
    for (const password of ['second', 'by hand', 'third']) {
      await (await openHandmade(made, { password })).repository.close();
    }
    await assert.rejects(openHandmade(made, { password: 'fourth' }), refusal('REPOSITORY_PASSWORD_WRONG', '3 keys'));
  });

  test('never puts the password into an error', async () => {
    const canary = 'canary-password';
    await assert.rejects(openHandmade(oneDisk().made, { password: canary }), (error: Error) => {
      return !`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`.includes(canary);
    });
  });

  test('overlooks a damaged key where another one opens, and names it where none does', async () => {
    const { made } = oneDisk();
    const broken = made.addKey('second');
    made.files[`keys/${broken}`]![40]! ^= 1;
    await (await openHandmade(made)).repository.close();
    await assert.rejects(openHandmade(made, { password: 'second' }), refusal('REPOSITORY_DAMAGED', broken));
  });

  test('does not let a key file ask for boundless memory or time', async () => {
    const shapes = [
      { N: 2 ** 30 },
      { r: 10_000 },
      { p: 10_000 },
      { N: 3 },
      { N: 2 ** 20, r: 64 },
      { N: 2 ** 17, p: 16 },
    ];
    // The last one is refused by scrypt's own definition.
    for (const parameters of [...shapes, { N: 2 ** 16, r: 1 }]) {
      const { made } = oneDisk();
      for (const path of Object.keys(made.files)) if (path.startsWith('keys/')) delete made.files[path];
      const key = made.addKey('by hand', parameters);
      await assert.rejects(openHandmade(made), refusal('REPOSITORY_DAMAGED', key), JSON.stringify(parameters));
    }
  });

  test('refuses format versions that are not known', async () => {
    for (const version of [0, 3]) {
      await assert.rejects(
        openHandmade(new HandmadeRepository(version)),
        refusal('REPOSITORY_VERSION', String(version)),
      );
    }
  });

  test('names the damaged file: config or index', async () => {
    const config = oneDisk().made;
    config.files['config']![20]! ^= 1;
    await assert.rejects(openHandmade(config), refusal('REPOSITORY_DAMAGED', 'config'));
    const flipped = oneDisk();
    flipped.made.files[`index/${flipped.index}`]![40]! ^= 1;
    await assert.rejects(openHandmade(flipped.made), refusal('REPOSITORY_DAMAGED', `index/${flipped.index}`));
    const garbage = oneDisk();
    const name = garbage.made.writeIndexText('{"packs": [{"id": 5}]}');
    await assert.rejects(openHandmade(garbage.made), refusal('REPOSITORY_DAMAGED', `index/${name}`));
  });

  test("notices index files that were put in each other's place", async () => {
    const { made, index } = oneDisk();
    const other = made.writeIndex({ packs: [] });
    [made.files[`index/${index}`], made.files[`index/${other}`]] = [
      made.files[`index/${other}`]!,
      made.files[`index/${index}`]!,
    ];
    await assert.rejects(openHandmade(made), refusal('REPOSITORY_DAMAGED', 'index/'));
  });

  test('does not unpack an index file without end', async () => {
    const { made } = oneDisk();
    const name = made.writeIndexText(' '.repeat(200 * 1024 * 1024));
    await assert.rejects(openHandmade(made), refusal('REPOSITORY_DAMAGED', name));
  });

  test('believes a superseded index only where no other knows better', async () => {
    const { made, contents, location, index } = oneDisk();
    const gone = 'ee'.repeat(32);
    delete made.files[`index/${index}`];
    const stale = made.writeIndex({ packs: made.packs.map(({ blobs }) => ({ id: gone, blobs })) });
    made.writeIndex({ packs: made.packs, supersedes: [stale] });
    const { repository } = await openHandmade(made);
    const disk = await repository.openDisk(location);
    expect((await disk.read(0, contents.length)).equals(contents)).toBe(true);
  });

  test('tries again when the store is away for a moment', async () => {
    const { made } = oneDisk();
    const store = new MemoryFileStore(made.files);
    store.failReads('config', new RetryableError({ code: 'STORE_UNREACHABLE', message: 'away', fix: 'wait' }), 1);
    const repository = await openRepository({ kind: 'restic', store, password: new Secret('by hand'), threads: 0 });
    expect(repository.format).toBe('restic, format version 2');
  });

  test('is refused for kinds that are not there, and without a password', async () => {
    const store = new MemoryFileStore();
    const password = new Secret('x');
    for (const kind of ['images', 'snapshots'] as const) {
      await assert.rejects(openRepository({ kind, store, password }), refusal('REPOSITORY_KIND_UNAVAILABLE', kind));
    }
    await assert.rejects(
      openRepository({ kind: 'restic', store, password: null }),
      refusal('REPOSITORY_PASSWORD_WRONG'),
    );
  });
});

describe('Reading a damaged restic repository', () => {
  const readAll = async (made: HandmadeRepository, location: string, threads = 0) => {
    const { repository } = await openHandmade(made, { threads });
    try {
      const disk = await repository.openDisk(location);
      let bytes = 0;
      for await (const piece of disk.pieces({ offset: 0, length: disk.sizeBytes })) bytes += piece.bytes.byteLength;
      return bytes;
    } finally {
      await repository.close();
    }
  };
  /** The data blob that begins nearest to the pack's middle. */
  const someBlob = (made: HandmadeRepository) => made.packs[0]!.blobs.filter((blob) => blob.type === 'data')[2]!;
  const packPath = (pack: string) => `data/${pack.slice(0, 2)}/${pack}`;

  for (const version of [1, 2]) {
    for (const threads of [0, 2]) {
      test(`names pack and blob for a flipped bit (version ${version}, ${threads} threads)`, async () => {
        const { made, location, pack } = oneDisk(undefined, version);
        const blob = someBlob(made);
        made.files[packPath(pack)]![blob.offset + 1_000]! ^= 4;
        await assert.rejects(readAll(made, location, threads), refusal('BLOB_CORRUPT', pack, blob.id));
      });
    }
  }

  test('goes on where only the snapshot was forgotten since the image was found', async () => {
    const { made, location, snapshot } = oneDisk();
    const found = made.locationOf(snapshot, 'disk.raw');
    made.forget(snapshot);
    expect(await readAll(made, found)).toBe(3_000_000);
    await assert.rejects(readAll(made, location), refusal('IMAGE_NOT_FOUND', snapshot));
  });

  /** A disk, each of whose blobs lies in two packs; the index knows both. */
  function twiceStored() {
    const one = oneDisk();
    one.made.backUp({ 'disk.raw': one.contents }, { time: '2026-03-05T00:00:00Z' });
    one.made.writeIndex();
    const [first, second] = one.made.packs.map(({ id }) => packPath(id));
    return { ...one, packs: [first!, second!] as const };
  }

  for (const harm of ['damaged', 'cut off', 'missing'] as const) {
    test(`passes over a copy that is ${harm}, uses another one, and counts it`, async () => {
      const { made, location, contents, packs } = twiceStored();
      const { store, repository } = await openHandmade(made);
      const bytes = store.files.get(packs[0])!;
      if (harm === 'damaged') for (let at = 1_000; at < bytes.length; at += 100_000) bytes[at]! ^= 4;
      else if (harm === 'cut off') store.files.set(packs[0], bytes.subarray(0, 5));
      else store.files.delete(packs[0]);
      expect(repository.passedOver).toBe(0);
      const disk = await repository.openDisk(location);
      expect((await disk.read(0, contents.length)).equals(contents)).toBe(true);
      const pieces = Buffer.alloc(contents.length);
      for await (const piece of disk.pieces({ offset: 0, length: contents.length }))
        pieces.set(piece.bytes, piece.offset);
      expect(pieces.equals(contents)).toBe(true);
      expect(repository.passedOver).toBeGreaterThan(0);
    });
  }

  test('finds what a prune has moved to other packs meanwhile, and says nothing of it', async () => {
    const { made, location, contents, index, pack } = oneDisk();
    const { store, repository } = await openHandmade(made);
    const disk = await repository.openDisk(location);
    made.backUp({ 'disk.raw': contents }, { time: '2026-03-05T00:00:00Z' });
    const kept = made.packs[1]!;
    const name = made.writeIndex({ packs: [kept] });
    store.files.set(`index/${name}`, made.files[`index/${name}`]!);
    store.files.set(packPath(kept.id), made.files[packPath(kept.id)]!);
    store.files.delete(`index/${index}`);
    store.files.delete(packPath(pack));
    expect((await disk.read(0, contents.length)).equals(contents)).toBe(true);
    expect(repository.passedOver).toBe(0);
  });

  test('names the bytes of the image that are gone for good, with the pack', async () => {
    const { made, location, pack, contents } = oneDisk();
    const { store, repository } = await openHandmade(made);
    const disk = await repository.openDisk(location);
    store.files.delete(packPath(pack));
    await assert.rejects(
      disk.read(contents.length - 1, 1),
      (error: unknown) =>
        refusal(
          'PACK_MISSING',
          pack,
          'of the image disk.raw',
          `Bytes ${5 * 512 * 1024} to ${contents.length}`,
        )(error) && (error as PermanentError).facts['offset'] === 5 * 512 * 1024,
    );
  });

  test('reads the index once more when a file of it goes away between being listed and being read', async () => {
    const { made, contents, location, index } = oneDisk();
    const store = new MemoryFileStore(made.files);
    const gone = new PermanentError({ code: 'FILE_NOT_FOUND', message: 'gone', fix: 'none' });
    store.failReads(`index/${index}`, gone, 2);
    const repository = await openRepository({
      kind: 'restic',
      store,
      password: new Secret(HANDMADE_PASSWORD),
      threads: 0,
    });
    expect((await (await repository.openDisk(location)).read(0, 10)).equals(contents.subarray(0, 10))).toBe(true);
    store.failReads(`snapshots/`, gone);
    expect(await repository.discover()).toStrictEqual({ points: [], skipped: [] });
  });

  test('finds a disk that was backed up since it was opened', async () => {
    const { made } = oneDisk();
    const { store, repository } = await openHandmade(made);
    const later = made.backUp({ 'new.raw': Buffer.from('later') }, { time: '2026-03-05T00:00:00Z' });
    made.writeIndex();
    for (const [path, bytes] of Object.entries(made.files)) store.files.set(path, bytes);
    const disk = await repository.openDisk(made.locationOf(later, 'new.raw'));
    expect((await disk.read(0, 5)).toString()).toBe('later');
  });

  test('names the pack that is missing', async () => {
    const { made, location, snapshot } = oneDisk();
    const bytes = randomBytes(600_000);
    // The tree stays where it is; its file's only blob goes into a pack that is then removed.
    made.addBlob('data', bytes);
    const lost = made.writePack();
    const tree = made.addTree([{ name: 'a.raw', type: 'file', size: bytes.length, content: [sha256(bytes)] }]);
    made.writePack();
    const second = made.writeSnapshot({ time: '2026-01-01T00:00:00Z', tree, paths: ['/a.raw'], hostname: 'h' });
    made.writeIndex();
    delete made.files[packPath(lost)];
    await assert.rejects(readAll(made, `${second}:/a.raw`), refusal('PACK_MISSING', lost));
    assert.equal(await readAll(made, location), 3_000_000, `${snapshot} is whole`);
  });

  test('names the pack that is missing with the tree in it, for good, and what can be done', async () => {
    const { made, location, pack } = oneDisk();
    delete made.files[packPath(pack)];
    await assert.rejects(readAll(made, location), (error: unknown) => {
      assert.ok(error instanceof PermanentError);
      expect(error.code).toBe('PACK_MISSING');
      expect(error.message).toMatch(new RegExp(pack));
      expect(error.fix).toMatch(/another point.*restic check/);
      return true;
    });
  });

  test('names pack and blob where a pack was cut off', async () => {
    const { made, location, pack } = oneDisk();
    const blobs = made.packs[0]!.blobs;
    // The tree is the last blob: what is before the cut is read as ever.
    const tree = blobs.at(-1)!;
    made.files[packPath(pack)] = made.files[packPath(pack)]!.subarray(0, tree.offset + tree.length - 1);
    await assert.rejects(readAll(made, location), refusal('BLOB_CORRUPT', pack, tree.id));
  });

  test("notices packs that were put in each other's place", async () => {
    const { made, location, pack } = oneDisk();
    made.backUp({ 'other.raw': randomBytes(3_000_000) });
    made.writeIndex();
    const other = made.packs[1]!.id;
    [made.files[packPath(pack)], made.files[packPath(other)]] = [
      made.files[packPath(other)]!,
      made.files[packPath(pack)]!,
    ];
    await assert.rejects(readAll(made, location), refusal('BLOB_CORRUPT', pack));
  });

  test('names the tree whose seal is broken or whose contents are not its id', async () => {
    const broken = oneDisk();
    const tree = broken.made.packs[0]!.blobs.at(-1)!;
    broken.made.files[packPath(broken.pack)]![tree.offset + 30]! ^= 1;
    await assert.rejects(readAll(broken.made, broken.location), refusal('BLOB_CORRUPT', tree.id));

    const made = new HandmadeRepository();
    const lie = made.addBlob('tree', Buffer.from('{"nodes":[]}'), { id: 'dd'.repeat(32) });
    made.writePack();
    const snapshot = made.writeSnapshot({ time: '2026-01-01T00:00:00Z', tree: lie, paths: [], hostname: 'h' });
    made.writeIndex();
    await assert.rejects(readAll(made, `${snapshot}:/a.raw`), refusal('BLOB_CORRUPT', lie));
  });

  test('says which blob is in no index', async () => {
    const made = new HandmadeRepository();
    const unknown = 'cc'.repeat(32);
    const tree = made.addTree([{ name: 'a.raw', type: 'file', size: 5, content: [unknown] }]);
    made.writePack();
    const snapshot = made.writeSnapshot({ time: '2026-01-01T00:00:00Z', tree, paths: [], hostname: 'h' });
    made.writeIndex();
    await assert.rejects(readAll(made, `${snapshot}:/a.raw`), refusal('REPOSITORY_DAMAGED', unknown, 'a.raw'));
  });

  test('refuses a tree that claims to unpack to gigabytes, without making room for it', async () => {
    const made = new HandmadeRepository();
    const tree = made.addTree([]);
    made.writePack();
    const packs = made.packs.map(({ id, blobs }) => ({
      id,
      blobs: blobs.map((blob) => ({ ...blob, uncompressed_length: 2 ** 32 - 10 })),
    }));
    made.writeIndex({ packs });
    const snapshot = made.writeSnapshot({ time: '2026-01-01T00:00:00Z', tree, paths: [], hostname: 'h' });
    await assert.rejects(readAll(made, `${snapshot}:/a.raw`), refusal('REPOSITORY_LIMIT', tree));
  });

  test('opens other disks of the repository all the same', async () => {
    const { made, location, pack } = oneDisk();
    const good = made.backUp({ 'other.raw': randomBytes(1_000_000) });
    made.writeIndex();
    made.files[packPath(pack)]![someBlob(made).offset + 1_000]! ^= 4;
    await assert.rejects(readAll(made, location), refusal('BLOB_CORRUPT', pack));
    expect(await readAll(made, `${good}:/other.raw`)).toBe(1_000_000);
  });
});

describe('What is read of a restic repository', () => {
  test('is not the packs of holes, and each blob of a range once', async () => {
    const chunk = 512 * 1024;
    const alike = randomBytes(chunk);
    const made = new HandmadeRepository();
    const disk = Buffer.concat([Buffer.alloc(8 * chunk), ...Array<Buffer>(6).fill(alike), Buffer.alloc(chunk + 77)]);
    const snapshot = made.backUp({ 'disk.raw': disk });
    made.writeIndex();
    const { repository, store } = await openHandmade(made);
    const source = await repository.openDisk(`${snapshot}:/disk.raw`);
    expect(source.extents()).toStrictEqual([{ offset: 8 * chunk, length: 6 * chunk }]);
    store.reads.length = 0;
    const result = Buffer.alloc(disk.length);
    for await (const { offset, bytes } of source.pieces({ offset: 0, length: disk.length })) result.set(bytes, offset);
    expect(result.equals(disk)).toBe(true);
    expect(store.reads.length).toBe(1);
    assert.ok(store.reads[0]!.range!.length < 2 * chunk, 'one blob, not six');
  });

  test('is taken from memory when a small read comes to the same blob again', async () => {
    const { made, location, contents } = oneDisk();
    const { repository, store } = await openHandmade(made);
    const disk = await repository.openDisk(location);
    await disk.read(1_000, 10);
    const before = store.reads.length;
    expect((await disk.read(2_000, 5_000)).equals(contents.subarray(2_000, 7_000))).toBe(true);
    expect(store.reads.length).toBe(before);
  });

  test('ends promptly when the signal is aborted while the store does not answer', async () => {
    const { made, location } = oneDisk();
    const { repository, store } = await openHandmade(made);
    const disk = await repository.openDisk(location);
    const abort = new AbortController();
    store.read = (_path, _range, signal) =>
      new Promise((_, reject) => {
        signal!.addEventListener('abort', () => reject(signal!.reason as Error));
        abort.abort();
      });
    const consume = async () => {
      for await (const _ of disk.pieces({ offset: 0, length: disk.sizeBytes }, abort.signal));
    };
    await expect(consume()).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('A restic repository in the archive tier', () => {
  const archivePacks = (store: MemoryFileStore): void => {
    for (const path of store.files.keys()) if (path.startsWith('data/')) store.archived.add(path);
  };

  test('opens a disk by the list of its blobs without reading a pack', async () => {
    const contents = Buffer.concat([randomBytes(1_000_000), Buffer.alloc(2_097_152), randomBytes(1_000_000)]);
    const { made, location } = oneDisk(contents);
    const { repository } = await openHandmade(made);
    const blobs = await repository.listBlobs(location);
    expect(blobs.trees).toStrictEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    const extents = (await repository.openDisk(location)).extents();
    await repository.close();
    const later = await openHandmade(made);
    archivePacks(later.store);
    later.store.reads.length = 0;
    await assert.rejects(later.repository.openDisk(location), refusal('FILE_ARCHIVED'));
    later.store.reads.length = 0;
    const disk = await later.repository.openListed(location, blobs);
    expect(disk.sizeBytes).toBe(contents.length);
    expect(disk.extents()).toStrictEqual(extents);
    expect(later.store.reads).toStrictEqual([]);
    await assert.rejects(disk.read(0, 10), refusal('FILE_ARCHIVED'));
    await later.repository.close();
  });

  test('names the files without which a disk can’t be read: no zeros, and none of which another copy can be', async () => {
    const made = new HandmadeRepository(2);
    const [one, two] = [randomBytes(512 * 1024), randomBytes(512 * 1024)];
    const zeros = Buffer.alloc(4 * 512 * 1024);
    // Each in a pack of its own, one of them in two; all but the zeros once more beside the tree.
    for (const blob of [one, two, zeros.subarray(0, 512 * 1024), two]) {
      made.addBlob('data', blob);
      made.writePack();
    }
    const snapshot = made.backUp({ 'disk.raw': Buffer.concat([one, zeros, two, one]) });
    made.writeIndex();
    const { store, repository } = await openHandmade(made);
    const location = `${snapshot}:/disk.raw`;
    const disk = { location, blobs: await repository.listBlobs(location) };
    const notAsked = (): Promise<never> => Promise.reject(new Error('Nothing is archived.'));
    expect(await repository.archivedFiles(notAsked)).toStrictEqual([]);
    const [packOfOne, packOfTwo, packOfZeros, online, packOfTree] = made.packs.map(
      ({ id }) => `data/${id.slice(0, 2)}/${id}`,
    );
    for (const path of store.files.keys()) if (path.startsWith('data/') && path !== online) store.archived.add(path);
    const needed = (await repository.archivedFiles(async () => [disk, disk])).map(({ path }) => path);
    expect(needed).toStrictEqual([packOfOne, packOfTree].toSorted());
    for (const path of [packOfTwo, packOfZeros]) expect(store.archived.has(path!)).toBe(true);
    await repository.close();
  });

  test('says of which backups it can tell nothing at the moment', async () => {
    const { made, snapshot } = oneDisk();
    const { store, repository } = await openHandmade(made);
    archivePacks(store);
    const { points, skipped } = await repository.discover();
    expect(points).toStrictEqual([]);
    expect(skipped).toMatchObject([{ reference: snapshot, archived: true }]);
    await repository.close();
  });

  test('finds no points where what tells of them is archived itself', async () => {
    const { made, snapshot } = oneDisk();
    const { store, repository } = await openHandmade(made);
    store.archived.add(`snapshots/${snapshot}`);
    await assert.rejects(repository.discover(), refusal('FILE_ARCHIVED', snapshot));
    await repository.close();
  });
});
