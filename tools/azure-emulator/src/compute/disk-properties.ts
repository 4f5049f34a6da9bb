import { badRequest, conflict, invalidParameter } from '../arm/errors.js';
import type { Azure } from '../azure.js';
import { requireReferred } from '../referred/references.js';
import type { DiskRecord, Kept, SnapshotRecord } from '../state/records.js';
import { keptMembers } from './disk-schema.js';

/*
 * Properties of disks and snapshots that are kept as they come: what Azure shows where nothing was sent, and what it
 * refuses because it doesn't go together.
 */
const GIB = 1024 ** 3;

interface Tier {
  readonly name: string;
  readonly upToGiB: number;
  readonly iops: number;
  readonly mbPerSecond: number;
}

/** Azure documentation, managed disk types. */
const PREMIUM: readonly Tier[] = tiers([
  ['P1', 4, 120, 25],
  ['P2', 8, 120, 25],
  ['P3', 16, 120, 25],
  ['P4', 32, 120, 25],
  ['P6', 64, 240, 50],
  ['P10', 128, 500, 100],
  ['P15', 256, 1_100, 125],
  ['P20', 512, 2_300, 150],
  ['P30', 1_024, 5_000, 200],
  ['P40', 2_048, 7_500, 250],
  ['P50', 4_096, 7_500, 250],
  ['P60', 8_192, 16_000, 500],
  ['P70', 16_384, 18_000, 750],
  ['P80', 32_767, 20_000, 900],
]);
const STANDARD_SSD: readonly Tier[] = tiers([
  ['E50', 4_096, 500, 100],
  ['E60', 8_192, 2_000, 400],
  ['E70', 16_384, 4_000, 600],
  ['E80', 32_767, 6_000, 750],
]);
const STANDARD_HDD: readonly Tier[] = tiers([
  ['S50', 4_096, 500, 60],
  ['S60', 8_192, 1_300, 300],
  ['S80', 32_767, 2_000, 500],
]);
const PREMIUM_V2: readonly Tier[] = tiers([['', 65_536, 3_000, 125]]);
/** Bursting on demand (Azure documentation, managed disk bursting). */
const SMALLEST_BURSTING_GIB = 513;

function tiers(rows: readonly (readonly [string, number, number, number])[]): readonly Tier[] {
  return rows.map(([name, upToGiB, iops, mbPerSecond]) => ({ name, upToGiB, iops, mbPerSecond }));
}

function tiersOf(sku: string): readonly Tier[] {
  if (sku === 'Premium_LRS' || sku === 'Premium_ZRS') return PREMIUM;
  if (sku.startsWith('StandardSSD')) return STANDARD_SSD;
  if (sku === 'PremiumV2_LRS') return PREMIUM_V2;
  return sku === 'Standard_LRS' ? STANDARD_HDD : [];
}

/** What Azure shows of every disk and snapshot, before what it was given. */
export function defaultMembers(disk: DiskRecord | SnapshotRecord): Kept {
  const common = {
    encryption: { type: 'EncryptionAtRestWithPlatformKey' },
    networkAccessPolicy: 'AllowAll',
    publicNetworkAccess: 'Enabled',
  };
  return 'zones' in disk ? { ...common, ...performance(disk) } : common;
}

function performance({ sku, sizeBytes, kept }: DiskRecord): Kept {
  const known = tiersOf(sku);
  const ownTier = known.find(({ upToGiB }) => sizeBytes <= upToGiB * GIB);
  const tier = known.find(({ name }) => name === kept['tier']) ?? ownTier;
  if (tier === undefined) return {};
  return {
    diskIOPSReadWrite: tier.iops,
    diskMBpsReadWrite: tier.mbPerSecond,
    ...(known === PREMIUM ? { tier: tier.name } : {}),
  };
}

/** With what is sent; what is sent as null or as an empty text is taken away. */
export function changedMembers(before: Kept, sent: Kept): Kept {
  const next = { ...before, ...keptMembers(sent) };
  return Object.fromEntries(Object.entries(next).filter(([, value]) => value !== null && value !== ''));
}

/** @throws AzureError 404 for what it names and that isn't there, 400 or 409 for what doesn't go together */
export function requireConsistent(disk: DiskRecord | SnapshotRecord, azure: Azure): void {
  const { kept, location } = disk;
  const { diskEncryptionSetId } = (kept['encryption'] ?? {}) as Kept;
  if (typeof diskEncryptionSetId === 'string') {
    const target = 'encryption.diskEncryptionSetId';
    requireReferred('Microsoft.Compute/diskEncryptionSets', diskEncryptionSetId, target, location, azure);
  }
  const { diskAccessId, networkAccessPolicy } = kept;
  const isPrivate = networkAccessPolicy === 'AllowPrivate';
  if (isPrivate && typeof diskAccessId !== 'string') {
    throw badRequest('BadRequest', "NetworkAccessPolicy 'AllowPrivate' requires the Disk Access.", 'diskAccessId');
  }
  if (typeof diskAccessId === 'string') {
    if (!isPrivate) {
      throw conflict(
        'ConflictingUserInput',
        'Disk Access is only supported for disks with NetworkAccessPolicy AllowPrivate.',
        disk.id,
      );
    }
    requireReferred('Microsoft.Compute/diskAccesses', diskAccessId, 'diskAccessId', location, azure);
  }
  if ('zones' in disk) requirePerformance(disk);
}

function requirePerformance({ kept, sku, sizeBytes }: DiskRecord): void {
  const { tier, burstingEnabled } = kept;
  if (typeof tier === 'string') {
    const least = PREMIUM.findIndex(({ upToGiB }) => sizeBytes <= upToGiB * GIB);
    if (tiersOf(sku) !== PREMIUM || PREMIUM.findIndex(({ name }) => name === tier) < least) {
      throw invalidParameter(
        'tier',
        `The performance tier '${tier}' is not allowed for a disk of type ${sku} and this size.`,
      );
    }
  }
  if (burstingEnabled === true && (tiersOf(sku) !== PREMIUM || sizeBytes < SMALLEST_BURSTING_GIB * GIB)) {
    throw invalidParameter(
      'burstingEnabled',
      `On-demand bursting is only supported for Premium disks larger than ${SMALLEST_BURSTING_GIB - 1} GiB.`,
    );
  }
}
