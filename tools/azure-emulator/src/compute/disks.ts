import { randomUUID } from 'node:crypto';
import { conflict, invalidParameter } from '../arm/errors.js';
import { parseBody } from '../arm/body.js';
import { resourceId } from '../arm/resource-id.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireGroup, requireName, requireOpenGroup, requireSameLocation } from '../groups/placement.js';
import { requireRegion, requireZones } from '../groups/regions.js';
import { accepted } from '../operations/answers.js';
import type { OperationKind } from '../operations/kind.js';
import { DISK, type DiskRecord, type Kept } from '../state/records.js';
import { put, remove } from '../state/state.js';
import { bootableImage, disksMembers, requireSameSecurity, requireSecurable, securityTypeOf } from './boot-rules.js';
import { copiedSize, freezing, requireCopySource, type CopySource } from './disk-copy.js';
import { removeDisk } from './disk-removal.js';
import {
  attachedRefused,
  hasActiveSas,
  hasContent,
  requireDisk,
  requireDiskSize,
  requireIdleDisk,
  requireResizable,
  requireUnchanged,
  requireUploadSize,
  shrinkRefused,
  VHD_FOOTER_BYTES,
} from './disk-rules.js';
import { changedMembers, requireConsistent } from './disk-properties.js';
import { DISK_BODY, DISK_UPDATE_BODY, type DiskBody } from './disk-schema.js';
import { acceptedDiskView, diskView, GIB } from './disk-view.js';
import { requireImageVersion } from './image-catalogue.js';

const PATH = '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Compute/disks';

export const DISK_ROUTES: readonly Route[] = [
  {
    operation: 'Disks_CreateOrUpdate',
    method: 'PUT',
    effect: 'write',
    path: `${PATH}/{diskName}`,
    handle: createOrUpdate,
  },
  { operation: 'Disks_Update', method: 'PATCH', effect: 'write', path: `${PATH}/{diskName}`, handle: update },
  {
    operation: 'Disks_Get',
    method: 'GET',
    effect: 'read',
    path: `${PATH}/{diskName}`,
    handle: (call, azure) => ok(diskView(named(call, azure), azure.now())),
  },
  { operation: 'Disks_Delete', method: 'DELETE', effect: 'delete', path: `${PATH}/{diskName}`, handle: beginDelete },
  {
    operation: 'Disks_ListByResourceGroup',
    method: 'GET',
    effect: 'read',
    path: PATH,
    handle: (call, azure) => {
      const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
      return list(
        azure.state.inGroup(group.name).flatMap((found) => (found.type === DISK ? [diskView(found, azure.now())] : [])),
      );
    },
  },
  {
    operation: 'Disks_List',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/providers/Microsoft.Compute/disks',
    handle: (_, azure) => list(azure.state.ofType(DISK).map((disk) => diskView(disk, azure.now()))),
  },
];

interface CreateInput {
  readonly fileBytes: number;
  /** Its content was put aside when it was accepted. */
  readonly isCopy: boolean;
}

interface PlannedDisk {
  readonly disk: DiskRecord;
  readonly fileBytes: number;
  readonly source: CopySource | null;
}

/** Makes the file and shows the disk as ready. */
export const CREATE_DISK: OperationKind<CreateInput> = {
  name: 'disks.create',
  run: async ({ fileBytes, isCopy }, operation, azure) => {
    const disk = azure.state.find(DISK, operation.resourceId);
    if (disk === undefined) return { changes: [] };
    if (isCopy) await azure.files.settle(disk.uniqueId);
    else await azure.files.create(disk.uniqueId, fileBytes);
    const ready: DiskRecord = { ...disk, provisioningState: 'Succeeded' };
    return { changes: [put(ready)], output: diskView(ready, null) };
  },
  abandon: (_, operation, azure) => {
    const disk = azure.state.find(DISK, operation.resourceId);
    return disk === undefined ? [] : [put({ ...disk, provisioningState: 'Failed' })];
  },
};

export const UPDATE_DISK: OperationKind<{ readonly sizeBytes: number }> = {
  name: 'disks.update',
  run: async ({ sizeBytes }, operation, azure) => {
    const disk = azure.state.find(DISK, operation.resourceId);
    if (disk === undefined) return { changes: [] };
    if (sizeBytes > disk.sizeBytes) await azure.files.resize(disk.uniqueId, sizeBytes);
    const ready: DiskRecord = { ...disk, sizeBytes, provisioningState: 'Succeeded' };
    return { changes: [put(ready)], output: diskView(ready, null) };
  },
  abandon: (_, operation, azure) => {
    const disk = azure.state.find(DISK, operation.resourceId);
    return disk === undefined ? [] : [put({ ...disk, provisioningState: 'Failed' })];
  },
};

export const DELETE_DISK: OperationKind<null> = {
  name: 'disks.delete',
  run: async (_, operation, azure) => {
    const disk = azure.state.find(DISK, operation.resourceId);
    return { changes: disk === undefined ? [remove(operation.resourceId)] : await removeDisk(disk, azure) };
  },
  abandon: (_, operation, azure) => {
    const disk = azure.state.find(DISK, operation.resourceId);
    return disk === undefined ? [] : [put({ ...disk, provisioningState: 'Succeeded' })];
  },
};

function named(call: Call, azure: Azure): DiskRecord {
  return requireDisk(DISK, parameter(call, 'resourceGroupName'), parameter(call, 'diskName'), azure);
}

function createOrUpdate(call: Call, azure: Azure): Answer | Promise<Answer> {
  const group = requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const name = parameter(call, 'diskName');
  requireName('disk', name);
  const body = parseBody(DISK_BODY, call.body);
  const id = resourceId(azure.subscriptionId, group.name, DISK, name);
  requireSameLocation(azure.state.resource(id), body.location);
  const existing = azure.state.find(DISK, id);
  if (existing !== undefined && hasContent(existing, azure)) return replace(existing, body, azure);
  const planned = plannedDisk(id, name, body, azure);
  requireConsistent(planned.disk, azure);
  if (planned.source === null) return beginCreation(planned, azure);
  return freezing(planned.source, planned.disk, azure, () => {
    requireOpenGroup(group.name, azure);
    requireUnchanged(existing, id, azure);
    return beginCreation(planned, azure);
  });
}

function beginCreation({ disk, fileBytes, source }: PlannedDisk, azure: Azure): Answer {
  const operation = azure.operations.begin(CREATE_DISK, {
    resourceId: disk.id,
    location: disk.location,
    input: { fileBytes, isCopy: source !== null },
    changes: [put(disk)],
  });
  return accepted(azure, operation, 'disks', acceptedDiskView(disk));
}

/** As Azure says it: https://github.com/Azure/terraform-azurerm-avm-res-compute-virtualmachine/issues/236 */
function requireZonal(sku: string): void {
  if (!sku.endsWith('_ZRS')) return;
  throw conflict('OperationNotAllowed', `A disk with sku '${sku}' cannot be created in an availability zone.`);
}

function plannedDisk(id: string, name: string, body: DiskBody, azure: Azure): PlannedDisk {
  const region = requireRegion(body.location, DISK);
  const zones = body.zones ?? [];
  requireZones(region, zones);
  const sku = body.sku?.name ?? 'Standard_LRS';
  if (zones.length > 0) requireZonal(sku);
  const { creationData, osType, hyperVGeneration, diskSizeGB, ...others } = body.properties;
  const now = azure.now().toISOString();
  const common = {
    type: DISK,
    id,
    name,
    location: region.name,
    tags: body.tags ?? {},
    zones,
    sku,
    creationData,
    kept: changedMembers({}, others),
    uniqueId: randomUUID(),
    managedBy: null,
    detaching: false,
    ownershipChangedAt: null,
    unusable: null,
    provisioningState: 'Creating',
    createdAt: now,
    changedAt: now,
  } as const;
  requireSecurable(creationData.createOption, others.securityProfile);
  const own = { osType: osType ?? null, hyperVGeneration: hyperVGeneration ?? null };
  switch (creationData.createOption) {
    case 'Empty': {
      const sizeBytes = requireDiskSize(diskSizeGB);
      const disk = { ...common, ...own, sizeBytes, diskState: 'Unattached' } as const;
      return { disk, fileBytes: sizeBytes, source: null };
    }
    case 'FromImage': {
      const image = requireImageVersion(creationData.imageReference?.id);
      const { generation } = image;
      const sizeBytes = requireDiskSize(diskSizeGB ?? image.sizeGb);
      if (sizeBytes < image.sizeGb * GIB) throw shrinkRefused();
      const kept = { ...disksMembers(bootableImage(image, securityTypeOf(others.securityProfile))), ...common.kept };
      const disk = { ...common, osType: image.osType, hyperVGeneration: generation, kept, sizeBytes } as const;
      return { disk: { ...disk, diskState: 'Unattached' }, fileBytes: sizeBytes, source: null };
    }
    case 'Upload': {
      const fileBytes = requireUploadSize(creationData.uploadSizeBytes);
      if (diskSizeGB !== undefined) {
        throw invalidParameter(
          'disk.diskSizeGB',
          "Parameter 'disk.diskSizeGB' is not allowed when createOption is 'Upload'.",
        );
      }
      const sizeBytes = fileBytes - VHD_FOOTER_BYTES;
      return { disk: { ...common, ...own, sizeBytes, diskState: 'ReadyToUpload' }, fileBytes, source: null };
    }
    case 'Copy': {
      const source = requireCopySource(creationData.sourceResourceId, region.name, azure);
      const sizeBytes = copiedSize(source, diskSizeGB);
      const { inherited, record } = source;
      return {
        disk: {
          ...common,
          osType: osType ?? inherited.osType,
          hyperVGeneration: hyperVGeneration ?? inherited.hyperVGeneration,
          kept: { ...inherited.kept, ...common.kept },
          creationData: { ...creationData, sourceUniqueId: record.uniqueId },
          sizeBytes,
          diskState: 'Unattached',
        },
        fileBytes: sizeBytes,
        source,
      };
    }
    default:
      throw invalidParameter(
        'disk.creationData.createOption',
        `The value '${creationData.createOption}' of parameter 'disk.creationData.createOption' is not supported by this subscription.`,
      );
  }
}

/** A PUT on a disk that exists may change its tags, its SKU and, upwards, its size. */
function replace(disk: DiskRecord, body: DiskBody, azure: Azure): Answer {
  const { creationData, osType, hyperVGeneration, diskSizeGB, ...others } = body.properties;
  const sourceId = creationData.sourceResourceId?.toLowerCase();
  const unchangeable: readonly (readonly [string, unknown, unknown])[] = [
    ['creationData.createOption', creationData.createOption, disk.creationData.createOption],
    ['creationData.sourceResourceId', sourceId, disk.creationData.sourceResourceId?.toLowerCase()],
    ['creationData.uploadSizeBytes', creationData.uploadSizeBytes, disk.creationData.uploadSizeBytes],
    ['hyperVGeneration', hyperVGeneration ?? disk.hyperVGeneration, disk.hyperVGeneration],
    ['zones', (body.zones ?? []).join(), disk.zones.join()],
  ];
  requireSameSecurity(disk.kept, others);
  for (const [property, wanted, actual] of unchangeable) {
    if (wanted === actual) continue;
    throw conflict('PropertyChangeNotAllowed', `Changing property '${property}' is not allowed.`, property);
  }
  return change(disk, { tags: body.tags ?? {}, sku: body.sku?.name, diskSizeGB, osType, others }, azure);
}

function update(call: Call, azure: Azure): Answer {
  requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const disk = named(call, azure);
  const body = parseBody(DISK_UPDATE_BODY, call.body);
  const { osType, diskSizeGB, ...others } = body.properties ?? {};
  requireSameSecurity(disk.kept, others);
  return change(disk, { tags: body.tags, sku: body.sku?.name, diskSizeGB, osType, others }, azure);
}

interface DiskChange {
  readonly tags: Readonly<Record<string, string>> | undefined;
  readonly sku: string | undefined;
  readonly diskSizeGB: number | undefined;
  readonly osType: 'Linux' | 'Windows' | undefined;
  readonly others: Readonly<Record<string, unknown>>;
}

function change(disk: DiskRecord, wanted: DiskChange, azure: Azure): Answer {
  requireIdleDisk(disk, azure);
  const sizeBytes = wanted.diskSizeGB === undefined ? disk.sizeBytes : requireDiskSize(wanted.diskSizeGB);
  const isResize = sizeBytes !== disk.sizeBytes && wanted.diskSizeGB !== Math.ceil(disk.sizeBytes / GIB);
  if (isResize && sizeBytes < disk.sizeBytes) throw shrinkRefused();
  if (isResize && hasActiveSas(disk)) {
    throw conflict(
      'ChangeDiskSizeWhileActiveSasNotAllowed',
      `Changing the size of disk '${disk.name}' is not allowed while there is an active shared access signature outstanding for it.`,
    );
  }
  if (isResize) requireResizable(disk, sizeBytes, azure);
  if (wanted.sku !== undefined && wanted.sku !== disk.sku && disk.diskState === 'Attached') {
    throw conflict(
      'OperationNotAllowed',
      `Cannot change the SKU of disk '${disk.name}' while it is attached to running VM '${disk.managedBy}'.`,
    );
  }
  const isOtherSku = wanted.sku !== undefined && wanted.sku !== disk.sku;
  const changed: DiskRecord = {
    ...disk,
    tags: wanted.tags ?? disk.tags,
    sku: wanted.sku ?? disk.sku,
    osType: wanted.osType ?? disk.osType,
    kept: changedMembers(isOtherSku ? withoutTier(disk.kept) : disk.kept, wanted.others),
    provisioningState: 'Updating',
    changedAt: azure.now().toISOString(),
  };
  requireConsistent({ ...changed, sizeBytes }, azure);
  const operation = azure.operations.begin(UPDATE_DISK, {
    resourceId: disk.id,
    location: disk.location,
    input: { sizeBytes: isResize ? sizeBytes : disk.sizeBytes },
    changes: [put(changed)],
  });
  return accepted(azure, operation, 'disks', acceptedDiskView(changed));
}

/** A performance tier is of one kind of storage. */
function withoutTier({ tier, ...others }: Kept): Kept {
  void tier;
  return others;
}

function beginDelete(call: Call, azure: Azure): Answer {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const id = resourceId(azure.subscriptionId, group.name, DISK, parameter(call, 'diskName'));
  const disk = azure.state.find(DISK, id);
  if (disk === undefined) return { status: 204 };
  const running = azure.operations.on(id);
  if (running?.kind === DELETE_DISK.name) return accepted(azure, running, 'disks');
  requireIdleDisk(disk, azure);
  if (disk.managedBy !== null) throw attachedRefused(disk);
  if (hasActiveSas(disk)) {
    throw conflict(
      'OperationNotAllowed',
      `Disk '${disk.name}' cannot be deleted: There is an active shared access signature outstanding for disk ${disk.name}. ` +
        'Call EndGetAccess on it first.',
    );
  }
  const operation = azure.operations.begin(DELETE_DISK, {
    resourceId: disk.id,
    location: disk.location,
    input: null,
    changes: [put({ ...disk, provisioningState: 'Deleting' })],
  });
  return accepted(azure, operation, 'disks');
}
