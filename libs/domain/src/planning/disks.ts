import type { DiskRole, PointDisk } from '../machine.js';
import type { Generation, PlannedDisk } from '../plan.js';
import type { PlanningFacts } from './facts.js';
import type { RestoreRequest } from '../request.js';
import type { FoundProblems } from './found-problems.js';
import { disksAlone } from './remedies.js';

/*
 * Which disks come back, in which roles, at which LUNs, how large.
 *
 *  - The OS disk is the one that the manifest names, else the one that something on it boots from, else the first.
 *  - A data disk keeps the manifest's LUN if it is a good one and still free; the others get the lowest free ones.
 *  - A size is the source's, rounded up to whole GiB, because that is what Azure allocates.
 */
const GIB = 1024 ** 3;
const TIB = 1024 * GIB;
/** Managed disks hold at most 32,767 GiB. */
const LARGEST_DISK_BYTES = 32_767 * GIB;
const LARGEST_OS_DISK_BYTES: Readonly<Record<Generation, number>> = { 1: 2 * TIB, 2: 4 * TIB };
/** The largest VM takes 64 data disks. */
const HIGHEST_LUN = 63;

export function isLun(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= HIGHEST_LUN;
}

/** A disk of the plan whose SKU is not settled yet. */
export type UnpricedDisk = Omit<PlannedDisk, 'sku' | 'caching'> & {
  readonly source: PointDisk;
  /** Of the living disk that it replaces, which it takes over; left out: it replaces none. */
  readonly asToday?: Pick<PlannedDisk, 'sku' | 'caching'>;
};

/** Which of the point's disks come back. */
export interface ChosenDisks {
  /** Null where the point has no disk; it may be one that is left out. */
  readonly osDisk: PointDisk | null;
  readonly restored: readonly PointDisk[];
}

export function chooseDisks(facts: PlanningFacts, problems: FoundProblems): ChosenDisks {
  const { point, request } = facts;
  const osDisk = decideOsDisk(facts, problems);
  const restored = point.disks.filter((disk) => !request.excludeDisks.includes(disk.name));
  checkExclusions(facts, osDisk, restored, problems);
  return { osDisk, restored };
}

/**
 * @param baseName what the new disks' names begin with
 * @param keptLuns are given to no disk that has none of its own
 */
export function decideDisks(
  facts: PlanningFacts,
  { osDisk, restored }: ChosenDisks,
  generation: Generation | null,
  baseName: string,
  keptLuns: ReadonlySet<number>,
  problems: FoundProblems,
): readonly UnpricedDisk[] {
  const { request } = facts;
  const luns = decideLuns(
    restored.filter((disk) => disk !== osDisk),
    keptLuns,
    problems,
  );
  return restored.map((disk) => {
    const role: DiskRole = disk === osDisk ? 'os' : 'data';
    const lun = luns.get(disk) ?? null;
    const sizeBytes = roundedSize(disk.sizeBytes);
    checkSize(disk, role, sizeBytes, generation, request, problems);
    const used = facts.disks.find((candidate) => candidate.name === disk.name)?.usedBytes ?? null;
    return {
      name: disk.name,
      from: `disk:${disk.name}`,
      role,
      lun,
      sizeBytes,
      sourceLocation: disk.location,
      origin: disk.origin ?? null,
      sourceBytes: disk.sizeBytes,
      usedBytes: used ?? disk.sizeBytes,
      removableAfterwards: false,
      azureName: role === 'os' ? `${baseName}-os` : `${baseName}-data-${lun ?? 0}`,
      source: disk,
    };
  });
}

function decideOsDisk({ point, machine, request }: PlanningFacts, problems: FoundProblems): PointDisk | null {
  const named = point.disks.filter((disk) => disk.role === 'os');
  const [first] = named;
  if (named.length > 1) {
    problems.warning(
      'CONTRADICTION',
      `The manifest of "${point.machineName}" names ${named.length} OS disks; "${first!.name}" is taken.`,
      `Restore with ${disksAlone(request)} if another is the right one.`,
    );
  }
  if (first !== undefined) return first;
  return point.disks.find((disk) => disk.name === machine.bootDisk) ?? point.disks[0] ?? null;
}

function checkExclusions(
  { point, request }: PlanningFacts,
  osDisk: PointDisk | null,
  restored: readonly PointDisk[],
  problems: FoundProblems,
): void {
  for (const name of new Set(request.excludeDisks)) {
    if (point.disks.some((disk) => disk.name === name)) continue;
    problems.error(
      'DISK_NOT_FOUND',
      `"${point.machineName}" has no disk "${name}" that could be left out.`,
      point.disks.length === 0
        ? 'Leave out --exclude-disk.'
        : `Its disks are ${point.disks.map((disk) => `"${disk.name}"`).join(', ')}.`,
    );
  }
  if (point.disks.length > 0 && restored.length === 0) {
    problems.error(
      'CONTRADICTION',
      `Every disk of "${point.machineName}" is left out, so nothing is left to restore.`,
      'Leave out fewer disks with --exclude-disk.',
    );
  } else if (osDisk !== null && !restored.includes(osDisk) && !request.disksOnly) {
    problems.error(
      'CONTRADICTION',
      `The OS disk "${osDisk.name}" is left out, and a VM can't be made without it.`,
      `Keep that disk, or restore the others with ${disksAlone(request)}.`,
    );
  }
}

function decideLuns(
  disks: readonly PointDisk[],
  keptLuns: ReadonlySet<number>,
  problems: FoundProblems,
): Map<PointDisk, number> {
  const luns = new Map<PointDisk, number>();
  const taken = new Set<number>();
  for (const disk of disks) {
    if (disk.lun === undefined) continue;
    const usable = isLun(disk.lun);
    if (usable && !taken.has(disk.lun)) {
      luns.set(disk, disk.lun);
      taken.add(disk.lun);
      continue;
    }
    problems.warning(
      'CONTRADICTION',
      `The manifest puts the disk "${disk.name}" at LUN ${disk.lun}, which is ${usable ? 'taken by another' : 'no LUN of a VM'}; it gets a free one.`,
      'Nothing has to be done if the system finds its disks by UUID or label.',
    );
  }
  let next = 0;
  for (const disk of disks) {
    if (luns.has(disk)) continue;
    while (taken.has(next) || keptLuns.has(next)) next += 1;
    luns.set(disk, next);
    taken.add(next);
  }
  return luns;
}

/** In bytes, a multiple of 1 GiB, at least one. */
function roundedSize(sourceBytes: number): number {
  if (!Number.isSafeInteger(sourceBytes) || sourceBytes <= 0) return GIB;
  return Math.ceil(sourceBytes / GIB) * GIB;
}

function checkSize(
  disk: PointDisk,
  role: DiskRole,
  sizeBytes: number,
  generation: Generation | null,
  request: RestoreRequest,
  problems: FoundProblems,
): void {
  if (!Number.isSafeInteger(disk.sizeBytes) || disk.sizeBytes <= 0) {
    problems.error(
      'DISK_EMPTY',
      `The image of the disk "${disk.name}" has 0 bytes: there is nothing to restore.`,
      `Leave it out with --exclude-disk ${disk.name}, or choose another restore point.`,
    );
    return;
  }
  if (sizeBytes > LARGEST_DISK_BYTES) {
    problems.error(
      'DISK_SKU',
      `The disk "${disk.name}" has ${inGib(sizeBytes)}, and no Azure disk holds more than 32,767 GiB.`,
      `Leave it out with --exclude-disk ${disk.name}.`,
    );
    return;
  }
  if (role !== 'os' || generation === null || sizeBytes <= LARGEST_OS_DISK_BYTES[generation]) return;
  const limit = inGib(LARGEST_OS_DISK_BYTES[generation]);
  const message = `The OS disk "${disk.name}" has ${inGib(sizeBytes)}, and that of a Generation ${generation} VM may have ${limit}.`;
  const code = generation === 1 ? 'GEN1_OS_DISK_TOO_LARGE' : 'DISK_SKU';
  if (request.disksOnly) {
    problems.warning(code, message, 'Attach it as a data disk to another VM.');
  } else {
    problems.error(
      code,
      message,
      `Restore the disks with ${disksAlone(request)}, and attach it as a data disk to another VM.`,
    );
  }
}

function inGib(bytes: number): string {
  return `${(bytes / GIB).toLocaleString('en-US')} GiB`;
}
