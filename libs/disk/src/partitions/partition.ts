import type { ByteReader } from '@landfall/domain';

/** A partition as its table has it, checked to lie within the disk. */
export interface Partition {
  readonly number: number;
  readonly type: string;
  readonly name: string | null;
  readonly startByte: number;
  readonly sizeBytes: number;
  /** MBR: flagged active. GPT: the "legacy BIOS bootable" attribute. */
  readonly bootable: boolean;
  /** Holds the logical partitions, and nothing of its own. */
  readonly extended: boolean;
}

/** Says why a partition can't be taken as it is listed, or null. In bytes. */
export function outOfBounds(startByte: number | null, sizeBytes: number | null, disk: ByteReader): string | null {
  if (startByte === null || sizeBytes === null) return 'is farther out than any disk reaches';
  if (sizeBytes <= 0) return 'ends before it begins';
  if (startByte + sizeBytes > disk.sizeBytes) {
    return `ends at byte ${startByte + sizeBytes} of a disk of ${disk.sizeBytes} bytes`;
  }
  return null;
}
