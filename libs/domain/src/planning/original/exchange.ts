import type { PointDisk } from '../../machine.js';
import { nameBase } from '../../names.js';
import type { ReplacedVm } from '../../plan.js';
import { azureModel, type ModelDisk } from '../azure-model.js';
import type { ChosenDisks, UnpricedDisk } from '../disks.js';
import type { PlanningFacts } from '../facts.js';
import type { FoundProblems } from '../found-problems.js';
import type { LivingDisk, LivingVm } from './living-vm.js';

/*
 * Which disks of the machine are replaced, by which of the point.
 *
 *  - Its OS disk, always, by the point's.
 *  - A data disk by the one that was backed up from it, told by Azure's own number (`uniqueId`): another disk may bear its name
 *    by now, or be at its LUN. The point's manifest tells which of its disks that is, by LUN.
 *  - Any other disk of the machine is kept, and attached again at its LUN.
 *  - A disk of the point that replaces none is restored as one more.
 */
export interface Exchange {
  readonly replaced: ReadonlyMap<PointDisk, LivingDisk>;
  readonly kept: readonly LivingDisk[];
  /** What the point says that the disk was, where it replaces none. */
  readonly additional: ReadonlyMap<PointDisk, ModelDisk | null>;
  /** All that the machine has, the OS disk first. */
  readonly living: readonly LivingDisk[];
}

export const NOTHING_REPLACED: Exchange = { replaced: new Map(), kept: [], additional: new Map(), living: [] };

export function matchDisks(
  { point }: PlanningFacts,
  source: LivingVm,
  { osDisk, restored }: ChosenDisks,
  problems: FoundProblems,
): Exchange {
  const replaced = new Map<PointDisk, LivingDisk>();
  const additional = new Map<PointDisk, ModelDisk | null>();
  const models = azureModel(point).dataDisks;
  const attached = new Map(source.disks.filter(({ lun }) => lun !== null).map((disk) => [keyOf(disk.uniqueId), disk]));
  const replacing = new Map<LivingDisk, PointDisk>();
  for (const disk of restored) {
    const model = disk === osDisk ? null : (models.find(({ lun }) => lun === disk.lun) ?? null);
    const living =
      disk === osDisk
        ? source.disks.find(({ lun }) => lun === null)
        : attached.get(keyOf(model?.uniqueId ?? NO_NUMBER));
    const other = living && replacing.get(living);
    if (living === undefined || other !== undefined) additional.set(disk, model);
    else {
      replaced.set(disk, living);
      replacing.set(living, disk);
    }
    if (living === undefined || other === undefined) continue;
    problems.error(
      'CONTRADICTION',
      `By the manifest both "${other.name}" and "${disk.name}" are backups of the disk "${living.name}" of "${source.name}".`,
      'Leave out the wrong one with --exclude-disk.',
    );
  }
  return { replaced, additional, kept: source.disks.filter((disk) => !replacing.has(disk)), living: source.disks };
}

export function keptLuns({ kept }: Exchange): ReadonlySet<number> {
  return new Set(kept.flatMap(({ lun }) => lun ?? []));
}

/** As long as a name may be before a restore's suffix (`azureDiskName`). */
const LONGEST_NAME = 64;

/** The new disks under the names of the originals, with what these are today. */
export function standIn(
  disks: readonly UnpricedDisk[],
  exchange: Exchange,
  problems: FoundProblems,
): readonly UnpricedDisk[] {
  const names = new Set<string>();
  const unique = (wanted: string): string => {
    const base = nameBase(wanted, 'disk');
    let name = base.slice(0, LONGEST_NAME);
    for (let count = 2; names.has(name.toLowerCase()); count += 1) {
      name = `${base.slice(0, LONGEST_NAME - `-${count}`.length)}-${count}`;
    }
    names.add(name.toLowerCase());
    return name;
  };
  return disks.map((disk) => {
    checkLun(disk, exchange, problems);
    const original = exchange.replaced.get(disk.source);
    if (original === undefined) {
      const former = exchange.additional.get(disk.source)?.azureId.split('/').at(-1);
      return { ...disk, azureName: unique(former ?? disk.azureName) };
    }
    const { sku, caching } = original;
    const asToday = sku === '' ? {} : { asToday: { sku, caching } };
    return { ...disk, ...asToday, azureName: unique(original.name) };
  });
}

function checkLun({ name, lun }: UnpricedDisk, { kept }: Exchange, problems: FoundProblems): void {
  const there = kept.find((disk) => lun !== null && disk.lun === lun);
  if (there === undefined) return;
  problems.error(
    'CONTRADICTION',
    `The disk "${name}" belongs to LUN ${lun}, where "${there.name}" is attached, which the restore point does not replace.`,
    `Attach "${there.name}" at another LUN or detach it, and plan again; or leave "${name}" out with --exclude-disk.`,
  );
}

export function replacedVm(source: LivingVm, { replaced, living }: Exchange): ReplacedVm {
  const { azureId, instanceId, powerState, nicIds, addressIds } = source;
  const by = new Map([...replaced].map(([disk, original]) => [original, disk.name]));
  return {
    ...{ azureId, instanceId, powerState, nicIds, addressIds },
    disks: living.map((disk) => ({
      ...{ azureId: disk.azureId, uniqueId: disk.uniqueId, lun: disk.lun, caching: disk.caching },
      replacedBy: by.get(disk) ?? null,
    })),
  };
}

/** Of a disk that a manifest tells no number of; the plan is refused where a living one has none. */
const NO_NUMBER = '-';

/** Azure writes its numbers in whatever case it likes. */
function keyOf(uniqueId: string): string {
  return uniqueId.toLowerCase();
}
