import { z } from 'zod';
import { KEPT, READ_ONLY_MEMBERS, TAGS, ZONES } from '../arm/body.js';
import { STORAGE_SKU } from './vm-schema.js';

/* The models of managed disks and snapshots, as Microsoft.Compute has them. */
const SKU = z.strictObject({ name: STORAGE_SKU, tier: z.string().optional() });
const SNAPSHOT_SKU = z.strictObject({
  name: z.enum(['Standard_LRS', 'Premium_LRS', 'Standard_ZRS']),
  tier: z.string().optional(),
});

const CREATION_DATA = z.strictObject({
  createOption: z.enum([
    'Empty',
    'Attach',
    'FromImage',
    'Import',
    'Copy',
    'Restore',
    'Upload',
    'CopyStart',
    'ImportSecure',
    'UploadPreparedSecure',
    'CopyFromSanSnapshot',
  ]),
  storageAccountId: z.string().optional(),
  imageReference: z.looseObject({ id: z.string().optional() }).optional(),
  galleryImageReference: KEPT.optional(),
  sourceUri: z.string().optional(),
  sourceResourceId: z.string().optional(),
  sourceUniqueId: z.string().optional(),
  uploadSizeBytes: z.number().int().positive().optional(),
  logicalSectorSize: z.union([z.literal(512), z.literal(4096)]).optional(),
  securityDataUri: z.string().optional(),
  securityMetadataUri: z.string().optional(),
  performancePlus: z.boolean().optional(),
  elasticSanResourceId: z.string().optional(),
  provisionedBandwidthCopySpeed: z.enum(['None', 'Enhanced']).optional(),
  instantAccessDurationMinutes: z.number().int().optional(),
});

/** Given back as they came; disks and snapshots have these in common. */
const COMMON_KEPT_MEMBERS = {
  purchasePlan: KEPT.optional(),
  supportedCapabilities: KEPT.optional(),
  encryptionSettingsCollection: KEPT.optional(),
  encryption: KEPT.optional(),
  networkAccessPolicy: z.enum(['AllowAll', 'AllowPrivate', 'DenyAll']).optional(),
  diskAccessId: z.string().nullable().optional(),
  supportsHibernation: z.boolean().optional(),
  securityProfile: KEPT.optional(),
  publicNetworkAccess: z.enum(['Enabled', 'Disabled']).optional(),
  dataAccessAuthMode: z.enum(['AzureActiveDirectory', 'None']).optional(),
};

const KEPT_MEMBERS = {
  ...COMMON_KEPT_MEMBERS,
  diskIOPSReadWrite: z.number().optional(),
  diskMBpsReadWrite: z.number().optional(),
  diskIOPSReadOnly: z.number().optional(),
  diskMBpsReadOnly: z.number().optional(),
  maxShares: z.number().int().positive().optional(),
  tier: z.string().optional(),
  burstingEnabled: z.boolean().optional(),
  optimizedForFrequentAttach: z.boolean().optional(),
  availabilityPolicy: KEPT.optional(),
};

/** Read-only members, which a client may send back as it has read them. */
const OBSERVED_MEMBERS = {
  provisioningState: z.unknown().optional(),
  timeCreated: z.unknown().optional(),
  diskState: z.unknown().optional(),
  diskSizeBytes: z.unknown().optional(),
  uniqueId: z.unknown().optional(),
  LastOwnershipUpdateTime: z.unknown().optional(),
  incrementalSnapshotFamilyId: z.unknown().optional(),
  snapshotAccessState: z.unknown().optional(),
  completionPercent: z.unknown().optional(),
  copyCompletionError: z.unknown().optional(),
};

/** The members that are given back as they came; what a client only reads is dropped. */
export function keptMembers(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(members).filter(([name, value]) => value !== undefined && !(name in OBSERVED_MEMBERS)),
  );
}

const SIZE_GB = z.number().int().min(1);
const GENERATION = z.enum(['V1', 'V2']);
const OS_TYPE = z.enum(['Linux', 'Windows']);

const DISK_PROPERTIES = z.strictObject({
  creationData: CREATION_DATA,
  osType: OS_TYPE.optional(),
  hyperVGeneration: GENERATION.optional(),
  diskSizeGB: SIZE_GB.optional(),
  ...KEPT_MEMBERS,
  ...OBSERVED_MEMBERS,
});

export const DISK_BODY = z.strictObject({
  ...READ_ONLY_MEMBERS,
  location: z.string().min(1),
  tags: TAGS.optional(),
  sku: SKU.optional(),
  zones: ZONES.optional(),
  extendedLocation: KEPT.optional(),
  managedBy: z.unknown().optional(),
  managedByExtended: z.unknown().optional(),
  properties: DISK_PROPERTIES,
});

const UPDATE_PROPERTIES = z.strictObject({
  osType: OS_TYPE.optional(),
  diskSizeGB: SIZE_GB.optional(),
  ...KEPT_MEMBERS,
});

export const DISK_UPDATE_BODY = z.strictObject({
  tags: TAGS.optional(),
  sku: SKU.optional(),
  properties: UPDATE_PROPERTIES.optional(),
});

export const SNAPSHOT_BODY = z.strictObject({
  ...READ_ONLY_MEMBERS,
  location: z.string().min(1),
  tags: TAGS.optional(),
  sku: SNAPSHOT_SKU.optional(),
  extendedLocation: KEPT.optional(),
  managedBy: z.unknown().optional(),
  properties: z.strictObject({
    creationData: CREATION_DATA,
    osType: OS_TYPE.optional(),
    hyperVGeneration: GENERATION.optional(),
    diskSizeGB: SIZE_GB.optional(),
    incremental: z.boolean().optional(),
    ...COMMON_KEPT_MEMBERS,
    ...OBSERVED_MEMBERS,
  }),
});

export const SNAPSHOT_UPDATE_BODY = z.strictObject({
  tags: TAGS.optional(),
  sku: SNAPSHOT_SKU.optional(),
  properties: z
    .strictObject({ osType: OS_TYPE.optional(), diskSizeGB: SIZE_GB.optional(), ...COMMON_KEPT_MEMBERS })
    .optional(),
});

export const GRANT_ACCESS_BODY = z.strictObject({
  access: z.enum(['None', 'Read', 'Write']),
  durationInSeconds: z.number().int().positive(),
  getSecureVMGuestStateSAS: z.boolean().optional(),
  fileFormat: z.enum(['VHD', 'VHDX']).optional(),
});

export type DiskBody = z.infer<typeof DISK_BODY>;
export type SnapshotBody = z.infer<typeof SNAPSHOT_BODY>;
export type KeptDiskMembers = z.infer<typeof UPDATE_PROPERTIES>;
