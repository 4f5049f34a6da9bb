import { z } from 'zod';
import { KEPT, READ_ONLY_MEMBERS, REFERENCE, TAGS, ZONES } from '../arm/body.js';

/*
 * The model of a virtual machine, as Microsoft.Compute has it. Parts that the emulator acts on are checked member by
 * member; parts that decide nothing here are kept as they came.
 */
const CACHING = z.enum(['None', 'ReadOnly', 'ReadWrite']);
const DELETE_OPTION = z.enum(['Delete', 'Detach']);
const LUN = z.number().int().min(0).max(63);

export const STORAGE_SKU = z.enum([
  'Standard_LRS',
  'StandardSSD_LRS',
  'StandardSSD_ZRS',
  'Premium_LRS',
  'Premium_ZRS',
  'PremiumV2_LRS',
  'UltraSSD_LRS',
]);

const MANAGED_DISK = z.strictObject({
  id: z.string().min(1).optional(),
  storageAccountType: STORAGE_SKU.optional(),
  diskEncryptionSet: REFERENCE.optional(),
  securityProfile: KEPT.optional(),
  additionalDiskProperties: KEPT.optional(),
});

const IMAGE_REFERENCE = z.strictObject({
  id: z.string().min(1).optional(),
  publisher: z.string().optional(),
  offer: z.string().optional(),
  sku: z.string().optional(),
  version: z.string().optional(),
  exactVersion: z.string().optional(),
  sharedGalleryImageId: z.string().optional(),
  communityGalleryImageId: z.string().optional(),
});

const OS_DISK = z.strictObject({
  osType: z.enum(['Linux', 'Windows']).optional(),
  name: z.string().min(1).optional(),
  createOption: z.enum(['Attach', 'FromImage', 'Empty', 'Copy', 'Restore']),
  caching: CACHING.optional(),
  writeAcceleratorEnabled: z.boolean().optional(),
  diffDiskSettings: KEPT.optional(),
  encryptionSettings: KEPT.optional(),
  storageFaultDomainAlignment: z.string().optional(),
  diskSizeGB: z.number().int().positive().optional(),
  managedDisk: MANAGED_DISK.optional(),
  deleteOption: DELETE_OPTION.optional(),
});

const DATA_DISK = z.strictObject({
  lun: LUN,
  name: z.string().min(1).optional(),
  createOption: z.enum(['Attach', 'FromImage', 'Empty', 'Copy', 'Restore']),
  caching: CACHING.optional(),
  writeAcceleratorEnabled: z.boolean().optional(),
  storageFaultDomainAlignment: z.string().optional(),
  diskSizeGB: z.number().int().positive().optional(),
  managedDisk: MANAGED_DISK.optional(),
  sourceResource: REFERENCE.optional(),
  toBeDetached: z.boolean().optional(),
  detachOption: z.enum(['ForceDetach']).optional(),
  deleteOption: DELETE_OPTION.optional(),
  diskIOPSReadWrite: z.number().optional(),
  diskMBpsReadWrite: z.number().optional(),
});

const STORAGE_PROFILE = z.strictObject({
  imageReference: IMAGE_REFERENCE.optional(),
  osDisk: OS_DISK.optional(),
  dataDisks: z.array(DATA_DISK).optional(),
  diskControllerType: z.enum(['SCSI', 'NVMe']).optional(),
  alignRegionalDisksToVMZone: z.boolean().optional(),
  diskApiVersion: z.string().optional(),
});

const OS_PROFILE = z.strictObject({
  computerName: z.string().min(1).max(64).optional(),
  adminUsername: z.string().min(1).optional(),
  adminPassword: z.string().min(1).optional(),
  customData: z.base64().max(87_380).optional(),
  windowsConfiguration: KEPT.optional(),
  linuxConfiguration: z
    .strictObject({
      disablePasswordAuthentication: z.boolean().optional(),
      ssh: z
        .strictObject({
          publicKeys: z
            .array(z.strictObject({ path: z.string().optional(), keyData: z.string().optional() }))
            .optional(),
        })
        .optional(),
      provisionVMAgent: z.boolean().optional(),
      patchSettings: KEPT.optional(),
      enableVMAgentPlatformUpdates: z.boolean().optional(),
    })
    .optional(),
  secrets: z.array(KEPT).optional(),
  allowExtensionOperations: z.boolean().optional(),
  requireGuestProvisionSignal: z.boolean().optional(),
});

const NETWORK_PROFILE = z.strictObject({
  networkInterfaces: z
    .array(
      z.strictObject({
        id: z.string().min(1),
        properties: z
          .strictObject({ primary: z.boolean().optional(), deleteOption: DELETE_OPTION.optional() })
          .optional(),
      }),
    )
    .optional(),
  networkApiVersion: z.string().optional(),
  networkInterfaceConfigurations: z.array(KEPT).optional(),
});

const VM_PROPERTIES = z.strictObject({
  hardwareProfile: z
    .strictObject({ vmSize: z.string().min(1).optional(), vmSizeProperties: KEPT.optional() })
    .optional(),
  storageProfile: STORAGE_PROFILE.optional(),
  osProfile: OS_PROFILE.optional(),
  networkProfile: NETWORK_PROFILE.optional(),
  securityProfile: KEPT.optional(),
  diagnosticsProfile: z
    .strictObject({
      bootDiagnostics: z
        .strictObject({ enabled: z.boolean().optional(), storageUri: z.string().optional() })
        .optional(),
    })
    .optional(),
  additionalCapabilities: KEPT.optional(),
  availabilitySet: REFERENCE.optional(),
  virtualMachineScaleSet: REFERENCE.optional(),
  proximityPlacementGroup: REFERENCE.optional(),
  priority: z.enum(['Regular', 'Low', 'Spot']).optional(),
  evictionPolicy: z.enum(['Deallocate', 'Delete']).optional(),
  billingProfile: KEPT.optional(),
  host: REFERENCE.optional(),
  hostGroup: REFERENCE.optional(),
  licenseType: z.string().optional(),
  extensionsTimeBudget: z.string().optional(),
  platformFaultDomain: z.number().int().optional(),
  scheduledEventsProfile: KEPT.optional(),
  scheduledEventsPolicy: KEPT.optional(),
  userData: z.base64().optional(),
  capacityReservation: KEPT.optional(),
  applicationProfile: KEPT.optional(),
  resiliencyProfile: KEPT.optional(),
  // Read-only members, which a client may send back as it has read them.
  provisioningState: z.unknown().optional(),
  instanceView: z.unknown().optional(),
  vmId: z.unknown().optional(),
  timeCreated: z.unknown().optional(),
});

const IDENTITY = z.strictObject({
  type: z.enum(['SystemAssigned', 'UserAssigned', 'SystemAssigned, UserAssigned', 'None']).optional(),
  principalId: z.unknown().optional(),
  tenantId: z.unknown().optional(),
  userAssignedIdentities: z
    .record(
      z.string(),
      z.strictObject({ principalId: z.unknown().optional(), clientId: z.unknown().optional() }).nullable(),
    )
    .optional(),
});

const VM_MEMBERS = {
  ...READ_ONLY_MEMBERS,
  tags: TAGS.optional(),
  plan: KEPT.optional(),
  identity: IDENTITY.optional(),
  zones: ZONES.optional(),
  extendedLocation: KEPT.optional(),
  placement: KEPT.optional(),
  managedBy: z.unknown().optional(),
  resources: z.unknown().optional(),
};

export const VM_BODY = z.strictObject({ ...VM_MEMBERS, location: z.string().min(1), properties: VM_PROPERTIES });

export const VM_UPDATE_BODY = z.strictObject({
  ...VM_MEMBERS,
  location: z.string().optional(),
  properties: VM_PROPERTIES.optional(),
});

export const ATTACH_DETACH_BODY = z.strictObject({
  dataDisksToAttach: z
    .array(
      z.strictObject({
        diskId: z.string().min(1),
        lun: LUN.optional(),
        caching: CACHING.optional(),
        deleteOption: DELETE_OPTION.optional(),
        diskEncryptionSet: REFERENCE.optional(),
        writeAcceleratorEnabled: z.boolean().optional(),
      }),
    )
    .min(1)
    .optional(),
  dataDisksToDetach: z
    .array(z.strictObject({ diskId: z.string().min(1), detachOption: z.enum(['ForceDetach']).optional() }))
    .min(1)
    .optional(),
});

export type VmBody = z.infer<typeof VM_BODY>;
export type VmUpdateBody = z.infer<typeof VM_UPDATE_BODY>;
export type VmProperties = z.infer<typeof VM_PROPERTIES>;
export type VmIdentity = z.infer<typeof IDENTITY>;
export type OsDisk = z.infer<typeof OS_DISK>;
export type DataDisk = z.infer<typeof DATA_DISK>;
export type ImageReference = z.infer<typeof IMAGE_REFERENCE>;
export type AttachDetachBody = z.infer<typeof ATTACH_DETACH_BODY>;
