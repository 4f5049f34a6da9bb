import type { PlannedDisk } from '../plan.js';
import type { VmSize } from '../ports/cloud/reader.js';
import type { RestoreRequest } from '../request.js';
import type { UnpricedDisk } from './disks.js';
import type { FoundProblems } from './found-problems.js';

/*
 * The SKU of each new disk: what the request says, else what the manifest says if it can be had, else StandardSSD_LRS.
 * A wish of the user's that can't be met is an error; one of the manifest's is replaced, with a warning.
 */
interface SkuTraits {
  readonly premium: boolean;
  readonly osDisk: boolean;
  /** Exists in availability zones only, and takes no host caching. */
  readonly zonal: boolean;
  /** Bytes; what a disk of this SKU holds at most. */
  readonly throughput: (sizeGiB: number) => number;
}

const DEFAULT_SKU = 'StandardSSD_LRS';
/** At the original place, where no option names a SKU. */
const CHANGE_AFTERWARDS = 'Change its SKU after the restore if another is wanted.';

const standard = (sizeGiB: number): number =>
  sizeGiB <= 4096 ? 60 : sizeGiB <= 8192 ? 300 : sizeGiB <= 16_384 ? 500 : 500;
const standardSsd = (sizeGiB: number): number =>
  sizeGiB <= 4096 ? 60 : sizeGiB <= 8192 ? 400 : sizeGiB <= 16_384 ? 600 : 750;
/** P10 100, P20 150, P30 200, P40 and P50 250, P60 500, P70 750, P80 900 MB/s; the smaller ones 25 to 50. */
const premium = (sizeGiB: number): number => {
  const steps: readonly (readonly [number, number])[] = [
    [16, 25],
    [64, 50],
    [128, 100],
    [256, 125],
    [512, 150],
    [1024, 200],
    [4096, 250],
    [8192, 500],
    [16_384, 750],
  ];
  return steps.find(([upTo]) => sizeGiB <= upTo)?.[1] ?? 900;
};

const SKUS: Readonly<Record<string, SkuTraits>> = {
  Standard_LRS: { premium: false, osDisk: true, zonal: false, throughput: standard },
  StandardSSD_LRS: { premium: false, osDisk: true, zonal: false, throughput: standardSsd },
  StandardSSD_ZRS: { premium: false, osDisk: true, zonal: false, throughput: standardSsd },
  Premium_LRS: { premium: true, osDisk: true, zonal: false, throughput: premium },
  Premium_ZRS: { premium: true, osDisk: true, zonal: false, throughput: premium },
  PremiumV2_LRS: { premium: true, osDisk: false, zonal: true, throughput: () => 125 },
  UltraSSD_LRS: { premium: true, osDisk: false, zonal: true, throughput: () => 300 },
};

/** Of a disk with this SKU and size, in MB/s. */
export function diskThroughput(sku: string, sizeBytes: number): number {
  return (SKUS[sku] ?? SKUS[DEFAULT_SKU]!).throughput(sizeBytes / 1024 ** 3);
}

export function isPremium(sku: string): boolean {
  return SKUS[sku]?.premium ?? false;
}

/** The SKU that each disk should have, before a VM size is known. */
export function wantedSkus(
  disks: readonly UnpricedDisk[],
  request: RestoreRequest,
  zone: string | null,
  problems: FoundProblems,
): ReadonlyMap<string, string> {
  const asked = askedSku(request, disks, zone, problems);
  return new Map(
    disks.map((disk) => [disk.name, disk.asToday?.sku ?? asked ?? skuOfManifest(disk, request, zone, problems)]),
  );
}

/** Settles SKU and caching once the VM's size is known (null: only disks are wanted, or none could be found). */
export function priceDisks(
  disks: readonly UnpricedDisk[],
  wanted: ReadonlyMap<string, string>,
  size: VmSize | null,
  request: RestoreRequest,
  problems: FoundProblems,
): readonly PlannedDisk[] {
  let refused = false;
  return disks.map(({ source, asToday, ...disk }) => {
    if (asToday !== undefined) return { ...disk, ...asToday };
    let sku = wanted.get(disk.name) ?? DEFAULT_SKU;
    if (size !== null && !size.premiumIo && isPremium(sku)) {
      if (request.destination.diskSku === undefined) {
        problems.warning(
          'DISK_SKU',
          `The disk "${disk.name}" was ${sku}, which the size ${size.name} can't use; it becomes ${DEFAULT_SKU}.`,
          request.destination.kind === 'original'
            ? CHANGE_AFTERWARDS
            : 'Give a --size that takes premium disks to keep it.',
        );
        sku = DEFAULT_SKU;
      } else if (!refused) {
        refused = true;
        problems.error(
          'DISK_SKU',
          `The size ${size.name} can't use disks of SKU ${sku}.`,
          'Give a --size that takes premium disks, or another --disk-sku.',
        );
      }
    }
    return { ...disk, sku, caching: cachingOf(disk.role, sku, source.caching) };
  });
}

function askedSku(
  request: RestoreRequest,
  disks: readonly UnpricedDisk[],
  zone: string | null,
  problems: FoundProblems,
): string | null {
  const text = request.destination.diskSku;
  if (text === undefined) return null;
  const sku = canonicalSku(text);
  if (sku === null) {
    problems.error(
      'DISK_SKU',
      `"${text}" is no SKU of a managed disk.`,
      `Give one of ${Object.keys(SKUS).join(', ')} with --disk-sku.`,
    );
    return DEFAULT_SKU;
  }
  const traits = SKUS[sku]!;
  const osDisk = disks.find((disk) => disk.role === 'os');
  if (!traits.osDisk && osDisk !== undefined) {
    problems.error(
      'DISK_SKU',
      `The OS disk "${osDisk.name}" can't have the SKU ${sku}.`,
      'Give Premium_LRS, StandardSSD_LRS or Standard_LRS with --disk-sku.',
    );
  } else if (traits.zonal && zone === null) {
    problems.error(
      'DISK_SKU',
      `Disks of SKU ${sku} exist in availability zones only, and no zone was named.`,
      'Give --zone, or another --disk-sku.',
    );
  }
  return sku;
}

function skuOfManifest(
  disk: UnpricedDisk,
  request: RestoreRequest,
  zone: string | null,
  problems: FoundProblems,
): string {
  const told = disk.source.sku;
  if (told === undefined) return DEFAULT_SKU;
  const sku = canonicalSku(told);
  const traits = sku === null ? null : SKUS[sku]!;
  const fits = traits !== null && (traits.osDisk || disk.role === 'data') && (!traits.zonal || zone !== null);
  if (sku !== null && fits) return sku;
  const replacement = traits?.premium === true ? 'Premium_LRS' : DEFAULT_SKU;
  problems.warning(
    'DISK_SKU',
    `The manifest gives the disk "${disk.name}" the SKU "${told}", which can't be had here; it becomes ${replacement}.`,
    request.destination.kind === 'original' ? CHANGE_AFTERWARDS : 'Give --disk-sku if another is wanted.',
  );
  return replacement;
}

function canonicalSku(text: string): string | null {
  return Object.keys(SKUS).find((sku) => sku.toLowerCase() === text.toLowerCase()) ?? null;
}

function cachingOf(
  role: PlannedDisk['role'],
  sku: string,
  told: PlannedDisk['caching'] | undefined,
): PlannedDisk['caching'] {
  if (SKUS[sku]?.zonal === true) return 'None';
  if (role === 'os') return told ?? 'ReadWrite';
  // Write caching on a data disk can lose what a database believes written.
  return told === 'ReadOnly' ? 'ReadOnly' : 'None';
}
