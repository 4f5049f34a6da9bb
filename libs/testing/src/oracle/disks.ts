import type { DiskWrite, Evidence } from './evidence.js';
import type { Violation } from './violation.js';

/** I1, of restores that are completed: of others there is nothing to compare. */
export function bytesAreRight({ disks = [], restores }: Evidence): Violation[] {
  const completed = new Set(
    restores.filter(({ restore }) => restore.state === 'completed').map(({ restore }) => restore.id),
  );
  return disks
    .filter(({ restoreId, expected, actual }) => completed.has(restoreId) && expected !== actual)
    .map((disk) => ({
      invariant: 'I1' as const,
      what: `The disk "${disk.diskName}" of restore ${disk.restoreId} does not hold what was backed up.`,
      evidence: disk,
    }));
}

/** I1: a restore with a disk that has failed for good is never completed, and one that has failed says why. */
export function badDisksAreNotHandedOver({ failedForGood = [], restores }: Evidence): Violation[] {
  return restores.flatMap(({ restore }) => {
    const failed = failedForGood.filter(({ restoreId }) => restoreId === restore.id);
    if (failed.length === 0) return [];
    const code = restore.error?.code ?? 'nothing';
    const names = [...new Set(failed.map(({ diskName }) => `"${diskName}"`))].join(', ');
    const wrong =
      restore.state === 'completed'
        ? 'is completed'
        : restore.state === 'failed' && !failed.some((disk) => disk.code === code)
          ? `has failed and says ${code}`
          : null;
    if (wrong === null) return [];
    const what = `Restore ${restore.id} ${wrong}, and its disk ${names} has failed for good.`;
    return [{ invariant: 'I1' as const, what, evidence: failed }];
  });
}

/**
 * I7: once a disk is being read back nothing is written to it any more, and once a later holder of a segment has written
 * no earlier one does.
 */
export function fencesHold({ diskAccesses = [] }: Evidence): Violation[] {
  const verified = new Map<string, DiskWrite>();
  const latest = new Map<string, DiskWrite>();
  const found: Violation[] = [];
  for (const access of diskAccesses) {
    if (access.what === 'verify') {
      if (!verified.has(access.diskId)) verified.set(access.diskId, access);
      continue;
    }
    const readBefore = verified.get(access.diskId);
    if (readBefore) {
      const what = `The disk ${access.diskId} was written after its verification had begun.`;
      found.push({ invariant: 'I7', what, evidence: { readBefore, access } });
    }
    const newer = latest.get(access.segmentId);
    if (newer && newer.epoch > access.epoch) {
      const what = `${access.mover} wrote a segment that ${newer.mover} had taken over.`;
      found.push({ invariant: 'I7', what, evidence: { newer, access } });
    } else latest.set(access.segmentId, access);
  }
  return found;
}
