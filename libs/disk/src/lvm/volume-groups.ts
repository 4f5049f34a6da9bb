import type { ByteReader } from '@landfall/domain';
import { probeContent, stateOf } from '../content/probe.js';
import type { Findings } from '../findings.js';
import type { LogicalVolume, VolumeGroup } from '../inspection.js';
import { LinearVolume } from './linear-volume.js';
import { LvmSyntaxError } from './metadata-text.js';
import { readPhysicalVolume } from './physical-volume.js';
import { LvmMetadataError, readVolumeGroupMetadata, type VolumeGroupMetadata } from './volume-group-metadata.js';

/** Of a group's linear volumes; a hostile group could have as many as it has extents, or more. */
const MOST_LOOKED_INTO = 1_000;

/** A region that `probeContent` took for a physical volume. */
export interface Candidate {
  readonly reader: ByteReader;
  readonly disk: string;
  readonly partition: number | null;
}

interface Found extends Candidate {
  readonly uuid: string;
  readonly deviceBytes: number;
  readonly metadata: VolumeGroupMetadata | null;
}

export interface FoundVolumeGroup {
  readonly group: VolumeGroup;
  /** Those of its linear volumes that can be read, by name. */
  readonly readable: ReadonlyMap<string, LinearVolume>;
}

/**
 * The volume groups on these regions. Every physical volume carries the description of its whole group; where they
 * differ, the one with the highest sequence number is the truth.
 */
export async function readVolumeGroups(
  candidates: readonly Candidate[],
  findings: Findings,
): Promise<readonly FoundVolumeGroup[]> {
  const found = new Map<string, Found>();
  for (const candidate of candidates) {
    const volume = await readCandidate(candidate, findings);
    if (volume === null) continue;
    const twin = found.get(volume.uuid);
    if (twin === undefined) {
      found.set(volume.uuid, volume);
    } else {
      findings.problem(
        'LVM_DAMAGED',
        `${where(volume)} and ${where(twin)} are the same physical volume ${volume.uuid}.`,
        'Leave one of the two disks out: LVM refuses to activate a group with duplicates.',
      );
    }
  }
  const groups = new Map<string, VolumeGroupMetadata>();
  for (const { metadata } of found.values()) {
    if (metadata !== null && metadata.sequence > (groups.get(metadata.uuid)?.sequence ?? -1)) {
      groups.set(metadata.uuid, metadata);
    }
  }
  warnOfStates([...groups.values()], findings);
  const result: FoundVolumeGroup[] = [];
  for (const metadata of groups.values()) result.push(await describe(metadata, found, findings));
  return result;
}

async function readCandidate(candidate: Candidate, findings: Findings): Promise<Found | null> {
  const volume = await readPhysicalVolume(candidate.reader);
  if (volume === null) return null;
  const damaged = (why: string): void =>
    findings.problem(
      'LVM_DAMAGED',
      `The physical volume on ${where(candidate)} can't be understood: ${why}.`,
      'Its group is described from other copies, if there are any; repair it with vgcfgrestore after the restore.',
    );
  if (volume.damage !== null) damaged(volume.damage);
  let metadata: VolumeGroupMetadata | null = null;
  if (volume.metadataText !== null) {
    try {
      metadata = readVolumeGroupMetadata(volume.metadataText);
    } catch (error) {
      if (!(error instanceof LvmMetadataError) && !(error instanceof LvmSyntaxError)) throw error;
      damaged(error.message);
    }
  }
  return { ...candidate, uuid: volume.uuid, deviceBytes: volume.deviceBytes, metadata };
}

async function describe(
  metadata: VolumeGroupMetadata,
  found: ReadonlyMap<string, Found>,
  findings: Findings,
): Promise<FoundVolumeGroup> {
  const readers = new Map<string, ByteReader>();
  const physicalVolumes = metadata.physicalVolumes.map((volume) => {
    const place = found.get(volume.uuid);
    if (place !== undefined) readers.set(volume.uuid, place.reader);
    return {
      uuid: volume.uuid,
      disk: place?.disk ?? null,
      partition: place?.partition ?? null,
      sizeBytes: place?.reader.sizeBytes ?? volume.firstExtentByte + volume.extents * metadata.extentBytes,
    };
  });
  const missing = physicalVolumes.filter((volume) => volume.disk === null);
  if (missing.length > 0) {
    findings.problem(
      'LVM_INCOMPLETE',
      `The volume group "${metadata.name}" lacks ${missing.length} of its ${physicalVolumes.length} physical volumes.`,
      'Look into all disks of the machine together.',
    );
  }
  const byKey = new Map(metadata.physicalVolumes.map((volume) => [volume.key, volume]));
  const readable = new Map<string, LinearVolume>();
  const logicalVolumes: LogicalVolume[] = [];
  for (const volume of metadata.logicalVolumes) {
    if (!volume.visible) continue;
    const reader = readable.size < MOST_LOOKED_INTO ? LinearVolume.over(volume, metadata, byKey, readers) : null;
    if (reader !== null) readable.set(volume.name, reader);
    const layouts = new Set(volume.segments.map((segment) => segment.layout));
    logicalVolumes.push({
      name: volume.name,
      uuid: volume.uuid,
      sizeBytes: volume.segments.reduce((sum, segment) => sum + segment.extents, 0) * metadata.extentBytes,
      layout: [...layouts].join(','),
      ...(await contentOf(reader)),
    });
  }
  if (readable.size === MOST_LOOKED_INTO) {
    findings.problem(
      'LVM_INCOMPLETE',
      `The volume group "${metadata.name}" has more than ${MOST_LOOKED_INTO} volumes; the others were not looked into.`,
      'Nothing has to be done; the disks are restored whole.',
    );
  }
  const extents = metadata.physicalVolumes.reduce((sum, volume) => sum + volume.extents, 0);
  return {
    group: {
      name: metadata.name,
      uuid: metadata.uuid,
      sizeBytes: extents * metadata.extentBytes,
      physicalVolumes,
      logicalVolumes,
    },
    readable,
  };
}

/** Volumes that are not linear are known by name: what they hold is spread over others. */
async function contentOf(reader: ByteReader | null): Promise<Pick<LogicalVolume, 'content' | 'state'>> {
  if (reader === null) return { content: null, state: 'closed' };
  const content = await probeContent(reader);
  return { content, state: await stateOf(reader, content) };
}

/** What the groups were in the middle of, or are called, that keeps them from being there after a restore as they were before. */
function warnOfStates(groups: readonly VolumeGroupMetadata[], findings: Findings): void {
  for (const [index, { name, exported, logicalVolumes }] of groups.entries()) {
    if (exported) {
      findings.problem(
        'LVM_EXPORTED',
        `The volume group "${name}" is exported: no machine activates it, and one that has its system in there does not start.`,
        'Import it with vgimport before the backup, or on a machine that the restored disks are attached to.',
      );
    }
    if (groups.findIndex((other) => other.name === name) < index) {
      findings.problem(
        'LVM_NAME_TWICE',
        `Two volume groups are called "${name}": LVM activates neither of them by that name.`,
        'Rename one by its UUID with vgrename; leave disks of another machine out with --exclude-disk.',
      );
    }
    if (logicalVolumes.some(({ moving }) => moving)) {
      findings.problem(
        'LVM_MOVING',
        `Extents of the volume group "${name}" were being moved from one physical volume to another (pvmove) when it was backed up.`,
        'All its disks have to be of one moment; "pvmove" without arguments goes on with it, "pvmove --abort" ends it.',
      );
    }
    const origins = [...new Set(logicalVolumes.flatMap(({ snapshotOf }) => snapshotOf))];
    if (origins.length > 0) {
      findings.problem(
        'LVM_SNAPSHOT',
        `The volume group "${name}" has snapshots of ${origins
          .slice(0, 5)
          .map((origin) => `"${origin}"`)
          .join(', ')}: they are restored with it, and go on growing.`,
        'Remove those that nobody needs with lvremove before the backup, or on the restored machine.',
      );
    }
  }
}

function where({ disk, partition }: Candidate): string {
  return partition === null ? disk : `partition ${partition} of ${disk}`;
}
