import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError, PermanentError } from '@landfall/domain';
import { readRecordedImages, SparseImage, writeGpt, writeMbr } from '@landfall/testing';
import fc from 'fast-check';
import { inspect } from './inspect.js';
import { inspectPaths } from './inspect-paths.js';
import type { Content } from './inspection.js';

const images = readRecordedImages<{ esp?: Content; root?: Content; blkid?: Content }>(
  new URL('../fixtures/images.json', import.meta.url),
);
const MIB = 1024 * 1024;
const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';
const BIOS_BOOT = '21686148-6449-6E6F-744E-656564454649';
const recorded = (name: string) => images.get(name)!;
const look = (image: SparseImage) => inspect([{ path: 'sda', reader: image }]);

/** Copies a recorded image into a disk. */
function put(disk: SparseImage, at: number, name: string): SparseImage {
  const source = recorded(name).image();
  for (const sector of source.written) disk.write(at + sector * 512, source.peek(sector * 512, 512));
  return disk;
}

describe('an inspection', () => {
  it('of an ESP whose directories all hold each other ends soon', async () => {
    const image = recorded('uefi-machine').image();
    const boot = image.peek(MIB, 512);
    const fat = MIB + boot.readUInt16LE(14) * 512;
    const rootDirectory = fat + boot.readUInt8(16) * boot.readUInt16LE(22) * 512;
    const clusterBytes = boot.readUInt8(13) * 512;
    const cluster = image.peek(rootDirectory, 8 * 32);
    const entry = cluster.subarray(cluster.indexOf('EFI     '));
    const number = entry.readUInt16LE(26);
    const itself = Buffer.alloc(32);
    itself.write('BOOT       ', 'latin1');
    itself.writeUInt8(0x10, 11);
    itself.writeUInt16LE(number, 26);
    const contents = Buffer.alloc(clusterBytes, itself);
    image.write(rootDirectory + boot.readUInt16LE(17) * 32 + (number - 2) * clusterBytes, contents);
    const next = Buffer.alloc(2);
    next.writeUInt16LE(number);
    image.write(fat + 2 * number, next);
    const before = process.cpuUsage().user;
    expect((await look(image)).boots).toStrictEqual([]);
    expect(process.cpuUsage().user - before).toBeLessThan(2_000_000);
  });

  it('of a machine that boots with UEFI tells its partitions, its system and its firmware', async () => {
    const { esp, root } = recorded('uefi-machine').facts;
    const seen = await look(recorded('uefi-machine').image());
    expect(seen).toStrictEqual({
      disks: [
        {
          path: 'sda',
          sizeBytes: 80 * MIB,
          sectorBytes: 512,
          table: 'gpt',
          content: null,
          state: null,
          partitions: [
            {
              number: 1,
              type: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
              typeName: 'EFI system',
              name: null,
              startByte: MIB,
              sizeBytes: 34 * MIB,
              content: esp,
              inner: null,
              state: 'known',
            },
            {
              number: 2,
              type: LINUX,
              typeName: 'Linux',
              name: null,
              startByte: 35 * MIB,
              sizeBytes: seen.disks[0]?.partitions[1]?.sizeBytes,
              content: root,
              inner: null,
              state: 'known',
            },
          ],
        },
      ],
      volumeGroups: [],
      os: { family: 'linux', name: 'Sample Linux 12 (tester)' },
      firmware: 'uefi',
      boots: ['uefi'],
      bootEvidence: [
        { firmware: 'uefi', disk: 'sda', evidence: 'partition 1 holds EFI/BOOT/BOOTX64.EFI', architecture: 'x64' },
      ],
      problems: [],
    });
  });

  it('of a bare file system finds it over the whole disk, and nothing that boots', async () => {
    for (const name of ['ext4', 'xfs', 'ntfs', 'fat32', 'swap', 'luks2']) {
      const seen = await look(recorded(name).image());
      assert.equal(seen.disks[0]?.table, null, name);
      expect(seen.disks[0]?.content).toStrictEqual(recorded(name).facts.blkid);
      const codes = seen.problems.map(({ code }) => code);
      assert.deepEqual([seen.firmware, seen.boots, seen.os], [null, [], null], name);
      expect(codes).toStrictEqual(name === 'luks2' ? ['ENCRYPTION'] : []);
    }
  });

  it('of an empty image and of one without bytes ends as well', async () => {
    expect((await look(new SparseImage(MIB))).disks[0]?.content).toBe(null);
    const none = await look(new SparseImage(0));
    expect(none.problems[0]?.code).toBe('DISK_EMPTY');
  });

  it('puts the volume groups of several disks together, and finds the system in them', async () => {
    const seen = await inspect([
      { path: 'sda', reader: recorded('pv1').image() },
      { path: 'sdb', reader: recorded('pv2').image() },
    ]);
    expect(seen.volumeGroups.map((group) => group.physicalVolumes.map((volume) => volume.disk))).toStrictEqual([
      ['sda', 'sdb'],
    ]);
    expect(seen.os?.name).toBe('Sample Linux 12 (tester)');
  });

  it('says of a file in another format which one it is, whatever it is called', async () => {
    const footer = Buffer.alloc(512);
    footer.write('conectix');
    footer.writeUInt32BE(2, 60);
    for (const [format, at, bytes] of [
      ['qcow2', 0, Buffer.from('QFI\xfb\0\0\0\x03', 'latin1')],
      ['VMDK', 0, Buffer.from('KDMV')],
      ['VHDX', 0, Buffer.from('vhdxfile')],
      ['dynamic VHD', 0, Buffer.from('conectix')],
      ['fixed VHD', MIB - 512, footer],
      ['VDI', 0x40, Buffer.from([0x7f, 0x10, 0xda, 0xbe])],
      ['gzip', 0, Buffer.from([0x1f, 0x8b, 8])],
      ['zstd', 0, Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
    ] as const) {
      const seen = await look(new SparseImage(MIB).write(at, bytes));
      expect(seen.problems).toMatchObject([
        { severity: 'error', code: 'NOT_RAW', message: expect.stringContaining(` ${format} `) },
      ]);
    }
    const booting = new SparseImage(MIB).write(0, Buffer.from([0x1f, 0x8b, 8])).write(510, Buffer.from([0x55, 0xaa]));
    expect((await look(booting)).problems).toStrictEqual([]);
  });

  it('tells apart what is empty, what can not be looked into and what nobody knows', async () => {
    const disk = writeMbr(new SparseImage(200 * MIB), [
      { type: 0x83, firstSector: 2048, sectors: 40_960 },
      { type: 0x83, firstSector: 45_056, sectors: 40_960 },
      { type: 0x83, firstSector: 90_112, sectors: 40_960 },
      { type: 0x83, firstSector: 135_168, sectors: 40_960 },
    ]);
    put(disk, 45_056 * 512, 'luks2');
    disk.write(90_112 * 512, Buffer.from('nobody knows'));
    disk.write((135_168 + 40_960) * 512 - 700, Buffer.from('at the end alone'));
    const [{ partitions } = { partitions: [] }] = (await look(disk)).disks;
    expect(partitions.map(({ state, typeName }) => [state, typeName])).toStrictEqual(
      ['empty', 'closed', 'unknown', 'unknown'].map((state) => [state, 'Linux']),
    );
    expect((await look(new SparseImage(MIB))).disks[0]).toMatchObject({ content: null, state: 'empty' });
  });

  it('says that a table counts in sectors of 4,096 bytes', async () => {
    const partitions = [{ type: LINUX, firstSector: 256, lastSector: 511 }];
    const seen = await look(writeGpt(new SparseImage(16 * MIB), partitions, { sectorBytes: 4096 }));
    expect(seen.disks[0]).toMatchObject({ sectorBytes: 4096, partitions: [{ startByte: MIB }] });
    expect(seen.problems).toMatchObject([{ severity: 'error', code: 'SECTOR_SIZE' }]);
  });

  it('says that the second copy of a GPT is not there, and that the image may be cut short', async () => {
    const partitions = [{ type: LINUX, firstSector: 2048, lastSector: 4095 }];
    const whole = writeGpt(new SparseImage(16 * MIB), partitions);
    expect((await look(whole)).problems).toStrictEqual([]);
    const [gone] = (await look(whole.copy().write(16 * MIB - 512, Buffer.alloc(512)))).problems;
    expect(gone).toMatchObject({ code: 'TABLE_DAMAGED', message: expect.stringMatching(/missing or damaged\./) });
    const [cut] = (await look(whole.copy(8 * MIB))).problems;
    expect(cut).toMatchObject({ code: 'TABLE_DAMAGED', message: expect.stringMatching(/may be cut short/) });
  });

  it('says that a part of a btrfs is missing, and nothing once it is there', async () => {
    const at = 64 * 1024;
    const part = (device: number): SparseImage => {
      const [number, count] = [Buffer.alloc(8), Buffer.alloc(8)];
      number.writeBigUInt64LE(BigInt(device));
      count.writeBigUInt64LE(2n);
      return recorded('btrfs')
        .image()
        .write(at + 0xc9, number)
        .write(at + 0x88, count);
    };
    const codes = async (...parts: SparseImage[]) =>
      (await inspect(parts.map((reader, index) => ({ path: `sd${index}`, reader })))).problems.map(({ code }) => code);
    expect(await codes(part(2))).toStrictEqual(['VOLUME_INCOMPLETE']);
    expect(await codes(part(1), part(2))).toStrictEqual([]);
  });

  it('knows the volumes of Windows that it can not look into', async () => {
    const gpt = (type: string): SparseImage =>
      writeGpt(new SparseImage(16 * MIB), [{ type, firstSector: 2048, lastSector: 16_383 }]);
    const bitLocker = gpt('EBD0A0A2-B9E5-4433-87C0-68B6B72699C7').write(MIB + 3, Buffer.from('-FVE-FS-'));
    const dynamic = put(
      writeMbr(new SparseImage(64 * MIB), [{ type: 0x42, firstSector: 2048, sectors: 65_536 }]),
      MIB,
      'ntfs',
    );
    for (const [image, type, code] of [
      [bitLocker, 'BitLocker', 'ENCRYPTION'],
      [dynamic, 'LDM', 'NOT_LOOKED_INTO'],
      [gpt('AF9B60A0-1431-4F62-BC68-3311714A69AD'), 'LDM', 'NOT_LOOKED_INTO'],
      [gpt('E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D'), 'StorageSpaces', 'NOT_LOOKED_INTO'],
    ] as const) {
      const seen = await look(image);
      expect(seen.disks[0]!.partitions[0]).toMatchObject({ content: { type }, state: 'closed' });
      expect(seen.problems.map((problem) => problem.code)).toStrictEqual([code]);
    }
  });

  it('does not hide an error of the reader', async () => {
    const image = recorded('ext4').image();
    image.failure = new PermanentError({ code: 'PACK_MISSING', message: 'A pack is missing.', fix: 'Repair it.' });
    await expect(look(image)).rejects.toMatchObject({ code: 'PACK_MISSING' });
  });

  it('ends with an answer in JSON, whatever the bytes are', async () => {
    const all = [...images.values()];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...all), fc.infiniteStream(fc.nat()), fc.nat(40), async (one, chance, count) => {
        const image = one.image();
        const { written } = image;
        for (let change = 0; change < count; change += 1) {
          const sector = written[chance.next().value % written.length]!;
          image.write(sector * 512 + (chance.next().value % 512), Buffer.from([chance.next().value & 255]));
        }
        const seen = await look(image);
        expect(JSON.parse(JSON.stringify(seen)).disks.length).toBe(1);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what boots', () => {
  const CODE = '\xeb\x63\x90 boot code';
  const GRUB_CODE = '\xeb\x63\x90 \0GRUB \0Geom\0';
  const boots = async (image: SparseImage) => (await look(image)).boots;
  const linux = { type: 0x83, firstSector: 2048, sectors: 8192 };

  it('is BIOS for boot code with an active partition, or of GRUB', async () => {
    const disk = (): SparseImage => new SparseImage(16 * MIB);
    expect(await boots(writeMbr(disk(), [{ ...linux, active: true }], CODE))).toStrictEqual(['bios']);
    expect(await boots(writeMbr(disk(), [linux], GRUB_CODE))).toStrictEqual(['bios']);
  });

  it('is nothing for boot code alone, an active partition alone, and a bare table', async () => {
    const disk = (): SparseImage => new SparseImage(16 * MIB);
    expect(await boots(writeMbr(disk(), [linux], CODE))).toStrictEqual([]);
    expect(await boots(writeMbr(disk(), [{ ...linux, active: true }]))).toStrictEqual([]);
    expect(await boots(recorded('gpt').image())).toStrictEqual([]);
  });

  const biosBoot = [{ type: BIOS_BOOT, firstSector: 2048, lastSector: 4095 }];

  it('is BIOS for a GPT with a BIOS boot partition that holds something', async () => {
    const empty = writeGpt(new SparseImage(16 * MIB), biosBoot, { bootCode: CODE });
    expect(await boots(empty)).toStrictEqual([]);
    expect(await boots(empty.copy().write(MIB, Buffer.from('core')))).toStrictEqual(['bios']);
  });

  it('is BIOS for a GPT with a partition flagged for legacy boot', async () => {
    const flagged = [{ type: LINUX, firstSector: 2048, lastSector: 4095, attributes: 4 }];
    expect(await boots(writeGpt(new SparseImage(16 * MIB), flagged, { bootCode: CODE }))).toStrictEqual(['bios']);
  });

  it('is both for a hybrid disk, and then the firmware is not known', async () => {
    const hybrid = recorded('uefi-machine').image().write(0, Buffer.from(GRUB_CODE, 'latin1'));
    const seen = await look(hybrid);
    expect(seen.boots).toStrictEqual(['bios', 'uefi']);
    expect(seen.firmware).toBe(null);
    expect(seen.bootEvidence.length).toBe(2);
  });

  it('is UEFI for an EFI system partition in an MBR as well, and not for one without a loader', async () => {
    const espBytes = 34 * MIB;
    const mbr = writeMbr(new SparseImage(40 * MIB), [{ type: 0xef, firstSector: 2048, sectors: espBytes / 512 }]);
    const machine = recorded('uefi-machine').image();
    const full = mbr.copy();
    for (const sector of machine.written) {
      const offset = sector * 512;
      if (offset >= MIB && offset < MIB + espBytes) full.write(offset, machine.peek(offset, 512));
    }
    expect(await boots(full)).toStrictEqual(['uefi']);
    expect(await boots(put(mbr.copy(), MIB, 'fat16'))).toStrictEqual([]);
  });

  it('is UEFI where firmware finds the loader without being told of an EFI system partition', async () => {
    const image = recorded('uefi-machine').image();
    const machine = writeMbr(new SparseImage(40 * MIB), [{ type: 0xc, firstSector: 2048, sectors: 34 * 2048 }]);
    for (const sector of image.written) {
      const offset = sector * 512;
      if (offset >= MIB && offset < 35 * MIB) machine.write(offset, image.peek(offset, 512));
    }
    expect(await boots(machine)).toStrictEqual(['uefi']);
    renameInDirectories(machine, 'BOOTX64 EFI', 'OTHER   EFI');
    expect(await boots(machine)).toStrictEqual([]);
  });

  it('is UEFI from a mirrored EFI system partition, of which firmware sees one half', async () => {
    const image = recorded('uefi-machine').image();
    const superblock = Buffer.alloc(512);
    superblock.writeUInt32LE(0xa92b4efc, 0);
    superblock.writeUInt32LE(1, 4);
    superblock.write('00112233445566778899aabbccddeeff', 16, 'hex');
    superblock.writeInt32LE(1, 72);
    superblock.writeUInt32LE(2, 92);
    image.write(35 * MIB - 16 * 512, superblock);
    const seen = await look(image);
    expect(seen.disks[0]!.partitions[0]).toMatchObject({
      content: { type: 'linux_raid_member', version: '1.0' },
      inner: { type: 'vfat' },
      state: 'known',
    });
    expect(seen.boots).toStrictEqual(['uefi']);
    expect(seen.problems).toStrictEqual([]);
  });

  it('is UEFI of other processors where there are loaders for those alone', async () => {
    const image = recorded('uefi-machine').image();
    renameInDirectories(image, 'BOOTX64 EFI', 'BOOTAA64EFI');
    renameInDirectories(image, 'GRUBX64 EFI', 'GRUBAA64EFI');
    const seen = await look(image);
    expect(seen.boots).toStrictEqual(['uefi']);
    expect(seen.bootEvidence.map(({ architecture }) => architecture)).toStrictEqual(['Arm64']);
    expect(seen.problems).toMatchObject([
      { severity: 'warning', code: 'ARCHITECTURE', message: expect.stringMatching(/Arm64/) },
    ]);
  });

  it('is none of Azure where there are loaders for processors that it does not have', async () => {
    const image = recorded('uefi-machine').image();
    renameInDirectories(image, 'BOOTX64 EFI', 'BOOTARM EFI');
    renameInDirectories(image, 'GRUBX64 EFI', 'GRUBARM EFI');
    const seen = await look(image);
    expect(seen.bootEvidence.map(({ architecture }) => architecture)).toStrictEqual([null]);
    expect(seen.problems).toMatchObject([{ severity: 'error', code: 'ARCHITECTURE' }]);
  });

  it('is worth a word where only the firmware of the old machine knew the loader', async () => {
    const image = recorded('uefi-machine').image();
    renameInDirectories(image, 'BOOTX64 EFI', 'OTHER   EFI');
    const seen = await look(image);
    expect(seen.boots).toStrictEqual(['uefi']);
    expect(seen.problems.map((problem) => problem.code)).toStrictEqual(['NO_FALLBACK_LOADER']);
  });

  /** Changes a short name wherever a directory has it. */
  function renameInDirectories(image: SparseImage, from: string, to: string): void {
    for (const sector of image.written) {
      const bytes = image.peek(sector * 512, 512);
      const at = bytes.indexOf(from, 0, 'latin1');
      if (at !== -1) image.write(sector * 512 + at, Buffer.from(to, 'latin1'));
    }
  }
});

describe('the system', () => {
  const windowsMbr = (): SparseImage => {
    const disk = writeMbr(
      new SparseImage(64 * MIB),
      [{ type: 7, firstSector: 2048, sectors: 65_536, active: true }],
      'code',
    );
    return put(disk, MIB, 'ntfs');
  };

  it('is Windows where its boot code is on an NTFS volume of a disk that boots', async () => {
    const disk = windowsMbr().write(MIB + 512, Buffer.from('BOOTMGR', 'utf16le'));
    expect((await look(disk)).os).toStrictEqual({ family: 'windows' });
    expect((await look(windowsMbr())).os).toBe(null);
  });

  it('is Linux where a loader stands beside a Linux file system that can not be looked into', async () => {
    const disk = writeMbr(new SparseImage(400 * MIB), [{ type: 0x83, firstSector: 2048, sectors: 655_360 }], 'x GRUB ');
    expect((await look(put(disk, MIB, 'xfs'))).os).toStrictEqual({ family: 'linux' });
  });

  it('has a name without control characters, and not a longer one than fits on a line', async () => {
    const image = recorded('uefi-machine').image();
    for (const sector of image.written) {
      const bytes = image.peek(sector * 512, 512);
      const at = bytes.indexOf('Sample Linux 12');
      if (at !== -1) image.write(sector * 512 + at, Buffer.from('Samp\x1be Linux 12'));
    }
    expect((await look(image)).os?.name).toBe('Sampe Linux 12 (tester)');
  });
});

describe('an inspection of paths', () => {
  it('reads files, and names the ones that it can not read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'landfall-inspect-'));
    try {
      const path = join(folder, 'disk.raw');
      const image = recorded('ext2').image();
      await writeFile(path, image.peek(0, 2 * MIB));
      expect((await inspectPaths([path])).disks[0]?.content?.type).toBe('ext2');
      for (const [bad, said] of [
        [join(folder, 'nosuch.raw'), /nosuch\.raw does not exist/],
        [folder, /neither a file nor a block device/],
        ['/dev/null', /neither a file nor a block device/],
      ] as const) {
        await assert.rejects(inspectPaths([path, bad]), (error: unknown) => {
          assert.ok(error instanceof BadInputError);
          expect(error.code).toBe('PATH_UNREADABLE');
          expect(error.message).toMatch(said);
          return true;
        });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
