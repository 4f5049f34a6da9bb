import { SparseImage, writeGpt, writeMbr } from '@landfall/testing';
import type { Fuzzed, Target } from '../target.js';
import { signGpt, signPhysicalVolume, textOf, withText } from './checksums.js';
import { diskOf, readDisks, recorded, writtenOf, type Written } from './disk-scene.js';
import * as hostile from './disks-hostile.js';

const MIB = 1024 * 1024;
const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';
const FILE_SYSTEMS = ['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'fat12', 'fat16', 'fat32', 'ntfs', 'swap'];
const CONTAINERS = ['luks1', 'luks2', 'squashfs', 'iso9660'];

/** Disks that are changed anywhere in what is written on them. */
function disks(images: readonly SparseImage[], finish: (disk: SparseImage) => SparseImage = (disk) => disk): Fuzzed {
  const written: Written[] = images.map(writtenOf);
  return {
    kind: 'bytes',
    inputs: written.map(({ bytes }) => bytes),
    refusals: [],
    read: (input, origin) => readDisks(finish(diskOf(written[origin]!, input))),
  };
}

const partitionTables = (): Fuzzed =>
  disks([
    recorded('mbr-logical'),
    recorded('mbr-empty'),
    recorded('gpt'),
    writeMbr(new SparseImage(64 * MIB), [
      { type: 0x83, firstSector: 2_048, sectors: 40_960, active: true },
      { type: 0x82, firstSector: 43_008, sectors: 8_192 },
      { type: 0x07, firstSector: 51_200, sectors: 79_872 },
    ]),
    writeGpt(new SparseImage(64 * MIB), [{ type: LINUX, firstSector: 256, lastSector: 8_191, name: 'root' }], {
      sectorBytes: 4_096,
    }),
  ]);

/** With checksums that fit what was changed, or nothing behind them would be read. */
const signedGpt = (): Fuzzed => {
  const made = writeGpt(
    new SparseImage(64 * MIB),
    Array.from({ length: 6 }, (_, index) => ({
      type: LINUX,
      firstSector: 2_048 * (index + 1),
      lastSector: 2_048 * (index + 2) - 1,
      name: `part ${index}`,
    })),
  );
  return disks([made, recorded('gpt')], signGpt);
};

const physicalVolumes = (): Fuzzed => {
  const written = [recorded('pv1'), recorded('pv2')].map(writtenOf);
  const read: Fuzzed['read'] = (input, origin) => {
    const changed = signPhysicalVolume(diskOf(written[origin]!, input));
    const other = written[1 - origin]!;
    return readDisks(changed, diskOf(other, other.bytes));
  };
  return { kind: 'bytes', inputs: written.map(({ bytes }) => bytes), refusals: [], read };
};

/** The text in which LVM describes a group, with checksums that fit. */
const lvmMetadata = (): Fuzzed => {
  const [first, second] = [recorded('pv1'), recorded('pv2')];
  return {
    kind: 'text',
    inputs: [textOf(first)],
    hostile: hostile.LVM_TEXTS,
    refusals: [],
    read: (input) => readDisks(withText(first, input), second),
  };
};

export const DISK_TARGETS: readonly Target[] = [
  { name: 'partition-tables', share: 8, make: partitionTables },
  { name: 'signed-gpt', share: 6, make: signedGpt },
  { name: 'physical-volumes', share: 3, make: physicalVolumes },
  { name: 'lvm-metadata', share: 8, make: lvmMetadata },
  { name: 'file-systems', share: 7, make: () => disks([...FILE_SYSTEMS, ...CONTAINERS].map(recorded)) },
  { name: 'machine', share: 2, make: () => disks([recorded('uefi-machine')]) },
];
