import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFile, cp, mkdir, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PermanentError, Secret, type BackupRepository, type DiskSource } from '@landfall/domain';
import { backupRepositoryContract } from '@landfall/testing/contracts';
import fc from 'fast-check';
import { ResticProgram } from '../fixtures/restic-program.js';
import { FolderFileStore } from '../folder/folder-file-store.js';
import { MANIFEST_FILE, pointTags, type MachineManifestInput } from '../manifest.js';
import { openRepository } from '../open.js';

/* Repositories written by the real restic program. */

const MIB = 1024 * 1024;

const open = (program: ResticProgram, { password = program.password, threads = 2 } = {}) =>
  openRepository({
    kind: 'restic',
    store: new FolderFileStore(program.repository),
    password: new Secret(password),
    threads,
  });

/** Unlike data, text, repeated data and holes, nothing aligned. */
function sampleDisk(sizeBytes: number): Buffer {
  const disk = Buffer.alloc(sizeBytes);
  randomBytes(3 * MIB + 11).copy(disk, 100);
  disk.fill('a line of a log file\n', 5 * MIB + 5, 7 * MIB);
  disk.copy(disk, 12 * MIB + 3, 0, 3 * MIB);
  randomBytes(777).copy(disk, sizeBytes - 777);
  return disk;
}

async function contents(source: DiskSource): Promise<Buffer> {
  const bytes = Buffer.alloc(source.sizeBytes);
  for await (const piece of source.pieces({ offset: 0, length: source.sizeBytes })) {
    bytes.set(piece.bytes, piece.offset);
    piece.release?.();
  }
  return bytes;
}

async function contentsOf(repository: BackupRepository, machineName: string): Promise<Buffer> {
  const { points } = await repository.discover();
  const point = points.findLast((candidate) => candidate.machineName === machineName);
  return contents(await repository.openDisk(point!.disks[0]!.location));
}

backupRepositoryContract('A folder written by restic', {
  unknownLocation: `${'0'.repeat(64)}:/disk.raw`,
  make: async (disks) => {
    const program = await ResticProgram.init();
    const names = Object.keys(disks).map((name) => `${name}.raw`);
    await Promise.all(
      names.map((name, index) => writeFile(path.join(program.folder, name), Object.values(disks)[index]!)),
    );
    await program.run(['backup', ...names]);
    const repository = await open(program);
    return { repository, dispose: () => repository.close().then(() => program.remove()) };
  },
});

for (const { name, version, backup } of [
  { name: 'of format version 1', version: 1 as const, backup: [] },
  { name: 'of format version 2, not compressed', version: 2 as const, backup: ['--compression', 'off'] },
  { name: 'of format version 2, compressed', version: 2 as const, backup: ['--compression', 'auto'] },
  {
    name: 'of format version 2, compressed as far as can be, in small packs',
    version: 2 as const,
    backup: ['--compression', 'max', '--pack-size', '4'],
  },
]) {
  describe(`A repository ${name}`, () => {
    const disk = sampleDisk(23 * MIB + 4_321);
    let program: ResticProgram;
    let repository: BackupRepository;

    beforeAll(async () => {
      program = await ResticProgram.init(version);
      await writeFile(path.join(program.folder, 'file.raw'), disk);
      await program.run(['backup', ...backup, 'file.raw']);
      await program.run(['backup', ...backup, '--stdin', '--stdin-filename', 'piped'], disk.subarray(0, 9 * MIB));
      repository = await open(program);
    });
    afterAll(async () => {
      await repository.close();
      await program.remove();
    });

    test('gives back the disks that were backed up, from a file and from standard input', async () => {
      expect((await contentsOf(repository, 'file')).equals(disk)).toBe(true);
      expect((await contentsOf(repository, 'piped')).equals(disk.subarray(0, 9 * MIB))).toBe(true);
    });

    test('gives back any range', async () => {
      const { points } = await repository.discover();
      const source = await repository.openDisk(
        points.find((point) => point.machineName === 'file')!.disks[0]!.location,
      );
      await fc.assert(
        fc.asyncProperty(fc.nat({ max: disk.length }), fc.nat({ max: 2 * MIB }), async (offset, wanted) => {
          const length = Math.min(wanted, disk.length - offset);
          return (await source.read(offset, length)).equals(disk.subarray(offset, offset + length));
        }),
        { numRuns: 40 },
      );
    });

    test('knows the holes', async () => {
      const { points } = await repository.discover();
      const source = await repository.openDisk(
        points.find((point) => point.machineName === 'file')!.disks[0]!.location,
      );
      const covered = source.extents().reduce((sum, extent) => sum + extent.length, 0);
      assert.ok(covered < 16 * MIB, `${covered} bytes of extents for 8 MiB of data`);
    });
  });
}

describe('A repository with a history', () => {
  let program: ResticProgram;
  beforeAll(async () => {
    program = await ResticProgram.init(1);
  });
  afterAll(() => program.remove());

  test('is read after a key was added, an upgrade of its format, removals and a prune', async () => {
    const old = sampleDisk(17 * MIB);
    const kept = Buffer.from(old);
    randomBytes(2 * MIB).copy(kept, 6 * MIB);
    await writeFile(path.join(program.folder, 'disk.raw'), old);
    await program.run(['backup', '--host', 'h', 'disk.raw']);
    await writeFile(path.join(program.folder, 'other.raw'), randomBytes(5 * MIB));
    await program.run(['backup', '--host', 'h', 'other.raw']);
    await writeFile(path.join(program.folder, 'second'), 'second password');
    await program.run(['key', 'add', '--new-password-file', 'second']);
    await program.run(['migrate', 'upgrade_repo_v2']);
    await writeFile(path.join(program.folder, 'disk.raw'), kept);
    await program.run(['backup', '--host', 'h', 'disk.raw']);
    await program.run(['forget', '--keep-last', '1', '--group-by', 'host', '--prune', '--max-unused', '0']);

    const repository = await open(program, { password: 'second password' });
    expect(repository.format).toBe('restic, format version 2');
    const { points, skipped } = await repository.discover();
    expect([points.length, skipped]).toStrictEqual([1, []]);
    expect((await contentsOf(repository, 'disk')).equals(kept)).toBe(true);
    await repository.close();
    await expect(open(program, { password: 'third password' })).rejects.toMatchObject({
      code: 'REPOSITORY_PASSWORD_WRONG',
    });
  });

  test('is read on where a snapshot was forgotten since its image was found, until that is pruned', async () => {
    const disk = sampleDisk(17 * MIB);
    await writeFile(path.join(program.folder, 'rotated.raw'), disk);
    await program.run(['backup', '--host', 'r', 'rotated.raw']);
    const { points } = await readBy((repository) => repository.discover());
    const point = points.find(({ machineName }) => machineName === 'rotated')!;
    const read = () => readBy(async (repository) => contents(await repository.openDisk(point.disks[0]!.location)));
    await program.run(['forget', point.reference]);
    expect((await readBy((repository) => repository.discover())).points).not.toContainEqual(point);
    expect((await read()).equals(disk)).toBe(true);
    await program.run(['prune', '--max-unused', '0']);
    await expect(read()).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  async function readBy<T>(work: (repository: BackupRepository) => Promise<T>): Promise<T> {
    const repository = await open(program);
    try {
      return await work(repository);
    } finally {
      await repository.close();
    }
  }
});

describe('A captured machine', () => {
  test('is one point with its disks and its manifest', async () => {
    const program = await ResticProgram.init();
    const disks = { 'sda.raw': sampleDisk(17 * MIB), 'sdb.raw': randomBytes(MIB) };
    const tags = pointTags('db01-1').flatMap((tag) => ['--tag', tag]);
    const capture = (name: string, bytes: Uint8Array) =>
      program.run(['backup', '--stdin', '--stdin-filename', name, ...tags, '--host', 'db01'], bytes);
    for (const [name, bytes] of Object.entries(disks)) await capture(name, bytes);
    const unfinished = await open(program);
    expect((await unfinished.discover()).skipped[0]!.why).toMatch(/capture did not finish/);
    await unfinished.close();

    const manifest: MachineManifestInput = {
      schema: 'landfall.machine/1',
      name: 'db01',
      kind: 'computer',
      firmware: 'bios',
      disks: [
        { file: 'sda.raw', name: 'sda', role: 'os', sizeBytes: 17 * MIB },
        { file: 'sdb.raw', name: 'sdb', role: 'data', lun: 0, sizeBytes: MIB },
      ],
    };
    await capture(MANIFEST_FILE, Buffer.from(JSON.stringify(manifest)));
    const repository = await open(program);
    const { points, skipped } = await repository.discover();
    expect(skipped).toStrictEqual([]);
    expect(points.map(({ reference, machineName, problems }) => ({ reference, machineName, problems }))).toStrictEqual([
      { reference: 'db01-1', machineName: 'db01', problems: [] },
    ]);
    for (const [number, bytes] of Object.values(disks).entries()) {
      expect((await contents(await repository.openDisk(points[0]!.disks[number]!.location))).equals(bytes)).toBe(true);
    }
    await repository.close();
    await program.remove();
  });
});

describe('Damage to a repository written by restic', () => {
  let program: ResticProgram;
  let intact: string;
  beforeAll(async () => {
    program = await ResticProgram.init();
    await writeFile(path.join(program.folder, 'disk.raw'), randomBytes(6 * MIB));
    await program.run(['backup', 'disk.raw']);
    intact = path.join(program.folder, 'intact');
    await cp(program.repository, intact, { recursive: true });
  });
  afterAll(() => program.remove());

  const files = async (directory: string) => {
    const found = await readdir(path.join(intact, directory), { recursive: true, withFileTypes: true });
    return found
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name).slice(intact.length + 1));
  };
  /** The largest pack: the one that holds the disk's data. */
  const dataPack = async () => {
    const sized = await Promise.all(
      (await files('data')).map(async (file) => ({ file, size: (await stat(path.join(intact, file))).size })),
    );
    return sized.toSorted((left, right) => right.size - left.size)[0]!.file;
  };
  const flip = async (file: string, at: number) => {
    const bytes = await readFile(path.join(program.repository, file));
    bytes[at]! ^= 1;
    await rm(path.join(program.repository, file));
    await writeFile(path.join(program.repository, file), bytes);
  };
  /** What reading everything ends with. */
  const outcome = async () => {
    let repository: BackupRepository | undefined;
    try {
      repository = await open(program);
      const { points, skipped } = await repository.discover();
      if (skipped.length > 0) return `skipped: ${skipped[0]!.why}`;
      await contents(await repository.openDisk(points[0]!.disks[0]!.location));
      return 'whole';
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      return `${error.code}: ${error.message}`;
    } finally {
      await repository?.close();
    }
  };
  const damaged = async (damage: () => Promise<void>) => {
    await rm(program.repository, { recursive: true, force: true });
    await mkdir(program.repository);
    await cp(intact, program.repository, { recursive: true });
    await damage();
    return outcome();
  };

  test('is not seen where there is none', async () => expect(await damaged(async () => undefined)).toBe('whole'));

  test("in config, a key, an index file or a snapshot is told by that file's name", async () => {
    const [[key], [index], [snapshot]] = await Promise.all([files('keys'), files('index'), files('snapshots')]);
    expect(await damaged(() => flip('config', 50))).toMatch(/^REPOSITORY_DAMAGED: .*config/);
    expect(await damaged(() => flip(key!, 100))).toMatch(new RegExp(`^REPOSITORY_DAMAGED: .*${key}`));
    expect(await damaged(() => flip(index!, 100))).toMatch(new RegExp(`^REPOSITORY_DAMAGED: .*${index}`));
    expect(await damaged(() => flip(snapshot!, 60))).toMatch(new RegExp(`^skipped: .*${snapshot}`));
  });

  test('in a pack is told by the pack and the blob', async () => {
    const pack = await dataPack();
    const name = path.basename(pack);
    expect(await damaged(() => flip(pack, 3 * MIB))).toMatch(
      new RegExp(
        `^BLOB_CORRUPT: Bytes \\d+ to \\d+ of the image \\S+ can't be had from the backup\\. Blob [0-9a-f]{64} in pack ${name}`,
      ),
    );
    expect(await damaged(() => truncate(path.join(program.repository, pack), 2 * MIB))).toMatch(
      new RegExp(
        `^BLOB_CORRUPT: Bytes \\d+ to \\d+ of the image \\S+ can't be had from the backup\\. Blob [0-9a-f]{64} in pack ${name}`,
      ),
    );
    expect(await damaged(() => rm(path.join(program.repository, pack)))).toMatch(
      new RegExp(`^PACK_MISSING: Bytes .* Pack ${name}`),
    );
  });

  test("by packs in each other's place is noticed", async () => {
    const [first, second] = await files('data');
    const swapped = await damaged(async () => {
      await rm(path.join(program.repository, first!));
      await rm(path.join(program.repository, second!));
      await copyFile(path.join(intact, second!), path.join(program.repository, first!));
      await copyFile(path.join(intact, first!), path.join(program.repository, second!));
    });
    expect(swapped).toMatch(/BLOB_CORRUPT|skipped: Blob/);
  });

  test('by missing files is told for what it is', async () => {
    expect(await damaged(() => rm(path.join(program.repository, 'config')))).toMatch(/^REPOSITORY_NOT_FOUND/);
    expect(await damaged(() => rm(program.repository, { recursive: true }))).toMatch(/^REPOSITORY_NOT_FOUND/);
    expect(await damaged(() => rm(path.join(program.repository, 'index'), { recursive: true }))).toMatch(
      /index does not know/,
    );
  });
});

describe('restic at work beside a reader', () => {
  test('takes nothing away from it by forgetting others and pruning, and by locking the repository', async () => {
    const program = await ResticProgram.init();
    try {
      const disk = path.join(program.folder, 'disk.raw');
      const other = path.join(program.folder, 'other.raw');
      const wanted = sampleDisk(40 * MIB);
      // Packs that hold a part of either image: a prune has to write anew what it keeps of them.
      await writeFile(other, randomBytes(8 * MIB));
      await writeFile(disk, wanted);
      await program.run(['backup', 'other.raw', 'disk.raw', '--tag', 'both']);
      await program.run(['backup', 'disk.raw', '--tag', 'one']);
      const repository = await open(program);
      const { points } = await repository.discover();
      const point = points.find(({ disks }) => disks.length === 1)!;
      const source = await repository.openDisk(point.disks[0]!.location);
      const packs = async () => (await readdir(path.join(program.repository, 'data'), { recursive: true })).sort();
      const before = await packs();
      const reading = (async () => {
        for (let time = 0; time < 6; time += 1) expect((await contents(source)).equals(wanted)).toBe(true);
      })();
      await program.run([
        'forget',
        points.find(({ disks }) => disks.length === 2)!.reference,
        '--prune',
        '--max-unused',
        '0',
      ]);
      await reading;
      expect(await packs()).not.toStrictEqual(before);
      expect((await contents(source)).equals(wanted)).toBe(true);
      expect(repository.passedOver).toBe(0);
      // What nobody keeps any more is gone for good, and is said so.
      await program.run(['forget', point.reference, '--prune', '--max-unused', '0']);
      await expect(contents(source)).rejects.toMatchObject({
        code: 'PACK_MISSING',
        message: expect.stringMatching(/^Bytes /),
      });
      await repository.close();
    } finally {
      await program.remove();
    }
  }, 120_000);
});
