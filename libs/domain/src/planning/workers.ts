import type { PlannedDisk, PlannedWorker } from '../plan.js';
import type { VmSize } from '../ports/cloud/reader.js';
import { isPremium } from './disk-sku.js';
import type { PlanningFacts } from './facts.js';
import type { FoundProblems } from './found-problems.js';
import type { Placement } from './placement.js';
import { coresShort, shortageText } from './quota.js';
import { whyNotOffered } from './vm-size.js';

/*
 * How many workers are launched, of which size, and who writes which disk.
 *
 *  1. Candidates are the compute-optimised sizes below that can be had, cheapest first; where none can be had, any size.
 *  2. As few workers as can hold the disks; of the sizes with which that is possible the cheapest that moves the data
 *     within `PATIENCE_SECONDS`, or else the fastest.
 *  3. The largest disk goes first, always to the worker with the least to do.
 *
 * The workers are gone before the VM is made (step 7 comes before step 10), so that the two never need cores at once.
 */
const PATIENCE_SECONDS = 3600;
const MOST_DISKS_OF_A_WORKER = 32;
const MEGABYTE = 1e6;

/** Sustained MB/s that a worker of this size writes to its disks. */
const WORKER_SIZES: Readonly<Record<string, number>> = {
  Standard_F2s_v2: 47,
  Standard_F4s_v2: 95,
  Standard_F8s_v2: 190,
  Standard_F16s_v2: 380,
};
/** For sizes whose disk bandwidth is not listed: that of the smallest listed one, by the core. */
const MEGABYTES_PER_CORE = 23;

export function workerThroughput(size: VmSize | string): number {
  const name = typeof size === 'string' ? size : size.name;
  return (
    WORKER_SIZES[name] ??
    (typeof size === 'string' ? WORKER_SIZES['Standard_F2s_v2']! : size.vCpus * MEGABYTES_PER_CORE)
  );
}

export function decideWorkers(
  facts: PlanningFacts,
  placement: Placement,
  disks: readonly PlannedDisk[],
  problems: FoundProblems,
): readonly PlannedWorker[] {
  const { request, target } = facts;
  if (request.transfer === 'direct' || disks.length === 0 || target.sizes.length === 0) return [];
  const candidates = candidateSizes(target.sizes, disks, placement.zone);
  if (candidates.length === 0) {
    problems.error(
      'SIZE_UNAVAILABLE',
      `No VM size that a worker could have is available in ${placement.zone === null ? '' : `zone ${placement.zone} of `}${placement.region}.`,
      'Restore with --transfer direct, which needs no worker.',
    );
    return [];
  }
  const fleets = candidates.map((size) => fleetOf(size, disks.length));
  const affordable = fleets.filter((fleet) => coresShort(target.usages, fleet).length === 0);
  if (affordable.length === 0) {
    problems.error(
      'QUOTA',
      `The quota of ${placement.region} does not allow ${describe(fleets[0]!)} as worker: ${shortageText(target.usages, fleets[0]!)}.`,
      'Ask for more quota in the Azure portal, or restore with --transfer direct, which needs no worker.',
    );
    return spread(fleets[0]!, disks);
  }
  return spread(cheapestFastEnough(affordable, disks), disks);
}

function candidateSizes(
  sizes: readonly VmSize[],
  disks: readonly PlannedDisk[],
  zone: string | null,
): readonly VmSize[] {
  const premium = disks.some((disk) => isPremium(disk.sku));
  const usable = sizes.filter(
    (size) =>
      whyNotOffered(size, zone) === null &&
      size.maxDataDisks > 0 &&
      (size.premiumIo || !premium) &&
      // As the worker's image needs it, whatever image that is.
      size.architecture === 'x64' &&
      size.diskControllers.includes('SCSI'),
  );
  const listed = usable.filter((size) => WORKER_SIZES[size.name] !== undefined);
  return (listed.length > 0 ? listed : usable).toSorted((a, b) => a.vCpus - b.vCpus || (a.name < b.name ? -1 : 1));
}

function fleetOf(size: VmSize, disks: number): readonly VmSize[] {
  const perWorker = Math.min(size.maxDataDisks, MOST_DISKS_OF_A_WORKER);
  return Array.from({ length: Math.ceil(disks / perWorker) }, () => size);
}

function cheapestFastEnough(fleets: readonly (readonly VmSize[])[], disks: readonly PlannedDisk[]): readonly VmSize[] {
  const fewest = Math.min(...fleets.map((fleet) => fleet.length));
  const smallFleets = fleets.filter((fleet) => fleet.length === fewest);
  const bytes = disks.reduce((sum, disk) => sum + disk.usedBytes, 0);
  const seconds = (fleet: readonly VmSize[]): number =>
    bytes / MEGABYTE / fleet.reduce((sum, size) => sum + workerThroughput(size), 0);
  return (
    smallFleets.find((fleet) => seconds(fleet) <= PATIENCE_SECONDS) ??
    smallFleets.reduce((best, fleet) => (seconds(fleet) < seconds(best) ? fleet : best))
  );
}

function spread(fleet: readonly VmSize[], disks: readonly PlannedDisk[]): readonly PlannedWorker[] {
  const workers = fleet.map((size) => ({ size, disks: [] as PlannedDisk[], bytes: 0 }));
  for (const disk of disks.toSorted((a, b) => b.usedBytes - a.usedBytes)) {
    const free = workers.filter(
      (worker) => worker.disks.length < Math.min(worker.size.maxDataDisks, MOST_DISKS_OF_A_WORKER),
    );
    const idlest = free.reduce((best, worker) => (worker.bytes < best.bytes ? worker : best));
    idlest.disks.push(disk);
    idlest.bytes += disk.usedBytes;
  }
  const place = new Map(disks.map((disk, index) => [disk, index]));
  return workers.map((worker) => ({
    size: worker.size.name,
    disks: worker.disks.toSorted((a, b) => place.get(a)! - place.get(b)!).map((disk) => disk.name),
  }));
}

function describe(fleet: readonly VmSize[]): string {
  return fleet.length === 1 ? `a ${fleet[0]!.name}` : `${fleet.length} of ${fleet[0]!.name}`;
}
