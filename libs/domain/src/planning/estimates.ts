import type { Estimates, PlannedDisk, PlannedWorker } from '../plan.js';
import { diskThroughput } from './disk-sku.js';
import { workerThroughput } from './workers.js';

const MEGABYTE = 1e6;

/** What the transfer will take: a worker is as slow as its own bandwidth or its slowest disk, and all run side by side. */
export function estimateTransfer(disks: readonly PlannedDisk[], workers: readonly PlannedWorker[]): Estimates {
  const bytes = disks.reduce((sum, disk) => sum + disk.usedBytes, 0);
  const byDisk = disks.map((disk) => disk.usedBytes / MEGABYTE / directOrAttached(disk, workers));
  const byWorker = workers.map(
    (worker) =>
      disks.filter((disk) => worker.disks.includes(disk.name)).reduce((sum, disk) => sum + disk.usedBytes, 0) /
      MEGABYTE /
      workerThroughput(worker.size),
  );
  return {
    readBytes: bytes,
    writeBytes: bytes,
    retrievalSeconds: 0,
    transferSeconds: Math.ceil(Math.max(0, ...byDisk, ...byWorker)),
  };
}

/** A direct upload runs at the speed of a Standard HDD of that size, whatever the disk's SKU. */
function directOrAttached(disk: PlannedDisk, workers: readonly PlannedWorker[]): number {
  return diskThroughput(workers.length === 0 ? 'Standard_LRS' : disk.sku, disk.sizeBytes);
}
