import type { ByteReader } from '@landfall/domain';
import type { Content } from '../inspection.js';
import { readExactly, safeUint64 } from '../readers.js';
import { cleanText } from '../text.js';
import { hasText, type Region } from './region.js';

/** The label is an attribute of `$Volume`, record 3 of the master file table. */
const VOLUME_RECORD = 3;
const ATTRIBUTE_VOLUME_NAME = 0x60;
const ATTRIBUTES_END = 0xffff_ffff;

export async function probeNtfs({ reader, head }: Region): Promise<Content | null> {
  if (head.length < 512 || !hasText(head, 3, 'NTFS    ')) return null;
  const sectorBytes = head.readUInt16LE(11);
  const clusterBytes = sectorBytes * powerOrCount(head.readInt8(13), head.readUInt8(13));
  if (![512, 1024, 2048, 4096].includes(sectorBytes) || clusterBytes <= 0 || clusterBytes > 2 * 1024 * 1024)
    return null;
  return {
    type: 'ntfs',
    version: null,
    label: await readLabel(reader, head, clusterBytes),
    uuid: head.readBigUInt64LE(0x48).toString(16).toUpperCase().padStart(16, '0'),
  };
}

async function readLabel(reader: ByteReader, head: Buffer, clusterBytes: number): Promise<string | null> {
  const tableCluster = safeUint64(head, 0x30);
  const perRecord = head.readInt8(0x40);
  const recordBytes = perRecord < 0 ? 2 ** -perRecord : perRecord * clusterBytes;
  if (tableCluster === null || recordBytes < 512 || recordBytes > 65_536) return null;
  const record = await readExactly(reader, tableCluster * clusterBytes + VOLUME_RECORD * recordBytes, recordBytes);
  if (record === null || !hasText(record, 0, 'FILE')) return null;
  let at = record.readUInt16LE(20);
  while (at + 24 <= record.length) {
    const type = record.readUInt32LE(at);
    const length = record.readUInt32LE(at + 4);
    if (type === ATTRIBUTES_END || length < 24) return null;
    if (type === ATTRIBUTE_VOLUME_NAME) {
      const bytes = record.readUInt32LE(at + 16);
      const start = at + record.readUInt16LE(at + 20);
      return start + bytes <= record.length ? cleanText(record.subarray(start, start + bytes), 'utf16le') : null;
    }
    at += length;
  }
  return null;
}

/** Sectors of a cluster: a count up to 128, above that a negative power of two. */
function powerOrCount(signed: number, unsigned: number): number {
  return unsigned <= 128 ? unsigned : 2 ** -signed;
}
