import type { ByteReader } from '@landfall/domain';
import { readExactly, readHead } from '../readers.js';

/*
 * Files that are no raw contents of a disk. They begin (a fixed VHD ends) with marks of their own; those of two or three bytes
 * count only where the boot signature of a disk is missing.
 */
interface Mark {
  readonly format: string;
  readonly at: number;
  readonly bytes: Buffer;
  readonly weak?: true;
}

const text = (format: string, bytes: string, at = 0): Mark => ({ format, at, bytes: Buffer.from(bytes, 'latin1') });

const MARKS: readonly Mark[] = [
  text('qcow2', 'QFI\xfb'),
  text('QED', 'QED\0'),
  text('VHDX', 'vhdxfile'),
  text('VMDK', 'KDMV'),
  text('VMDK', 'COWD'),
  text('VMDK', '# Disk DescriptorFile'),
  text('dynamic VHD', 'conectix'),
  text('VDI', '\x7f\x10\xda\xbe', 0x40),
  text('Parallels', 'WithoutFreeSpace'),
  text('Parallels', 'WithouFreSpacExt'),
  text('EWF (E01)', 'EVF\x09\x0d\x0a\xff\0'),
  text('AFF4 or ZIP', 'PK\x03\x04'),
  text('7z', "7z\xbc\xaf'\x1c"),
  text('zstd', '\x28\xb5\x2f\xfd'),
  text('xz', '\xfd7zXZ\0'),
  text('lz4', '\x04\x22\x4d\x18'),
  text('Proxmox VMA', 'VMA\0'),
  { ...text('gzip', '\x1f\x8b\x08'), weak: true },
  { ...text('bzip2', 'BZh'), weak: true },
];

const VHD_FOOTER_BYTES = 512;
/** Of a fixed VHD, in its footer (Virtual Hard Disk Image Format Specification). */
const VHD_FIXED = 2;

/** What the file is in truth; null where nothing speaks against raw contents. */
export async function formatOf(reader: ByteReader): Promise<string | null> {
  const head = await readHead(reader, 512);
  const isBootSector = head.length === 512 && head[510] === 0x55 && head[511] === 0xaa;
  for (const { format, at, bytes, weak } of MARKS) {
    if (weak === true && isBootSector) continue;
    if (head.subarray(at, at + bytes.length).equals(bytes)) return format;
  }
  const footer = await readExactly(reader, reader.sizeBytes - VHD_FOOTER_BYTES, VHD_FOOTER_BYTES);
  const isVhd =
    footer !== null && footer.toString('latin1', 0, 8) === 'conectix' && footer.readUInt32BE(60) === VHD_FIXED;
  return isVhd ? 'fixed VHD' : null;
}
