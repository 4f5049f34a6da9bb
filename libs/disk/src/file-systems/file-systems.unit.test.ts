import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { readRecordedImages, type SparseImage } from '@landfall/testing';
import fc from 'fast-check';
import { readHead, WindowReader } from '../readers.js';
import { ExtUnreadable } from './ext-layout.js';
import { ExtFileSystem } from './ext.js';
import { FatFileSystem, readFatGeometry } from './fat.js';

const images = readRecordedImages<object>(new URL('../../fixtures/images.json', import.meta.url));
const MIB = 1024 * 1024;
const machine = (): SparseImage => images.get('uefi-machine')!.image();
/** Where its partitions were put. */
const esp = (image: SparseImage) => new WindowReader(image, MIB, 34 * MIB);
const root = (image: SparseImage) => new WindowReader(image, 35 * MIB, 44 * MIB);

async function openFat(image: SparseImage): Promise<FatFileSystem> {
  const geometry = readFatGeometry(await readHead(esp(image), 512), esp(image).sizeBytes);
  assert.ok(geometry !== null);
  return new FatFileSystem(esp(image), geometry);
}

describe('a FAT file system', () => {
  it('lists directories below directories, names of any case and length', async () => {
    const fat = await openFat(machine());
    const names = async (...path: string[]) => (await fat.directory(...path))?.map((entry) => entry.name);
    expect(await names('EFI')).toStrictEqual(['BOOT', 'debian']);
    expect(await names('efi', 'boot')).toStrictEqual(['BOOTX64.EFI']);
    expect(await names('EFI', 'Debian')).toStrictEqual(['shimx64-with-a-long-name.efi']);
    expect(await names('EFI', 'nosuch')).toBe(undefined);
  });

  it('lists a directory once whose clusters lead back to themselves', async () => {
    const image = machine();
    const head = await readHead(esp(image), 512);
    const [efi] = (await (await openFat(image)).directory()) ?? [];
    expect(efi?.name).toBe('EFI');
    const itself = Buffer.alloc(2);
    itself.writeUInt16LE(efi!.firstCluster);
    image.write(MIB + readFatGeometry(head, esp(image).sizeBytes)!.fatByte + 2 * efi!.firstCluster, itself);
    expect((await (await openFat(image)).directory('EFI'))?.length).toBe(2);
  });

  it('tells sizes', async () => {
    const [loader] = (await (await openFat(machine())).directory('EFI', 'BOOT')) ?? [];
    expect(loader?.sizeBytes).toBe('MZ loader'.length);
    expect(loader!.directory).toBe(false);
  });

  it('ends with an answer whatever is damaged', async () => {
    const damage = fc.array(fc.tuple(fc.nat(200_000), fc.uint8Array({ minLength: 1, maxLength: 4 })), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const image = machine();
        for (const [offset, bytes] of changes) image.write(MIB + offset, bytes);
        const geometry = readFatGeometry(await readHead(esp(image), 512), esp(image).sizeBytes);
        if (geometry === null) return;
        const fat = new FatFileSystem(esp(image), geometry);
        await fat.volumeLabel();
        await fat.directory('EFI', 'BOOT');
      }),
      { numRuns: 200 },
    );
  });
});

describe('an ext4 file system', () => {
  it('gives files, through symbolic links as well', async () => {
    const ext = await ExtFileSystem.open(root(machine()));
    const direct = await ext.readFile('/usr/lib/os-release');
    expect(direct!.toString()).toMatch(/^PRETTY_NAME="Sample Linux 12 \(tester\)"\n/);
    expect(await ext.readFile('/etc/os-release')).toStrictEqual(direct);
    expect(await ext.readFile('etc/../etc/./os-release')).toStrictEqual(direct);
  });

  it('has no file behind a symbolic link that leads to itself', async () => {
    const image = machine();
    const target = '../usr/lib/os-release';
    for (const sector of image.written) {
      const at = image.peek(sector * 512, 512).indexOf(target);
      if (at !== -1) image.write(sector * 512 + at, Buffer.from('./././././/os-release'));
    }
    const ext = await ExtFileSystem.open(root(image));
    expect(await ext.readFile('/etc/os-release')).toBe(null);
    expect(await ext.readFile('/usr/lib/os-release')).not.toBe(null);
  });

  it('is refused where symbolic links lead through large directories again and again', async () => {
    const image = machine();
    for (const sector of image.written) {
      const at = image.peek(sector * 512, 512).indexOf('../usr/lib/os-release');
      if (at !== -1) image.write(sector * 512 + at, Buffer.from('///////etc/os-release'));
    }
    const superblock = image.peek(35 * MIB + 1024, 1024);
    const blockBytes = 1024 << superblock.readUInt32LE(0x18);
    const descriptor = image.peek(35 * MIB + Math.max(2048, blockBytes), 32);
    const inodeTable = 35 * MIB + descriptor.readUInt32LE(8) * blockBytes;
    const fourMib = Buffer.alloc(4);
    fourMib.writeUInt32LE(4 * MIB);
    // Inode 2 is the topmost directory.
    image.write(inodeTable + superblock.readUInt16LE(0x58) + 4, fourMib);
    const ext = await ExtFileSystem.open(root(image));
    await expect(ext.readFile('/etc/os-release')).rejects.toThrow(/lead too far/);
  });

  it('has no file where there is none, or a directory', async () => {
    const ext = await ExtFileSystem.open(root(machine()));
    for (const path of ['/nosuch', '/etc/nosuch', '/etc', '/', '/etc/os-release/below']) {
      assert.equal(await ext.readFile(path), null, path);
    }
  });

  it('is read or refused as what it is, whatever is damaged', async () => {
    const written = machine().written.filter((sector) => sector >= (35 * MIB) / 512);
    const damage = fc.array(
      fc.tuple(fc.constantFrom(...written), fc.nat(511), fc.uint8Array({ minLength: 1, maxLength: 4 })),
      { minLength: 1, maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const image = machine();
        for (const [sector, at, bytes] of changes) image.write(sector * 512 + at, bytes);
        image.bytesRead = 0;
        try {
          await (await ExtFileSystem.open(root(image))).readFile('/etc/os-release');
        } catch (error) {
          assert.ok(error instanceof ExtUnreadable, String(error));
        }
        assert.ok(image.bytesRead < 64 * MIB, `${image.bytesRead} bytes were read`);
      }),
      { numRuns: 300 },
    );
  });
});
