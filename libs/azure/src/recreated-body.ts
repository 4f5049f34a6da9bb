import type { NotSent, RecreateSpec, SavedVm } from '@landfall/domain';
import { filtered, modelOf, tagsOf, type Model, type Rule, type Rules } from './model-rules.js';

/*
 * The body with which a VM is made anew from what Azure has shown of it, around disks that exist.
 *
 * A model that was read can't be sent back as it is: it holds what Azure alone decides, and what it takes only of a VM that is
 * made from an image. So every member has a rule here.
 */
export type RecreateOrder = Pick<RecreateSpec, 'osDiskId' | 'dataDisks' | 'tags' | 'size'>;

export interface RecreatedBody {
  readonly body: Readonly<Record<string, unknown>>;
  readonly notSent: readonly NotSent[];
}

const FOLLOWS_DISK = 'follows from the disk that is attached';
const UNMANAGED = 'belongs to disks that are blobs of a storage account';

const MANAGED_DISK: Rule = {
  members: {
    id: 'ordered',
    storageAccountType: { leftOut: FOLLOWS_DISK },
    diskEncryptionSet: { leftOut: FOLLOWS_DISK },
    securityProfile: 'sent',
  },
};

const ANY_DISK = {
  name: { leftOut: FOLLOWS_DISK },
  createOption: 'ordered',
  diskSizeGB: { leftOut: FOLLOWS_DISK },
  vhd: { leftOut: UNMANAGED },
  image: { leftOut: UNMANAGED },
  writeAcceleratorEnabled: 'sent',
  storageFaultDomainAlignment: 'sent',
  managedDisk: MANAGED_DISK,
  deleteOption: 'ordered',
} as const satisfies Rules;

const OS_DISK: Rules = {
  ...ANY_DISK,
  osType: 'sent',
  caching: 'sent',
  encryptionSettings: { leftOut: FOLLOWS_DISK },
  diffDiskSettings: { leftOut: 'belongs to an OS disk on the host, which a restored one is not' },
};

const DATA_DISK: Rules = {
  ...ANY_DISK,
  lun: 'ordered',
  caching: 'ordered',
  sourceResource: { leftOut: 'names what the disk was once made from' },
  toBeDetached: 'shown',
  detachOption: 'shown',
  // Refused when they are sent back (Azure/SAP-on-Azure-Scripts-and-Utilities#144): they are the disk's own.
  diskIOPSReadWrite: 'shown',
  diskMBpsReadWrite: 'shown',
};

const NIC: Rules = {
  id: 'sent',
  properties: { members: { primary: 'sent', deleteOption: 'ordered' } },
};

/** Lists, whose elements have rules of their own, are treated apart. */
const VM: Rules = {
  id: 'shown',
  name: 'shown',
  type: 'shown',
  etag: 'shown',
  systemData: 'shown',
  managedBy: 'shown',
  // Its extensions, which are made anew one by one.
  resources: 'shown',
  location: 'sent',
  tags: 'ordered',
  plan: 'sent',
  zones: 'sent',
  placement: 'sent',
  extendedLocation: 'sent',
  identity: {
    members: { type: 'sent', principalId: 'shown', tenantId: 'shown', userAssignedIdentities: 'ordered' },
  },
  properties: {
    members: {
      vmId: 'shown',
      provisioningState: 'shown',
      instanceView: 'shown',
      timeCreated: 'shown',
      hardwareProfile: { members: { vmSize: 'sent', vmSizeProperties: 'sent' } },
      storageProfile: {
        members: {
          osDisk: { members: OS_DISK },
          dataDisks: 'ordered',
          diskControllerType: 'sent',
          alignRegionalDisksToVMZone: 'sent',
          imageReference: { leftOut: 'Azure takes no image where an OS disk is attached' },
          diskApiVersion: { leftOut: 'tells Azure how to make disks, and these exist' },
        },
      },
      networkProfile: {
        members: {
          networkInterfaces: 'ordered',
          networkApiVersion: { leftOut: 'tells Azure how to make network interfaces, and these exist' },
          networkInterfaceConfigurations: { leftOut: 'describes network interfaces to make, and these exist' },
        },
      },
      osProfile: { leftOut: 'Azure takes it only of a VM that is made from an image' },
      securityProfile: 'sent',
      diagnosticsProfile: 'sent',
      additionalCapabilities: 'sent',
      availabilitySet: 'sent',
      virtualMachineScaleSet: 'sent',
      proximityPlacementGroup: 'sent',
      priority: 'sent',
      evictionPolicy: 'sent',
      billingProfile: 'sent',
      host: 'sent',
      hostGroup: 'sent',
      licenseType: 'sent',
      extensionsTimeBudget: 'sent',
      platformFaultDomain: 'sent',
      scheduledEventsProfile: 'sent',
      scheduledEventsPolicy: 'sent',
      userData: 'sent',
      capacityReservation: 'sent',
      applicationProfile: 'sent',
      resiliencyProfile: 'sent',
    },
  },
};

export function recreatedBody({ vm: saved }: Pick<SavedVm, 'vm'>, order: RecreateOrder): RecreatedBody {
  const notSent: NotSent[] = [];
  const body = filtered(saved.body, VM, '', notSent);
  const shown = modelOf(saved.body['properties']);
  const properties = modelOf(body['properties']);
  const storage = modelOf(properties['storageProfile']);
  const hardware = { ...modelOf(properties['hardwareProfile']), ...(order.size ? { vmSize: order.size } : {}) };
  return {
    body: {
      ...body,
      tags: tagsOf(saved.body['tags'], order.tags),
      ...identityOf(saved.body['identity'], body['identity']),
      properties: {
        ...properties,
        hardwareProfile: hardware,
        storageProfile: {
          ...storage,
          osDisk: osDiskOf(modelOf(storage['osDisk']), order.osDiskId),
          dataDisks: dataDisksOf(modelOf(shown['storageProfile'])['dataDisks'], order.dataDisks, notSent),
        },
        networkProfile: { networkInterfaces: nicsOf(modelOf(shown['networkProfile'])['networkInterfaces'], notSent) },
        ...securityOf(properties['securityProfile'], notSent),
      },
    },
    notSent,
  };
}

function osDiskOf(kept: Model, diskId: string): Model {
  return {
    ...kept,
    createOption: 'Attach',
    managedDisk: { ...modelOf(kept['managedDisk']), id: diskId },
    deleteOption: 'Detach',
  };
}

/** What a place has besides its disk stays with the place. */
function dataDisksOf(shown: unknown, ordered: RecreateOrder['dataDisks'], notSent: NotSent[]): Model[] {
  const before = new Map(listOf(shown).map((disk) => [disk['lun'], disk]));
  for (const lun of before.keys()) {
    if (ordered.some((disk) => disk.lun === lun)) continue;
    notSent.push({ path: dataDiskPath(lun), why: 'no disk is to be attached there' });
  }
  return ordered.map(({ diskId, lun, caching }) => {
    const kept = filtered(before.get(lun) ?? {}, DATA_DISK, dataDiskPath(lun), notSent);
    const managedDisk = { ...modelOf(kept['managedDisk']), id: diskId };
    return { ...kept, lun, caching, createOption: 'Attach', managedDisk, deleteOption: 'Detach' };
  });
}

function dataDiskPath(lun: unknown): string {
  return `properties.storageProfile.dataDisks[lun ${String(lun)}]`;
}

/** One of them has to be the primary one, and says so. */
function nicsOf(shown: unknown, notSent: NotSent[]): Model[] {
  const nics = listOf(shown).map((nic, index) =>
    filtered(nic, NIC, `properties.networkProfile.networkInterfaces[${index}]`, notSent),
  );
  const primary = nics.findIndex((nic) => modelOf(nic['properties'])['primary'] === true);
  return nics.map((nic, index) => ({
    ...nic,
    properties: { primary: index === Math.max(primary, 0), deleteOption: 'Detach' },
  }));
}

/**
 * A type that needs more than the plain one is named, for it has to be that of the OS disk. The plain one is shown by the newer
 * versions of the API, and refused by a subscription without a feature of its own (Azure/azure-cli#31234); left out, it is what a
 * VM around a plain disk has.
 */
function securityOf(kept: unknown, notSent: NotSent[]): { readonly securityProfile?: Model } {
  if (kept === undefined) return {};
  const { securityType, ...rest } = modelOf(kept);
  if (securityType !== 'Standard') return { securityProfile: modelOf(kept) };
  const why = 'is what Azure takes by itself for such a disk';
  notSent.push({ path: 'properties.securityProfile.securityType', why });
  return { securityProfile: rest };
}

/** The identities of others are named by their ids; what Azure shows of each is not sent. */
function identityOf(shown: unknown, kept: unknown): { readonly identity?: Model } {
  if (kept === undefined) return {};
  const { userAssignedIdentities } = modelOf(shown);
  if (userAssignedIdentities === undefined || userAssignedIdentities === null) return { identity: modelOf(kept) };
  const ids = Object.keys(modelOf(userAssignedIdentities)).map((id) => [id, {}] as const);
  return { identity: { ...modelOf(kept), userAssignedIdentities: Object.fromEntries(ids) } };
}

function listOf(value: unknown): readonly Model[] {
  return (Array.isArray(value) ? (value as readonly unknown[]) : []).map(modelOf);
}
