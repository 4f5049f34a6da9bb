import type { Architecture, DiskFinding, Firmware, OperatingSystem, Problem } from '@landfall/domain';

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
  /** Of that; null where there is a table. */
  readonly state: ContentState | null;
  readonly partitions: readonly InspectedPartition[];
}

export interface InspectedPartition {
  /** As the kernel numbers it: the place in the GPT, 1–4 for primary and from 5 for logical partitions. */
  readonly number: number;
  /** As `sfdisk` prints it: a GUID in capitals (GPT) or hexadecimal digits without a zero in front (MBR). */
  readonly type: string;
  /** What that type is called; null where nobody has given it a name. */
  readonly typeName: string | null;
  /** GPT only. */
  readonly name: string | null;
  readonly startByte: number;
  readonly sizeBytes: number;
  readonly content: Content | null;
  /** What a RAID member holds whose data begin where it begins, as firmware sees it, too; null for all others. */
  readonly inner: Content | null;
  readonly state: ContentState;
}

/**
 * What could be seen of a region: `known`; `empty`, as far as was looked; `closed`: what holds it is known, and it can't be
 * looked into (encrypted, or spread by something that is not understood here); `unknown`: there is something, and nobody
 * knows what.
 */
export type ContentState = 'known' | 'empty' | 'closed' | 'unknown';

/** In the words of `blkid`; `LDM` and `StorageSpaces`, for which it has none, are what their makers call them. */
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
  /** Looked for in linear volumes only; the others are `closed`. */
  readonly content: Content | null;
  readonly state: ContentState;
}

export interface BootEvidence {
  readonly firmware: Firmware;
  /** The disk's path. */
  readonly disk: string;
  /** Such as `partition 1 holds EFI/BOOT/BOOTX64.EFI`. */
  readonly evidence: string;
  /** For which of Azure's processors the loaders are; null where they don't tell, or are for both or neither. */
  readonly architecture: Architecture | null;
}

/** Something that is odd or could not be made out; the rest of the inspection is right all the same. */
export interface InspectionProblem extends Problem {
  readonly code: DiskFinding;
}
