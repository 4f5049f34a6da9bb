import { PermanentError } from './errors.js';

/*
 * What a damaged backup means to whoever needs it: which ranges of a disk can't be had, and what lies there.
 */
export const DAMAGE_CODES = ['BLOB_CORRUPT', 'PACK_MISSING', 'FILE_TRUNCATED', 'REPOSITORY_DAMAGED'] as const;

/** Whether a part of a backup is gone for good: the rest of it can be read all the same. */
export function isDamage(code: string): boolean {
  return DAMAGE_CODES.some((one) => one === code);
}

/** The error of a reader at the bytes that were asked for, and not of the reader itself. */
export function isDamageError(error: unknown): error is PermanentError {
  return error instanceof PermanentError && isDamage(error.code);
}

/**
 * What a range of a disk can hold. `unpartitioned`: between the partitions; `structures`: the file system's own, such as
 * its lists of files and its journal; `free`: nobody's; `volume-group`: LVM's own, and extents of no volume that is read.
 */
export const RANGE_HOLDS = [
  'partition-table',
  'unpartitioned',
  'structures',
  'files',
  'free',
  'volume-group',
  'swap',
  'unknown',
] as const;

export type RangeHolds = (typeof RANGE_HOLDS)[number];

/**
 * Why not all files of a part could be named. `not-read`: this file system, or one with these features, is not read here;
 * `closed`: it is encrypted, or spread over others; `unknown`: nothing known lies there; `damaged`: what would tell is damaged
 * as well; `too-much`: it would have taken more reads than are given to it.
 */
export const NOT_NAMED = ['not-read', 'closed', 'unknown', 'damaged', 'too-much'] as const;

export type NotNamed = (typeof NOT_NAMED)[number];

/** Of a disk, in bytes. */
export interface RangeContents {
  readonly offset: number;
  readonly length: number;
  /** Ascending; by partition and volume. */
  readonly parts: readonly RangePart[];
  /** Parts behind those that are listed. */
  readonly moreParts: number;
}

export interface RangePart {
  readonly offset: number;
  readonly length: number;
  /** Null: the disk has no table, or none of its partitions lies there. */
  readonly partition: { readonly number: number; readonly typeName: string | null } | null;
  /** `group/name` */
  readonly logicalVolume: string | null;
  /** Such as `ext4`: what the partition, the volume or the whole disk holds; null where nothing known was found. */
  readonly content: string | null;
  readonly holds: readonly RangeHolds[];
  /** Paths from the file system's own root; of a folder with `/` at its end. Text from outside, on one line each. */
  readonly files: readonly string[];
  /** Files beside those that are listed. */
  readonly moreFiles: number;
  /** Null: all of them are named. */
  readonly notNamed: NotNamed | null;
}

/** What a restore could not get from the backup. */
export interface DamagedRange extends RangeContents {
  readonly disk: string;
  /** Of the error that it has met there. */
  readonly code: string;
  /** False: the damage is somewhere in the range. */
  readonly exact: boolean;
}
