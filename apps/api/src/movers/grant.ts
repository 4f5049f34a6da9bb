import {
  type PlannedDisk,
  PermanentError,
  type Restore,
  SEALING_CONTEXT,
  type Segment,
  WaitingError,
} from '@landfall/domain';
import type { RepositoryAccess, SegmentGrant } from '@landfall/transfer';
import { parseRepositoryUrl } from '../catalogue/repository-url.js';
import type { ApiPorts } from '../ports.js';

/** A segment takes seconds to minutes; a repository stays open in a data-mover for a while beyond it. */
const BLOB_ACCESS_SECONDS = 4 * 3600;

/**
 * Everything that a data-mover needs for one segment, less the epoch: where to read, what opens it, where to write. Put
 * together before the segment is given out, so that what can't be granted is not. What is read is what the plan says, for all
 * segments alike: the catalogue may speak of another backup by now.
 * @param lun the disk's LUN on the worker; null where the disk is written through its SAS
 * @throws PermanentError `GRANT_IMPOSSIBLE` when the books no longer hold what the plan was made from
 * @throws WaitingError `ACCESS_MISSING` while there is no access to a disk that is written directly
 */
export async function grantOf(
  ports: ApiPorts,
  segment: Segment,
  lun: number | null,
): Promise<Omit<SegmentGrant, 'epoch'>> {
  const restore = await ports.books.restore(segment.restoreId);
  const disk = restore?.plan?.disks.find((candidate) => candidate.name === segment.diskName);
  if (!restore?.plan || disk === undefined) throw impossible(segment, 'its plan does not know the disk');
  return {
    segmentId: segment.id,
    restoreId: segment.restoreId,
    purpose: segment.purpose,
    verify: restore.plan.options.verify,
    offsetBytes: segment.offsetBytes,
    lengthBytes: segment.lengthBytes,
    repository: await accessTo(ports, restore.plan.restorePoint.repository, segment),
    source: { location: disk.sourceLocation, sizeBytes: disk.sourceBytes },
    target: await targetOf(ports, restore, disk, segment, lun),
  };
}

async function accessTo(ports: ApiPorts, name: string, segment: Segment): Promise<RepositoryAccess> {
  const record = await ports.catalogue.repository(name);
  if (record === null || record.kind === 'snapshots') throw impossible(segment, `the repository "${name}" is gone`);
  const sealed = await ports.catalogue.sealedPassword(name);
  const password =
    sealed === null ? null : ports.secrets.open(sealed, SEALING_CONTEXT.repositoryPassword(name)).reveal();
  const location = parseRepositoryUrl(record.url);
  if (location.kind === 'folder') {
    return { kind: record.kind, store: { kind: 'folder', path: location.path }, password };
  }
  const containerUrl = await ports.blobs.containerReadUrl(location, BLOB_ACCESS_SECONDS);
  return { kind: record.kind, store: { kind: 'blob', containerUrl, prefix: location.prefix }, password };
}

async function targetOf(
  ports: ApiPorts,
  restore: Restore,
  disk: PlannedDisk,
  segment: Segment,
  lun: number | null,
): Promise<SegmentGrant['target']> {
  if (lun !== null) return { kind: 'lun', lun, sizeBytes: disk.sizeBytes };
  const access = await ports.diskAccesses.access(restore.id, disk.name);
  const wanted = segment.purpose === 'move' ? 'write' : 'read';
  if (access?.purpose !== wanted) throw accessMissing(disk.name);
  const url = ports.secrets.open(access.sealedUrl, SEALING_CONTEXT.diskAccess(restore.id, disk.name)).reveal();
  return { kind: 'page-blob', url, sizeBytes: disk.sizeBytes };
}

const ACCESS_AGAIN_MS = 2_000;

/** The finalizer grants it, or grants it anew. */
function accessMissing(diskName: string): WaitingError {
  return new WaitingError(
    {
      code: 'ACCESS_MISSING',
      message: `There is no access to the disk "${diskName}" just now.`,
      fix: 'Nothing has to be done: claim the segment again soon.',
    },
    { retryAfterMs: ACCESS_AGAIN_MS },
  );
}

function impossible(segment: Segment, why: string): PermanentError {
  return new PermanentError({
    code: 'GRANT_IMPOSSIBLE',
    message: `Segment ${segment.id} of disk "${segment.diskName}" cannot be moved: ${why}.`,
    fix: 'Rescan the repository and start the restore again from a point that it lists.',
  });
}
