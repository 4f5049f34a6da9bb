import type { ByteReader } from '@landfall/domain';
import { probeContent } from './content/probe.js';
import { Findings } from './findings.js';
import type { BootEvidence, InspectedDisk, Inspection } from './inspection.js';
import { readVolumeGroups, type Candidate } from './lvm/volume-groups.js';
import { findBootEvidence, type PartitionOnDisk } from './machine/boot.js';
import { findOperatingSystem, type Place } from './machine/operating-system.js';
import { readPartitionTable } from './partitions/table.js';
import { readHead, WindowReader } from './readers.js';

/** A disk to look into: raw contents, under the name that the answer and its messages use. */
export interface DiskToInspect {
  readonly path: string;
  readonly reader: ByteReader;
  /** Of a block device; left out for images, where a GPT shows it and 512 is taken otherwise. */
  readonly sectorBytes?: number;
}

/**
 * Looks into the disks of one machine, in a few small reads each: partition tables, contents, volume groups across the
 * disks, what boots, which system. Whatever the bytes are, it ends with an answer; what is damaged is in `problems`.
 * Errors of the readers themselves (a repository that is damaged, a device that fails) pass through.
 */
export async function inspect(disks: readonly DiskToInspect[]): Promise<Inspection> {
  const findings = new Findings();
  const inspected: InspectedDisk[] = [];
  const bootEvidence: BootEvidence[] = [];
  const vendors: string[] = [];
  const places: Place[] = [];
  const candidates: Candidate[] = [];

  const note = (place: Place, disk: string, partition: number | null): void => {
    places.push(place);
    if (place.content.type === 'LVM2_member') candidates.push({ reader: place.reader, disk, partition });
  };
  for (const { path, reader, sectorBytes } of disks) {
    if (reader.sizeBytes === 0) {
      findings.problem('DISK_EMPTY', `${path} has 0 bytes.`, 'Check whether the backup of it was complete.');
    }
    await checkFormat(path, reader, findings);
    const wholeContent = await probeContent(reader);
    const found = await readPartitionTable(reader, path, findings);
    // The boot sector of a file system over the whole disk can look like an MBR without partitions.
    const table = found?.kind === 'mbr' && found.partitions.length === 0 && wholeContent !== null ? null : found;
    const partitions: PartitionOnDisk[] = [];
    for (const partition of table?.partitions ?? []) {
      const region = new WindowReader(reader, partition.startByte, partition.sizeBytes);
      const content = partition.extended ? null : await probeContent(region);
      partitions.push({ ...partition, content });
      const description = `partition ${partition.number} of ${path}`;
      if (content !== null) note({ description, reader: region, content }, path, partition.number);
    }
    if (table !== null) {
      const boot = await findBootEvidence(reader, path, table, partitions, findings);
      bootEvidence.push(...boot.evidence);
      vendors.push(...boot.vendors);
    } else if (wholeContent !== null) {
      note({ description: path, reader, content: wholeContent }, path, null);
    }
    inspected.push({
      path,
      sizeBytes: reader.sizeBytes,
      sectorBytes: sectorBytes ?? table?.sectorBytes ?? 512,
      table: table?.kind ?? null,
      content: table === null ? wholeContent : null,
      partitions: partitions.map(({ number, type, name, startByte, sizeBytes, content }) => ({
        number,
        type,
        name,
        startByte,
        sizeBytes,
        content,
      })),
    });
  }

  const groups = await readVolumeGroups(candidates, findings);
  for (const { group, readable } of groups) {
    for (const { name, content } of group.logicalVolumes) {
      const reader = readable.get(name);
      if (reader !== undefined && content !== null) {
        places.push({ description: `the logical volume ${group.name}/${name}`, reader, content });
      }
    }
  }
  const boots = (['bios', 'uefi'] as const).filter((firmware) => bootEvidence.some((one) => one.firmware === firmware));
  return {
    disks: inspected,
    volumeGroups: groups.map(({ group }) => group),
    os: await findOperatingSystem(places, bootEvidence, vendors, findings),
    firmware: boots.length === 1 ? boots[0]! : null,
    boots,
    bootEvidence,
    problems: findings.all(),
  };
}

const CONTAINER_FORMATS = [
  ['qcow2', Buffer.from('QFI\xfb', 'latin1')],
  ['VHDX', Buffer.from('vhdxfile')],
  ['VMDK', Buffer.from('KDMV')],
  ['dynamic VHD', Buffer.from('conectix')],
] as const;

/** Contents are taken as they are: a container format would be restored as the file that it is, and boot nothing. */
async function checkFormat(path: string, reader: ByteReader, findings: Findings): Promise<void> {
  const head = await readHead(reader, 8);
  const format = CONTAINER_FORMATS.find(([, magic]) => head.subarray(0, magic.length).equals(magic))?.[0];
  if (format === undefined) return;
  findings.problem(
    'NOT_RAW',
    `${path} is a ${format} file, not the raw contents of a disk.`,
    'Convert it with "qemu-img convert -O raw" before it is backed up.',
  );
}
