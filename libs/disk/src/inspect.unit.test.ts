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
          partitions: [
            {
              number: 1,
              type: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
              name: null,
              startByte: MIB,
              sizeBytes: 34 * MIB,
              content: esp,
            },
            {
              number: 2,
              type: LINUX,
              name: null,
              startByte: 35 * MIB,
              sizeBytes: seen.disks[0]?.partitions[1]?.sizeBytes,
              content: root,
            },
          ],
        },
      ],
      volumeGroups: [],
      os: { family: 'linux', name: 'Sample Linux 12 (tester)' },
      firmware: 'uefi',
      boots: ['uefi'],
      bootEvidence: [{ firmware: 'uefi', disk: 'sda', evidence: 'partition 1 holds EFI/BOOT/BOOTX64.EFI' }],
      problems: [],
    });
  });

  it('of a bare file system finds it over the whole disk, and nothing that boots', async () => {
    for (const name of ['ext4', 'xfs', 'ntfs', 'fat32', 'swap', 'luks2']) {
      const seen = await look(recorded(name).image());
      assert.equal(seen.disks[0]?.table, null, name);
      expect(seen.disks[0]?.content).toStrictEqual(recorded(name).facts.blkid);
      assert.deepEqual([seen.firmware, seen.boots, seen.os, seen.problems], [null, [], null, []], name);
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

  it('says that a container format is not a disk', async () => {
    const seen = await look(new SparseImage(MIB).write(0, Buffer.from('QFI\xfb\0\0\0\x03', 'latin1')));
    expect(seen.problems[0]?.code).toBe('NOT_RAW');
    expect(seen.problems[0]!.message).toMatch(/qcow2/);
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
