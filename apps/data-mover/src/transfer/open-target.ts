import { access } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DiskTarget } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import type { SegmentGrant } from '@landfall/transfer';
import { openBlockDevice } from '../target/block-device.js';

/** Older images link the disks here, as `lunN`. */
const OLDER_DIRECTORY = '/dev/disk/azure/scsi1';

/** Those of which the log says already that they are read back through the page cache. */
const cached = new Set<string>();

/**
 * Opens what a grant names for writing. The storage client is loaded only where it is needed.
 * @throws LandfallError as `openBlockDevice`
 */
export async function openTarget(
  grant: SegmentGrant,
  diskDirectory: string,
  log: Pick<Logger, 'warn'>,
): Promise<DiskTarget> {
  if (grant.target.kind === 'lun') {
    const path = await lunPath(diskDirectory, grant.target.lun);
    return openBlockDevice(path, grant.target.sizeBytes, () => sayCached(path, grant.restoreId, log));
  }
  const { PageBlobTarget } = await import('@landfall/azure/blob');
  return new PageBlobTarget(grant.target.url, grant.target.sizeBytes);
}

/** Once for each disk: every segment opens it anew. */
function sayCached(path: string, restoreId: string, log: Pick<Logger, 'warn'>): void {
  const disk = `${restoreId} ${path}`;
  if (cached.has(disk)) return;
  cached.add(disk);
  log.warn({ path, restoreId }, 'The disk does not know direct reading: it is read back through the page cache.');
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
