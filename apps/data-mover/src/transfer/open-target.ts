import { access } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DiskTarget } from '@landfall/domain';
import type { SegmentGrant } from '@landfall/transfer';
import { openBlockDevice } from '../target/block-device.js';

/** Older images link the disks here, as `lunN`. */
const OLDER_DIRECTORY = '/dev/disk/azure/scsi1';

/**
 * Opens what a grant names for writing. The storage client is loaded only where it is needed.
 * @throws LandfallError as `openBlockDevice`
 */
export async function openTarget(grant: SegmentGrant, diskDirectory: string): Promise<DiskTarget> {
  if (grant.target.kind === 'lun') {
    return openBlockDevice(await lunPath(diskDirectory, grant.target.lun), grant.target.sizeBytes);
  }
  const { PageBlobTarget } = await import('@landfall/azure/blob');
  return new PageBlobTarget(grant.target.url, grant.target.sizeBytes);
}

async function lunPath(directory: string, lun: number): Promise<string> {
  const path = join(directory, String(lun));
  const older = join(basename(dirname(directory)) === 'data' ? OLDER_DIRECTORY : directory, `lun${lun}`);
  if (!(await exists(path)) && (await exists(older))) return older;
  return path;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
