import type { Content } from '../inspection.js';
import { FatFileSystem, readFatGeometry } from '../file-systems/fat.js';
import { cleanText } from '../text.js';
import type { Region } from './region.js';

const NO_LABEL = 'NO NAME';

/** The label is that of the root directory, where renaming puts it; the boot sector's is often out of date. */
export async function probeFat({ reader, head }: Region): Promise<Content | null> {
  const geometry = readFatGeometry(head, reader.sizeBytes);
  if (geometry === null) return null;
  const extended = geometry.kind === 'FAT32' ? 0x40 : 0x24;
  const signature = head.readUInt8(extended + 2);
  const hasSerial = signature === 0x28 || signature === 0x29;
  const serial = head
    .readUInt32LE(extended + 3)
    .toString(16)
    .toUpperCase()
    .padStart(8, '0');
  const bootSectorLabel = signature === 0x29 ? cleanText(head.subarray(extended + 7, extended + 18), 'latin1') : null;
  const label = (await new FatFileSystem(reader, geometry).volumeLabel()) ?? bootSectorLabel;
  return {
    type: 'vfat',
    version: geometry.kind,
    label: label === NO_LABEL ? null : label,
    uuid: hasSerial && serial !== '00000000' ? `${serial.slice(0, 4)}-${serial.slice(4)}` : null,
  };
}
