import { workerName, type Restore } from '@landfall/domain';
import type { FailedDisk } from '@landfall/testing';
import { parseStruck, VERDICTS, type DiskFault } from '../afflictions/plan.js';

/*
 * Which disks of a restore have failed for good, by what has struck them: that the product knows nothing of, so that it is
 * no witness in its own case. A write that got lost is left out: who writes the segment once more makes up for it.
 */
const FOR_GOOD: readonly DiskFault['kind'][] = ['EIO', 'ENOSPC', 'failed flush', 'lying read-back'];

/** @param struck lines of `Cell.struck` */
export function failedForGood(struck: readonly string[], { id, plan }: Pick<Restore, 'id' | 'plan'>): FailedDisk[] {
  return struck.flatMap((line) => {
    const disk = parseStruck(line);
    if (disk === null || !FOR_GOOD.includes(disk.kind)) return [];
    // One that replaces a worker has a further number behind its name.
    const worker = plan?.workers.find((_, place) => `${disk.workerId}-`.startsWith(`${workerName(id, place)}-`));
    const code = VERDICTS[disk.kind];
    if (worker === undefined || code === null) return [];
    return [{ restoreId: id, diskName: worker.disks[disk.lun] ?? `LUN ${disk.lun}`, code }];
  });
}
