import type { Firmware, OperatingSystem } from '@landfall/domain';

/*
 * What can be seen of a machine by looking into its disks. Shown as it is (`landfall inspect --json`), so a new field is
 * a change of the contract.
 */
export interface Inspection {
  readonly disks: readonly InspectedDisk[];
  readonly volumeGroups: readonly VolumeGroup[];
  /** Null when nothing tells it. */
  readonly os: OperatingSystem | null;
  /** The one firmware with which something boots; null when nothing does, and when both do. */
  readonly firmware: Firmware | null;
  /** Every firmware with which something on the disks boots. */
  readonly boots: readonly Firmware[];
  /** What `boots` rests on. */
  readonly bootEvidence: readonly BootEvidence[];
  readonly problems: readonly InspectionProblem[];
}

export interface InspectedDisk {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sectorBytes: number;
  readonly table: 'gpt' | 'mbr' | null;
  /** What the whole disk holds where it has no partition table. */
  readonly content: Content | null;
  readonly partitions: readonly InspectedPartition[];
}

export interface InspectedPartition {
  /** As the kernel numbers it: the place in the GPT, 1–4 for primary and from 5 for logical partitions. */
  readonly number: number;
  /** As `sfdisk` prints it: a GUID in capitals (GPT) or hexadecimal digits without a zero in front (MBR). */
  readonly type: string;
  /** GPT only. */
  readonly name: string | null;
  readonly startByte: number;
  readonly sizeBytes: number;
  readonly content: Content | null;
}

/** All in the words of `blkid`. */
export interface Content {
  /** Such as `ext4`, `vfat`, `LVM2_member`. */
  readonly type: string;
  readonly version: string | null;
  readonly label: string | null;
  readonly uuid: string | null;
}

export interface VolumeGroup {
  readonly name: string;
  readonly uuid: string;
  /** Of its logical volumes' extents and the free ones. */
  readonly sizeBytes: number;
  readonly physicalVolumes: readonly PhysicalVolume[];
  readonly logicalVolumes: readonly LogicalVolume[];
}

export interface PhysicalVolume {
  readonly uuid: string;
  /** The path of the disk that it is on; null when it is on none of them. */
  readonly disk: string | null;
  /** Null when it is the whole disk, or missing. */
  readonly partition: number | null;
  readonly sizeBytes: number;
}

export interface LogicalVolume {
  readonly name: string;
  readonly uuid: string;
  readonly sizeBytes: number;
  /** `linear`, or the type that LVM gives its segments, such as `striped`, `raid1`, `thin`; several joined by a comma. */
  readonly layout: string;
  /** Looked for in linear volumes only. */
  readonly content: Content | null;
}

export interface BootEvidence {
  readonly firmware: Firmware;
  /** The disk's path. */
  readonly disk: string;
  /** Such as `partition 1 holds EFI/BOOT/BOOTX64.EFI`. */
  readonly evidence: string;
}

export const INSPECTION_PROBLEM_CODES = [
  'DISK_EMPTY',
  'NOT_RAW',
  'TABLE_DAMAGED',
  'PARTITION_REFUSED',
  'LVM_DAMAGED',
  'LVM_INCOMPLETE',
  'FILE_SYSTEM_DAMAGED',
  'NO_FALLBACK_LOADER',
] as const;

/** Something that is odd or could not be made out; the rest of the inspection is right all the same. */
export interface InspectionProblem {
  readonly severity: 'warning';
  readonly code: (typeof INSPECTION_PROBLEM_CODES)[number];
  readonly message: string;
  readonly fix: string;
}
