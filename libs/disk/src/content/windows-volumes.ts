import type { Content } from '../inspection.js';
import { guidText } from '../text.js';
import { hasText, type Region } from './region.js';

/* What Windows puts around volumes. */

/** In the place of the name of the system in the boot sector; BitLocker To Go keeps that of FAT and has a GUID of its own. */
const BITLOCKER = '-FVE-FS-';
const TO_GO = '4967D63B-2E29-4AD8-8399-F6A339E3D001';
const TO_GO_AT = 424;

export function probeBitLocker({ head }: Region): Content | null {
  if (head.length < 512) return null;
  const found = hasText(head, 3, BITLOCKER) || guidText(head.subarray(TO_GO_AT, TO_GO_AT + 16)) === TO_GO;
  return found ? { type: 'BitLocker', version: null, label: null, uuid: null } : null;
}

export function probeStorageSpaces({ head }: Region): Content | null {
  return hasText(head, 0, 'SPACEDB ') ? { type: 'StorageSpaces', version: null, label: null, uuid: null } : null;
}
