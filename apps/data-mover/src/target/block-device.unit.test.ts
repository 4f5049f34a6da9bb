import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, open, readFile, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskTargetContract } from '@landfall/testing/contracts';
import { BlockDevice, type DeviceHandle, openBlockDevice } from './block-device.js';

diskTargetContract('A file in place of a block device', async (sizeBytes) => {
  const folder = await mkdtemp(join(tmpdir(), 'landfall-disk-'));
  const path = join(folder, 'disk.raw');
  await writeFile(path, '');
  await truncate(path, sizeBytes);
  return {
    target: await openBlockDevice(path, sizeBytes),
    remove: () => rm(folder, { recursive: true }),
  };
});

describe('a block device', () => {
  let folder: string;
  let path: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall-disk-'));
    path = join(folder, 'disk.raw');
    await writeFile(path, Buffer.alloc(8192, 1));
  });

  afterAll(() => rm(folder, { recursive: true }));

  it('is never created: one that is missing may still appear', async () => {
    const missing = join(folder, 'missing');
    await expect(openBlockDevice(missing, 1)).rejects.toMatchObject({ code: 'TARGET_MISSING', kind: 'retryable' });
    await expect(readFile(missing)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('must be as large as the plan says', async () => {
    await expect(openBlockDevice(path, 8193)).rejects.toMatchObject({ code: 'TARGET_TOO_SMALL', kind: 'permanent' });
  });

  it('reads back what lies on the disk, not what it was given', async () => {
    const target = await openBlockDevice(path, 8192);
    await target.write(0, Buffer.alloc(4096, 2));
    await target.flush();
    const other = await open(path, 'r+');
    await other.write(Buffer.from([77]), 0, 1, 100);
    await other.sync();
    await other.close();
    expect((await target.read(99, 3)).toString('hex')).toBe('024d02');
    await target.close();
  });

  it('reads back from the file that it writes, whatever its path names meanwhile', async () => {
    const link = join(folder, 'lun-0');
    await symlink(path, link);
    const target = await openBlockDevice(link, 8192);
    const other = join(folder, 'other.raw');
    await writeFile(other, Buffer.alloc(8192, 99));
    await unlink(link);
    await symlink(other, link);
    await target.write(4096, Buffer.alloc(4096, 3));
    await target.flush();
    expect(await target.read(4096, 4096)).toStrictEqual(Buffer.alloc(4096, 3));
    await target.close();
  });

  it('says once that it reads through the page cache where direct reading is not known', async () => {
    const version = await readFile('/proc/version');
    let said = 0;
    const target = new BlockDevice('proc', version.length, await open('/proc/version', 'r'), () => (said += 1));
    for (let time = 0; time < 2; time += 1) expect(await target.read(0, version.length)).toStrictEqual(version);
    await target.close();
    expect(said).toBe(1);
  });

  it('does not read through the page cache because of any other trouble', async () => {
    let reads = 0;
    let closed = 0;
    const handle = device({
      // None that is open.
      fd: 1_000_000,
      read: async () => ({ bytesRead: (reads += 1) }),
      close: async () => void (closed += 1),
    });
    const target = new BlockDevice('sdx', 4096, handle);
    await expect(target.read(0, 512)).rejects.toMatchObject({ code: 'TARGET_MISSING', kind: 'retryable' });
    await target.close();
    expect([reads, closed]).toStrictEqual([0, 1]);
  });

  it('says TARGET_FULL when there is no space left', async () => {
    const full = new BlockDevice('/dev/full', 4096, await open('/dev/full', 'r+'));
    await expect(full.write(0, Buffer.alloc(4096))).rejects.toMatchObject({ code: 'TARGET_FULL', kind: 'permanent' });
    await full.close();
  });

  for (const code of ['EIO', 'EROFS', 'ENODEV']) {
    it(`says TARGET_FAILED when writing gives ${code}`, async () => {
      const target = new BlockDevice('sdx', 4096, device({ write: () => Promise.reject(failure(code)) }));
      await expect(target.write(0, Buffer.alloc(512))).rejects.toMatchObject({
        code: 'TARGET_FAILED',
        kind: 'permanent',
      });
    });
  }

  it('goes on after a short write until all is written', async () => {
    const written: [number, number][] = [];
    const target = new BlockDevice(
      'sdx',
      4096,
      device({
        write: async (_bytes, _offset, length, position) => {
          written.push([position, length]);
          return { bytesWritten: Math.min(1000, length) };
        },
      }),
    );
    await target.write(0, Buffer.alloc(2500));
    expect(written).toStrictEqual([
      [0, 2500],
      [1000, 1500],
      [2000, 500],
    ]);
  });

  it('asks before every part of a write whether it may still write', async () => {
    let written = 0;
    const target = new BlockDevice(
      'sdx',
      4096,
      device({
        write: async (_bytes, _offset, length) => {
          written += 1;
          return { bytesWritten: Math.min(1000, length) };
        },
      }),
    );
    const lost = new Error('The lease is lost.');
    const mayWrite = (): void => {
      if (written === 2) throw lost;
    };
    await expect(target.write(0, Buffer.alloc(2500), undefined, mayWrite)).rejects.toBe(lost);
    expect(written).toBe(2);
  });

  it('does not go round for ever on a device that takes nothing', async () => {
    const target = new BlockDevice('sdx', 4096, device({ write: async () => ({ bytesWritten: 0 }) }));
    await expect(target.write(0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'TARGET_FAILED' });
  });

  it('stays unusable after a failed flush, even if the next one would succeed', async () => {
    let flushes = 0;
    const target = new BlockDevice(
      'sdx',
      4096,
      device({
        sync: async () => {
          flushes += 1;
          if (flushes === 1) throw failure('EIO');
        },
      }),
    );
    await target.write(0, Buffer.alloc(512));
    await expect(target.flush()).rejects.toMatchObject({ code: 'TARGET_FLUSH_FAILED', kind: 'permanent' });
    await expect(target.flush()).rejects.toMatchObject({ code: 'TARGET_FLUSH_FAILED' });
    await expect(target.write(0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'TARGET_FLUSH_FAILED' });
    expect(flushes).toBe(1);
  });
});

interface Behaviour {
  write?: (bytes: Uint8Array, offset: number, length: number, position: number) => Promise<{ bytesWritten: number }>;
  sync?: () => Promise<void>;
  fd?: number;
  read?: () => Promise<{ bytesRead: number }>;
  close?: () => Promise<void>;
}

/** A device that takes everything, but for what `behaviour` replaces. */
function device(behaviour: Behaviour): DeviceHandle {
  const handle = {
    write:
      behaviour.write ?? (async (_bytes: Uint8Array, _offset: number, length: number) => ({ bytesWritten: length })),
    fd: behaviour.fd ?? -1,
    read: behaviour.read ?? (async () => ({ bytesRead: 0 })),
    sync: behaviour.sync ?? (async () => undefined),
    close: behaviour.close ?? (async () => undefined),
  };
  return handle as unknown as DeviceHandle;
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
