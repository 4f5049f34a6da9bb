import type { Architecture } from '../machine.js';
import type { Generation } from '../plan.js';
import type { DiskController, VmSize } from '../ports/cloud/reader.js';
import { azureModel } from './azure-model.js';
import type { UnpricedDisk } from './disks.js';
import { isPremium } from './disk-sku.js';
import type { PlanningFacts } from './facts.js';
import type { FoundProblems } from './found-problems.js';
import type { LivingVm } from './original/living-vm.js';
import type { Placement } from './placement.js';
import { coresShort, shortageText } from './quota.js';

/*
 * The VM's size. A size that the user names has to be right, and every reason against it is an error. Otherwise it is
 * the source VM's own size if the manifest tells it and it can be had, else the first fitting of the general-purpose
 * sizes below, else the smallest of all that fit.
 */
const PREFERRED = [2, 4, 8, 16, 32].flatMap((cores) =>
  ['s_v5', 's_v4', 's_v3'].map((series) => `Standard_D${cores}${series}`),
);

export interface SizeNeeds {
  readonly generation: Generation | null;
  /** One more than the highest LUN: Azure numbers the LUNs of a size from 0. */
  readonly dataDisks: number;
  readonly premiumIo: boolean;
  /** From any of which the machine can start. */
  readonly diskControllers: readonly DiskController[];
  readonly architecture: Architecture;
  /** It was a Trusted Launch VM, and is to be able to become one again. */
  readonly trustedLaunch: boolean;
  readonly zone: string | null;
}

export function sizeNeeds(
  { point, machine }: PlanningFacts,
  disks: readonly UnpricedDisk[],
  keptLuns: ReadonlySet<number>,
  skus: ReadonlyMap<string, string>,
  generation: Generation | null,
  zone: string | null,
): SizeNeeds {
  const { diskController, securityType } = azureModel(point);
  return {
    generation,
    // Only of Generation 2 does Azure start a VM from NVMe, and only a system that has done so before is known to be able to.
    diskControllers: diskController === 'NVMe' && generation === 2 ? ['SCSI', 'NVMe'] : ['SCSI'],
    architecture: machine.architecture ?? 'x64',
    trustedLaunch: securityType === 'TrustedLaunch' && generation === 2,
    dataDisks: Math.max(0, ...[...keptLuns, ...disks.map((disk) => disk.lun ?? -1)].map((lun) => lun + 1)),
    premiumIo: disks.some((disk) => isPremium(skus.get(disk.name) ?? '')),
    zone,
  };
}

/** Null where only disks are wanted and where no size can be had; in the second case an error says why. */
export function decideSize(
  facts: PlanningFacts,
  placement: Placement,
  needs: SizeNeeds,
  problems: FoundProblems,
): VmSize | null {
  const { request, target } = facts;
  if (target.sizes.length === 0) return noSizesProblem(facts, placement, problems);
  if (request.disksOnly) return null;
  const named = request.destination.size;
  if (named !== undefined) return checkNamedSize(named, facts, placement, needs, problems);

  // Stable: among those that can, and those that can't, become a Trusted Launch VM again, the order stays.
  const fitting = rankedSizes(target.sizes)
    .filter((size) => whyUnfit(size, needs) === null)
    .toSorted((a, b) => (needs.trustedLaunch ? Number(b.trustedLaunch) - Number(a.trustedLaunch) : 0));
  const affordable = fitting.filter((size) => coresShort(target.usages, [size]).length === 0);
  const own = azureModel(facts.point).size;
  const ownSize = affordable.find((size) => sameName(size.name, own));
  const chosen = ownSize ?? affordable[0] ?? null;
  if (own !== null && chosen !== null && ownSize === undefined) {
    problems.warning(
      'SIZE_UNAVAILABLE',
      `"${facts.point.machineName}" had the size ${own}, which can't be had here; the VM becomes ${chosen.name}.`,
      'Give --size if another is wanted.',
    );
  }
  if (chosen !== null) return chosen;
  if (fitting[0] !== undefined) {
    problems.error(
      'QUOTA',
      `No VM size that fits is within the quota of ${placement.region}: ${shortageText(target.usages, [fitting[0]])}.`,
      'Ask for more quota in the Azure portal, or restore to another region with --region.',
    );
  } else {
    explainNoneFits(target.sizes, needs, placement, problems);
  }
  return null;
}

/**
 * The size of the machine that is replaced, which the new one gets. As long as it stands it counts in the quota, deallocated or
 * not, so that the new one needs no more of that. Null where it can't be had; an error then says why.
 */
export function keepSize(
  source: LivingVm,
  { target }: PlanningFacts,
  placement: Placement,
  needs: SizeNeeds,
  problems: FoundProblems,
): VmSize | null {
  const fix = `Resize "${source.name}" to a size that fits and plan again, or restore with --to new.`;
  const offered = target.sizes.find((candidate) => sameName(candidate.name, source.size));
  if (offered === undefined) {
    problems.error(
      'SIZE_UNAVAILABLE',
      `"${source.name}" has the size ${source.size}, which is not offered in ${placement.region} any more.`,
      fix,
    );
    return null;
  }
  // It is made anew with the controller that it has, whatever else its size could have.
  const own = offered.diskControllers.filter((each) => each === (source.diskController ?? 'SCSI'));
  const size = own.length === 0 ? offered : { ...offered, diskControllers: own };
  const unfit = whyUnfit(size, { ...needs, premiumIo: false });
  if (unfit !== null) problems.error(unfit.code, unfit.message(placement.region), fix);
  return size;
}

/** Of a worker, too: where only disks are wanted, that is what needs one. */
function noSizesProblem({ request, target }: PlanningFacts, placement: Placement, problems: FoundProblems): null {
  const isNeeded = !request.disksOnly || request.transfer === 'worker';
  // Without a region there are no sizes, and an error says so already.
  const regionKnown = target.regions.some((region) => region.toLowerCase() === placement.region);
  if (isNeeded && regionKnown) {
    problems.error(
      'SIZE_UNAVAILABLE',
      `Azure offers this subscription no VM size in ${placement.region}.`,
      'Restore to another region with --region.',
    );
  }
  return null;
}

function checkNamedSize(
  name: string,
  { target }: PlanningFacts,
  placement: Placement,
  needs: SizeNeeds,
  problems: FoundProblems,
): VmSize | null {
  const size = target.sizes.find((candidate) => sameName(candidate.name, name));
  const alternatives = rankedSizes(target.sizes).filter(
    (candidate) => whyUnfit(candidate, needs) === null && coresShort(target.usages, [candidate]).length === 0,
  );
  const fix =
    alternatives[0] === undefined
      ? 'Restore to another region with --region.'
      : `Leave --size out, or give one that fits, such as ${alternatives[0].name}.`;
  if (size === undefined) {
    problems.error('SIZE_UNAVAILABLE', `The VM size "${name}" is not offered in ${placement.region}.`, fix);
    return null;
  }
  // Premium disks on a size that can't use them are reported with the disks.
  const unfit = whyUnfit(size, { ...needs, premiumIo: false });
  if (unfit !== null) problems.error(unfit.code, unfit.message(placement.region), fix);
  if (coresShort(target.usages, [size]).length > 0) {
    problems.error(
      'QUOTA',
      `The quota of ${placement.region} does not allow a VM of size ${size.name}: ${shortageText(target.usages, [size])}.`,
      `Ask for more quota in the Azure portal. ${fix}`,
    );
  }
  return size;
}

interface Unfit {
  readonly code:
    'SIZE_UNAVAILABLE' | 'GENERATION_SIZE' | 'ARCHITECTURE' | 'DISK_CONTROLLER' | 'DISK_COUNT' | 'DISK_SKU';
  readonly message: (region: string) => string;
}

/** The first reason why a size can't be used, or null. */
export function whyUnfit(size: VmSize, needs: SizeNeeds): Unfit | null {
  const notOffered = whyNotOffered(size, needs.zone);
  if (notOffered !== null) return notOffered;
  if (size.architecture !== needs.architecture) {
    return {
      code: 'ARCHITECTURE',
      message: () =>
        `The VM size ${size.name} has ${size.architecture} processors, and the machine is made for ${needs.architecture}.`,
    };
  }
  const { generation } = needs;
  if (generation !== null && !size.generations.includes(generation)) {
    return {
      code: 'GENERATION_SIZE',
      message: () => `The VM size ${size.name} can't boot a Generation ${generation} VM.`,
    };
  }
  if (!sharesController(size, needs)) {
    return {
      code: 'DISK_CONTROLLER',
      message: () =>
        `The VM size ${size.name} has its disks on ${size.diskControllers.join(' or ')} controllers alone, and nothing shows that the machine can start from one.`,
    };
  }
  if (size.maxDataDisks < needs.dataDisks) {
    return {
      code: 'DISK_COUNT',
      message: () =>
        `The VM size ${size.name} takes ${size.maxDataDisks} data disks, and ${needs.dataDisks} are needed (LUNs 0 to ${needs.dataDisks - 1}).`,
    };
  }
  if (needs.premiumIo && !size.premiumIo) {
    return { code: 'DISK_SKU', message: () => `The VM size ${size.name} can't use premium disks.` };
  }
  return null;
}

/** Whether the subscription can have it there at all. */
export function whyNotOffered(size: VmSize, zone: string | null): Unfit | null {
  if (size.restrictedInRegion) {
    return {
      code: 'SIZE_UNAVAILABLE',
      message: (region) => `The VM size ${size.name} is not available to this subscription in ${region}.`,
    };
  }
  if (zone !== null && (!size.zones.includes(zone) || size.restrictedZones.includes(zone))) {
    return {
      code: 'SIZE_UNAVAILABLE',
      message: (region) => `The VM size ${size.name} is not available in zone ${zone} of ${region}.`,
    };
  }
  return null;
}

function explainNoneFits(
  sizes: readonly VmSize[],
  needs: SizeNeeds,
  placement: Placement,
  problems: FoundProblems,
): void {
  const here = needs.zone === null ? placement.region : `zone ${needs.zone} of ${placement.region}`;
  const available = sizes.filter((size) => whyNotOffered(size, needs.zone) === null);
  if (available.length === 0) {
    problems.error(
      'SIZE_UNAVAILABLE',
      `No VM size is available in ${here}.`,
      needs.zone === null ? 'Restore to another region with --region.' : 'Give another --zone, or none.',
    );
    return;
  }
  const most = Math.max(...available.map((size) => size.maxDataDisks));
  if (most < needs.dataDisks) {
    problems.error(
      'DISK_COUNT',
      `The machine needs ${needs.dataDisks} LUNs for data disks, and the largest VM size in ${here} takes ${most}.`,
      'Leave disks out with --exclude-disk, or restore the disks with --disks-only.',
    );
  } else if (needs.generation !== null && !available.some((size) => size.generations.includes(needs.generation!))) {
    problems.error(
      'GENERATION_SIZE',
      `No VM size in ${here} can boot a Generation ${needs.generation} VM.`,
      'Restore to another region with --region.',
    );
  } else if (!available.some((size) => size.architecture === needs.architecture)) {
    problems.error(
      'ARCHITECTURE',
      `The machine is made for ${needs.architecture} processors, and no VM size in ${here} has them.`,
      'Restore to another region with --region, or restore the disks with --disks-only.',
    );
  } else if (!available.some((size) => sharesController(size, needs))) {
    problems.error(
      'DISK_CONTROLLER',
      `Every VM size in ${here} has its disks on NVMe controllers, and nothing shows that the machine can start from one.`,
      'Restore to another region with --region, or restore the disks with --disks-only.',
    );
  } else {
    problems.error(
      'SIZE_UNAVAILABLE',
      `No VM size in ${here} boots Generation ${needs.generation ?? 1}, takes ${needs.dataDisks} data disks${needs.premiumIo ? ' and uses premium disks' : ''} at once.`,
      'Give another --disk-sku, leave disks out with --exclude-disk, or restore to another region with --region.',
    );
  }
}

function sharesController(size: VmSize, { diskControllers }: SizeNeeds): boolean {
  return size.diskControllers.some((each) => diskControllers.includes(each));
}

/** The preferred ones first, then by cores, memory and name. */
function rankedSizes(sizes: readonly VmSize[]): readonly VmSize[] {
  const rank = (size: VmSize): number => {
    const index = PREFERRED.findIndex((name) => sameName(name, size.name));
    return index === -1 ? PREFERRED.length : index;
  };
  return sizes.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      a.vCpus - b.vCpus ||
      a.memoryGiB - b.memoryGiB ||
      (a.name < b.name ? -1 : Number(a.name > b.name)),
  );
}

function sameName(a: string, b: string | null): boolean {
  return b !== null && a.toLowerCase() === b.toLowerCase();
}
