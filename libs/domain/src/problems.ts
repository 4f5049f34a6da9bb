/**
 * What looking into the disks may find, and whether it refuses a plan: one table for `inspect` and for plans, so that one
 * thing has one code. What only keeps a VM from starting is no error where only disks are wanted (`source-checks.ts`).
 */
export const DISK_FINDINGS = {
  DISK_EMPTY: 'error',
  /** The file of another format, such as qcow2, under the name of raw contents. */
  NOT_RAW: 'error',
  /** Tables and file systems count in 4,096 bytes, where an Azure disk has 512. */
  SECTOR_SIZE: 'error',
  /** Boots on other processors than Azure has; a warning where Azure has them and the VM needs a size with them. */
  ARCHITECTURE: 'error',
  TABLE_DAMAGED: 'warning',
  PARTITION_REFUSED: 'warning',
  LVM_DAMAGED: 'warning',
  LVM_INCOMPLETE: 'warning',
  LVM_EXPORTED: 'warning',
  LVM_NAME_TWICE: 'warning',
  LVM_MOVING: 'warning',
  LVM_SNAPSHOT: 'warning',
  /** A file system or RAID over several disks, some of which are not here. */
  VOLUME_INCOMPLETE: 'warning',
  FILE_SYSTEM_DAMAGED: 'warning',
  NO_FALLBACK_LOADER: 'warning',
  ENCRYPTION: 'warning',
  /** Dynamic disks and Storage Spaces of Windows. */
  NOT_LOOKED_INTO: 'warning',
} as const satisfies Record<string, 'error' | 'warning'>;

export type DiskFinding = keyof typeof DISK_FINDINGS;

/** The codes that a plan's problems carry; part of the outside contract. */
export const PROBLEM_CODES = [
  'POINT_UNSUPPORTED',
  'REPOSITORY_HOSTED',
  'POINT_ARCHIVED',
  'RETRIEVAL_EXPIRES',
  'CHAIN_BROKEN',
  'PERMISSION',
  'PROVIDER_NOT_REGISTERED',
  'QUOTA',
  'SIZE_UNAVAILABLE',
  'GENERATION_SIZE',
  'GEN1_OS_DISK_TOO_LARGE',
  'FIRMWARE_UNKNOWN',
  'FIRMWARE_CONVERTED',
  'DISK_COUNT',
  'DISK_SKU',
  'DISK_NOT_FOUND',
  'NAME_TAKEN',
  'NAME_INVALID',
  'IP_IN_USE',
  'LOCKED',
  'POLICY_DENIED',
  'MOVE_INVALID',
  'NETWORK_NOT_FOUND',
  'RESOURCE_GROUP_NOT_FOUND',
  'REGION_NOT_FOUND',
  'SOURCE_MISSING',
  'SOURCE_CHANGED',
  'CONTRADICTION',
  'NO_BOOT_VOLUME',
  'LVM_EXTRA_SPACE',
  'LVM_UNSUPPORTED',
  'DRIVERS_MISSING',
  'NOT_RESTORED',
  'GEN2_EXPERIMENTAL',
  'SECURITY_TYPE',
  'DISK_CONTROLLER',
  'ARCHITECTURE',
  'CUT_OVER',
  'REPOSITORY_DAMAGED',
  /** Volumes over several disks that were not captured at one moment. */
  'NOT_ONE_STATE',
  'NOT_AVAILABLE',
  ...(Object.keys(DISK_FINDINGS) as DiskFinding[]),
] as const;

export type ProblemCode = (typeof PROBLEM_CODES)[number];

export interface Problem {
  /** An error refuses the plan; a warning is shown and the restore goes on. */
  readonly severity: 'error' | 'warning';
  readonly code: ProblemCode;
  readonly message: string;
  readonly fix: string;
}
