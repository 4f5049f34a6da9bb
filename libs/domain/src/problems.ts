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
  'DISK_EMPTY',
  'DISK_NOT_FOUND',
  'DISK_DAMAGED',
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
  'NOT_AVAILABLE',
] as const;

export type ProblemCode = (typeof PROBLEM_CODES)[number];

export interface Problem {
  /** An error refuses the plan; a warning is shown and the restore goes on. */
  readonly severity: 'error' | 'warning';
  readonly code: ProblemCode;
  readonly message: string;
  readonly fix: string;
}
