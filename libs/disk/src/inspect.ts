import type { ByteReader } from '@landfall/domain';
import { formatOf } from './content/formats.js';
import { probeContent, probeInner, stateOf } from './content/probe.js';
import { SpreadVolumes } from './content/spread-volumes.js';
import { Findings } from './findings.js';
import type { BootEvidence, Content, InspectedDisk, Inspection } from './inspection.js';
import { readVolumeGroups, type Candidate } from './lvm/volume-groups.js';
import { findBootEvidence, type PartitionOnDisk } from './machine/boot.js';
import { findOperatingSystem, type Place } from './machine/operating-system.js';
import { readPartitionTable, type PartitionTable } from './partitions/table.js';
import { containerOf, typeNameOf } from './partitions/type-names.js';
import { WindowReader } from './readers.js';

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
  const spread = new SpreadVolumes();

  const note = async (place: Place, disk: string, partition: number | null): Promise<Content | null> => {
    places.push(place);
    if (place.content.type === 'LVM2_member') candidates.push({ reader: place.reader, disk, partition });
    warnOfClosed(place, findings);
    await spread.add(place);
    const inner = await probeInner(place.reader, place.content);
    // The members of a mirror hold the same: one of them is looked into.
    if (inner !== null && spread.isFirstOf(place)) await note({ ...place, content: inner }, disk, partition);
    return inner;
  };
  for (const { path, reader, sectorBytes } of disks) {
    if (reader.sizeBytes === 0) {
      findings.problem('DISK_EMPTY', `${path} has 0 bytes.`, 'Check whether the backup of it was complete.');
    }
    await checkFormat(path, reader, findings);
    const wholeContent = await probeContent(reader);
    const found = await readPartitionTable(reader, path, findings);
    checkSectors(path, found, sectorBytes, findings);
    // The boot sector of a file system over the whole disk can look like an MBR without partitions.
    const table = found?.kind === 'mbr' && found.partitions.length === 0 && wholeContent !== null ? null : found;
    const partitions: PartitionOnDisk[] = [];
    for (const partition of table?.partitions ?? []) {
      const region = new WindowReader(reader, partition.startByte, partition.sizeBytes);
      const probed = partition.extended ? null : await probeContent(region);
      const description = `partition ${partition.number} of ${path}`;
      const container = containerOf(partition.type);
      // What looks like a file system in there may be one that begins by chance where the partition does.
      const content = container === null ? probed : contentOf(container);
      if (container !== null) warnOfClosed({ description, reader: region, content: contentOf(container) }, findings);
      const inner =
        probed === null ? null : await note({ description, reader: region, content: probed }, path, partition.number);
      const state = partition.extended ? 'known' : await stateOf(region, content);
      partitions.push({ ...partition, content, inner, state });
    }
    if (table !== null) {
      const boot = await findBootEvidence(reader, path, table, partitions, findings);
      bootEvidence.push(...boot.evidence);
      vendors.push(...boot.vendors);
    } else if (wholeContent !== null) {
      await note({ description: path, reader, content: wholeContent }, path, null);
    }
    inspected.push({
      path,
      sizeBytes: reader.sizeBytes,
      sectorBytes: sectorBytes ?? table?.sectorBytes ?? 512,
      table: table?.kind ?? null,
      content: table === null ? wholeContent : null,
      state: table === null ? await stateOf(reader, wholeContent) : null,
      partitions: partitions.map(({ number, type, name, startByte, sizeBytes, content, inner, state }) => ({
        ...{ number, type, typeName: typeNameOf(table!.kind, type), name },
        ...{ startByte, sizeBytes, content, inner, state },
      })),
    });
  }

  spread.tell(findings);
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

/** Contents are taken as they are: another format would be restored as the file that it is, and boot nothing. */
async function checkFormat(path: string, reader: ByteReader, findings: Findings): Promise<void> {
  const format = await formatOf(reader);
  if (format === null) return;
  findings.problem(
    'NOT_RAW',
    `${path} is a ${format} file, not the raw contents of a disk: restored as it is, it could not be read as one.`,
    'Convert it to raw (disk formats: "qemu-img convert -O raw"; packed files: unpack them), and back that up.',
  );
}

/** Azure's disks have sectors of 512 bytes, and a table says where things are by counting sectors. */
function checkSectors(path: string, table: PartitionTable | null, told: number | undefined, findings: Findings): void {
  const sectorBytes = table?.sectorBytes ?? told ?? 512;
  if (sectorBytes === 512) return;
  findings.problem(
    'SECTOR_SIZE',
    `${path} was made for sectors of ${sectorBytes} bytes, and Azure's disks have 512: neither firmware nor system would find its partitions there.`,
    'Copy the file systems onto a disk with sectors of 512 bytes and back that up; or restore with --disks-only and repair the table by hand.',
  );
}

const CLOSED: Readonly<Record<string, readonly [code: 'ENCRYPTION' | 'NOT_LOOKED_INTO', what: string, fix: string]>> = {
  crypto_LUKS: [
    'ENCRYPTION',
    'is encrypted with LUKS',
    'It is restored as it is. A system on it asks for its passphrase at the serial console of the VM.',
  ],
  BitLocker: [
    'ENCRYPTION',
    'is encrypted with BitLocker',
    'It is restored as it is. Have the recovery key at hand: the new VM has another TPM, or none.',
  ],
  LDM: [
    'NOT_LOOKED_INTO',
    'belongs to a dynamic disk of Windows (LDM)',
    'It is restored as it is. Restore all dynamic disks of the machine together; Windows imports them.',
  ],
  StorageSpaces: [
    'NOT_LOOKED_INTO',
    'belongs to a pool of Storage Spaces',
    'It is restored as it is. Restore all disks of the pool together; Windows finds them by itself.',
  ],
};

function warnOfClosed({ description, content }: Place, findings: Findings): void {
  const [code, what, fix] = CLOSED[content.type] ?? [];
  if (code !== undefined)
    findings.problem(code, `${capital(description)} ${what}; what is in it can't be looked into.`, fix!);
}

function contentOf(type: 'LDM' | 'StorageSpaces'): Content {
  return { type, version: null, label: null, uuid: null };
}

function capital(text: string): string {
  return text.startsWith('partition ') ? `P${text.slice(1)}` : text;
}
