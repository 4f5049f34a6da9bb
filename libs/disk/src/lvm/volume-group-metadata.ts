import { parseLvmText, type LvmSection, type LvmValue } from './metadata-text.js';

/** A volume group as its metadata describes it; numbers are checked, names and UUIDs too. */
export interface VolumeGroupMetadata {
  readonly name: string;
  readonly uuid: string;
  /** Grows with every change; the highest among the copies is the truth. */
  readonly sequence: number;
  readonly extentBytes: number;
  readonly physicalVolumes: readonly PhysicalVolumeMetadata[];
  readonly logicalVolumes: readonly LogicalVolumeMetadata[];
  /** Handed over to another machine (vgexport): none activates it before it is imported. */
  readonly exported: boolean;
}

export interface PhysicalVolumeMetadata {
  /** Such as `pv0`; how stripes refer to it. */
  readonly key: string;
  readonly uuid: string;
  readonly firstExtentByte: number;
  readonly extents: number;
}

export interface LogicalVolumeMetadata {
  readonly name: string;
  readonly uuid: string;
  readonly visible: boolean;
  /** Holds extents that are being moved from one physical volume to another. */
  readonly moving: boolean;
  /** Names of the volumes of whose state, at one time, this keeps what has changed since. */
  readonly snapshotOf: readonly string[];
  readonly segments: readonly SegmentMetadata[];
}

export interface SegmentMetadata {
  readonly firstExtent: number;
  readonly extents: number;
  /** LVM's own word; a striped segment with one stripe is `linear`. */
  readonly layout: string;
  /** Of linear segments: the physical volume's key and the extent on it. */
  readonly place: { readonly key: string; readonly extent: number } | null;
}

export class LvmMetadataError extends Error {}

const SECTOR = 512;
const MOST_SEGMENTS = 100_000;
const NAME = /^[A-Za-z0-9_.+-]{1,128}$/;

/** @throws LvmMetadataError, LvmSyntaxError */
export function readVolumeGroupMetadata(text: string): VolumeGroupMetadata {
  const document = parseLvmText(text);
  const [name, group] = [...document.sections].find(([, section]) => section.values.has('seqno')) ?? [];
  if (name === undefined || group === undefined || !NAME.test(name))
    throw new LvmMetadataError('no volume group is in it');
  const extentSectors = wholeNumber(group, 'extent_size');
  if (extentSectors === 0) throw new LvmMetadataError('its extents have no size');
  const extentBytes = safe(extentSectors * SECTOR);
  const physicalVolumes = sectionsOf(group, 'physical_volumes').map(([key, volume]) => readPhysicalVolume(key, volume));
  const logicalVolumes = sectionsOf(group, 'logical_volumes').map(([key, volume]) => readLogicalVolume(key, volume));
  // Whoever adds them up gets bytes that can be counted.
  const extents = physicalVolumes.reduce((sum, volume) => sum + volume.extents, 0);
  safe(physicalVolumes.reduce((sum, volume) => sum + volume.firstExtentByte, 0) + extents * extentBytes);
  for (const { segments } of logicalVolumes) {
    safe(segments.reduce((sum, segment) => sum + segment.extents, 0) * extentBytes);
  }
  return {
    name,
    uuid: textOf(group, 'id'),
    sequence: wholeNumber(group, 'seqno'),
    extentBytes,
    physicalVolumes,
    logicalVolumes,
    exported: has(group, 'EXPORTED'),
  };
}

function readPhysicalVolume(key: string, volume: LvmSection): PhysicalVolumeMetadata {
  const firstExtentByte = safe(wholeNumber(volume, 'pe_start') * SECTOR);
  return { key, uuid: textOf(volume, 'id'), firstExtentByte, extents: wholeNumber(volume, 'pe_count') };
}

function readLogicalVolume(name: string, volume: LvmSection): LogicalVolumeMetadata {
  if (!NAME.test(name)) throw new LvmMetadataError(`"${name}" is no name of a logical volume`);
  const count = wholeNumber(volume, 'segment_count');
  if (count > MOST_SEGMENTS) throw new LvmMetadataError(`the volume "${name}" claims ${count} segments`);
  const segments: SegmentMetadata[] = [];
  for (let number = 1; number <= count; number += 1) {
    const segment = volume.sections.get(`segment${number}`);
    if (segment === undefined) throw new LvmMetadataError(`segment ${number} of the volume "${name}" is missing`);
    segments.push(readSegment(segment));
  }
  return {
    name,
    uuid: textOf(volume, 'id'),
    visible: has(volume, 'VISIBLE'),
    moving: has(volume, 'PVMOVE'),
    snapshotOf: [...volume.sections.values()].flatMap(({ values }) => {
      const origin = values.get('type') === 'snapshot' ? values.get('origin') : undefined;
      return typeof origin === 'string' ? [origin] : [];
    }),
    segments,
  };
}

/** Of its `status` and `flags`. */
function has(section: LvmSection, word: string): boolean {
  return ['status', 'flags'].some((field) => {
    const words = section.values.get(field);
    return Array.isArray(words) && words.includes(word);
  });
}

function readSegment(segment: LvmSection): SegmentMetadata {
  const type = textOf(segment, 'type');
  const stripes = segment.values.get('stripes');
  const linear = type === 'striped' && segment.values.get('stripe_count') === 1;
  return {
    firstExtent: wholeNumber(segment, 'start_extent'),
    extents: wholeNumber(segment, 'extent_count'),
    layout: linear ? 'linear' : type,
    place: linear ? readPlace(stripes) : null,
  };
}

function readPlace(stripes: LvmValue | undefined): SegmentMetadata['place'] {
  if (!Array.isArray(stripes)) throw new LvmMetadataError('a linear segment says nothing of its place');
  const [key, extent] = stripes as readonly (string | number)[];
  if (typeof key !== 'string' || typeof extent !== 'number' || !Number.isSafeInteger(extent) || extent < 0) {
    throw new LvmMetadataError('the place of a linear segment makes no sense');
  }
  return { key, extent };
}

function sectionsOf(parent: LvmSection, name: string): readonly (readonly [string, LvmSection])[] {
  return [...(parent.sections.get(name)?.sections ?? [])];
}

function textOf(section: LvmSection, name: string): string {
  const value = section.values.get(name);
  if (typeof value !== 'string') throw new LvmMetadataError(`"${name}" is missing or no text`);
  return value;
}

function wholeNumber(section: LvmSection, name: string): number {
  const value = section.values.get(name);
  if (typeof value !== 'number' || value < 0) throw new LvmMetadataError(`"${name}" is missing or no number`);
  return safe(value);
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw new LvmMetadataError(`${value} is larger than any disk`);
  return value;
}
