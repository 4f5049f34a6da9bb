import type { NotSent, RecreateDiskSpec } from '@landfall/domain';
import { filtered, modelOf, tagsOf, type Model, type Rules } from './model-rules.js';
import type { RecreatedBody } from './recreated-body.js';

/*
 * The body with which a disk is made anew from a snapshot, in the words in which Azure has shown the disk that the snapshot was
 * taken of. Every member has a rule here.
 */
const COMES_WITH_BYTES = 'a disk that is made from a snapshot has it from there';

/** What Azure decides for all kinds of storage but these, and refuses to be told (Azure documentation, managed disk types). */
const OWN_PERFORMANCE = ['PremiumV2_LRS', 'UltraSSD_LRS'];
const PERFORMANCE: Rules = {
  diskIOPSReadWrite: 'sent',
  diskMBpsReadWrite: 'sent',
  diskIOPSReadOnly: 'sent',
  diskMBpsReadOnly: 'sent',
};

const PROPERTIES: Rules = {
  timeCreated: 'shown',
  diskSizeBytes: 'shown',
  uniqueId: 'shown',
  provisioningState: 'shown',
  diskState: 'shown',
  shareInfo: 'shown',
  burstingEnabledTime: 'shown',
  propertyUpdatesInProgress: 'shown',
  completionPercent: 'shown',
  LastOwnershipUpdateTime: 'shown',
  diskIOPSReadWrite: 'shown',
  diskMBpsReadWrite: 'shown',
  diskIOPSReadOnly: 'shown',
  diskMBpsReadOnly: 'shown',
  creationData: 'ordered',
  osType: 'sent',
  hyperVGeneration: 'sent',
  purchasePlan: 'sent',
  supportedCapabilities: 'sent',
  diskSizeGB: 'sent',
  encryptionSettingsCollection: 'sent',
  encryption: 'sent',
  maxShares: 'sent',
  networkAccessPolicy: 'sent',
  diskAccessId: 'sent',
  tier: 'sent',
  burstingEnabled: 'sent',
  supportsHibernation: 'sent',
  // Refused with every way of making a disk but those from an image or a blob.
  securityProfile: { leftOut: COMES_WITH_BYTES },
  publicNetworkAccess: 'sent',
  dataAccessAuthMode: 'sent',
  optimizedForFrequentAttach: 'sent',
  availabilityPolicy: 'sent',
};

/** Of how it was made: what it has been since, and can become in no other way. */
const CREATION: Rules = {
  createOption: 'ordered',
  sourceResourceId: 'ordered',
  logicalSectorSize: 'sent',
  performancePlus: 'sent',
  storageAccountId: 'shown',
  imageReference: 'shown',
  galleryImageReference: 'shown',
  sourceUri: 'shown',
  sourceUniqueId: 'shown',
  uploadSizeBytes: 'shown',
  securityDataUri: 'shown',
  securityMetadataUri: 'shown',
  elasticSanResourceId: 'shown',
  provisionedBandwidthCopySpeed: 'shown',
  instantAccessDurationMinutes: 'shown',
};

const DISK: Rules = {
  id: 'shown',
  name: 'shown',
  type: 'shown',
  etag: 'shown',
  systemData: 'shown',
  managedBy: 'shown',
  managedByExtended: 'shown',
  location: 'sent',
  tags: 'ordered',
  zones: 'sent',
  extendedLocation: 'sent',
  sku: { members: { name: 'sent', tier: 'shown' } },
};

export function recreatedDiskBody({
  saved,
  snapshotId,
  tags,
}: Pick<RecreateDiskSpec, 'saved' | 'snapshotId' | 'tags'>): RecreatedBody {
  const notSent: NotSent[] = [];
  const hasOwnPerformance = OWN_PERFORMANCE.includes(skuOf(saved.body));
  const properties = { ...PROPERTIES, ...(hasOwnPerformance ? PERFORMANCE : {}) };
  const body = filtered(saved.body, { ...DISK, properties: { members: properties } }, '', notSent);
  const shown = modelOf(modelOf(saved.body['properties'])['creationData']);
  const creationData = filtered(shown, CREATION, 'properties.creationData', notSent);
  return {
    body: {
      ...body,
      tags: tagsOf(saved.body['tags'], tags),
      properties: {
        ...modelOf(body['properties']),
        creationData: { ...creationData, createOption: 'Copy', sourceResourceId: snapshotId },
      },
    },
    notSent,
  };
}

/** The kind of storage that a disk was shown with; empty: none. */
export function skuOf(body: Model): string {
  const { name } = modelOf(body['sku']);
  return typeof name === 'string' ? name : '';
}
