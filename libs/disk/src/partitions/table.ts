import type { ByteReader } from '@landfall/domain';
import type { Findings } from '../findings.js';
import { readExactly } from '../readers.js';
import { readGpt } from './gpt.js';
import { hasMbrSignature, readMbr, readMbrPartitions } from './mbr.js';
import type { Partition } from './partition.js';

export interface PartitionTable {
  readonly kind: 'gpt' | 'mbr';
  readonly sectorBytes: number;
  readonly partitions: readonly Partition[];
  /** The first sector, which the firmware of a BIOS machine runs. */
  readonly bootSector: Buffer;
}

/**
 * The disk's partition table, or null where it has none.
 *
 * A GPT counts where the first sector protects it, or where the first sector is no MBR at all (overwritten) and the GPT's
 * own checksums are right. An MBR beside a GPT without protection is what a Linux kernel would follow, and so is it here.
 */
export async function readPartitionTable(
  disk: ByteReader,
  name: string,
  findings: Findings,
): Promise<PartitionTable | null> {
  const bootSector = await readExactly(disk, 0, 512);
  if (bootSector === null) return null;
  const mbr = readMbr(bootSector);
  if (mbr === null || mbr.protective) {
    const gpt = await readGpt(disk, name, mbr !== null, findings);
    if (gpt !== null) {
      if (mbr === null && !hasMbrSignature(bootSector)) {
        findings.problem(
          'TABLE_DAMAGED',
          `The GPT of ${name} has no protective MBR in front of it.`,
          'Open the restored disk with gdisk and write the table anew with "w"; some firmware ignores one without it.',
        );
      }
      return { kind: 'gpt', bootSector, ...gpt, partitions: withoutOverlaps(gpt.partitions, name, findings) };
    }
    if (mbr !== null) {
      findings.problem(
        'TABLE_DAMAGED',
        `The first sector of ${name} announces a GPT, but neither copy of it can be read.`,
        'Restore the disk and repair its table with gdisk, or choose an older restore point.',
      );
      return { kind: 'gpt', bootSector, sectorBytes: 512, partitions: [] };
    }
  }
  if (mbr === null) return null;
  const partitions = await readMbrPartitions(disk, mbr, name, findings);
  return { kind: 'mbr', bootSector, sectorBytes: 512, partitions: withoutOverlaps(partitions, name, findings) };
}

/** Of two partitions that overlap the one that is listed first is taken. Logical ones lie in the extended one. */
function withoutOverlaps(partitions: readonly Partition[], name: string, findings: Findings): readonly Partition[] {
  const kept: Partition[] = [];
  for (const partition of partitions) {
    const other = kept.find((one) => overlap(one, partition) && !(one.extended && partition.number > 4));
    if (other === undefined) kept.push(partition);
    else {
      findings.problem(
        'PARTITION_REFUSED',
        `Partition ${partition.number} of ${name} overlaps partition ${other.number}.`,
        'It is passed over; check the table with sfdisk or gdisk.',
      );
    }
  }
  return kept;
}

function overlap(one: Partition, other: Partition): boolean {
  return one.startByte < other.startByte + other.sizeBytes && other.startByte < one.startByte + one.sizeBytes;
}
