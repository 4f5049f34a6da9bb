import { randomUUID } from 'node:crypto';
import { conflict, invalidParameter } from '../arm/errors.js';
import { parseBody } from '../arm/body.js';
import { resourceId } from '../arm/resource-id.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireGroup, requireName, requireOpenGroup, requireSameLocation } from '../groups/placement.js';
import { requireRegion } from '../groups/regions.js';
import { accepted } from '../operations/answers.js';
import type { OperationKind } from '../operations/kind.js';
import { SNAPSHOT, type SnapshotRecord } from '../state/records.js';
import { put, remove } from '../state/state.js';
import { backgroundCopy } from './background-copy.js';
import { copiedSize, freezing, requireCopySource, type CopySource } from './disk-copy.js';
import { removeDisk } from './disk-removal.js';
import { hasActiveSas, hasContent, requireDisk, requireIdleDisk, requireUnchanged } from './disk-rules.js';
import { changedMembers, requireConsistent } from './disk-properties.js';
import { SNAPSHOT_BODY, SNAPSHOT_UPDATE_BODY, type SnapshotBody } from './disk-schema.js';
import { acceptedDiskView, diskView, GIB } from './disk-view.js';
import { familyOf, requireSnapshotKind, snapshotUnderAccess } from './snapshot-rules.js';

/*
 * Snapshots: of a disk, attached or not, or of another snapshot. A snapshot holds all of its content itself, an
 * incremental one too, so it outlives its source and the earlier ones of its family.
 */
const COLLECTION =
  '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Compute/snapshots';
const PATH = `${COLLECTION}/{snapshotName}`;

export const SNAPSHOT_ROUTES: readonly Route[] = [
  { operation: 'Snapshots_CreateOrUpdate', method: 'PUT', effect: 'write', path: PATH, handle: createOrUpdate },
  { operation: 'Snapshots_Update', method: 'PATCH', effect: 'write', path: PATH, handle: update },
  {
    operation: 'Snapshots_Get',
    method: 'GET',
    effect: 'read',
    path: PATH,
    handle: (call, azure) => ok(diskView(named(call, azure), azure.now())),
  },
  { operation: 'Snapshots_Delete', method: 'DELETE', effect: 'delete', path: PATH, handle: beginDelete },
  {
    operation: 'Snapshots_ListByResourceGroup',
    method: 'GET',
    effect: 'read',
    path: COLLECTION,
    handle: (call, azure) => {
      const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
      const found = azure.state.inGroup(group.name);
      return list(found.flatMap((resource) => (resource.type === SNAPSHOT ? [diskView(resource, azure.now())] : [])));
    },
  },
  {
    operation: 'Snapshots_List',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/providers/Microsoft.Compute/snapshots',
    handle: (_, azure) => list(azure.state.ofType(SNAPSHOT).map((snapshot) => diskView(snapshot, azure.now()))),
  },
];

export const CREATE_SNAPSHOT: OperationKind<null> = {
  name: 'snapshots.create',
  run: async (_, operation, azure) => {
    const snapshot = azure.state.find(SNAPSHOT, operation.resourceId);
    if (snapshot === undefined) return { changes: [] };
    await azure.files.settle(snapshot.uniqueId);
    const ready: SnapshotRecord = { ...snapshot, provisioningState: 'Succeeded' };
    return { changes: [put(ready)], output: diskView(ready, null) };
  },
  abandon: (_, operation, azure) => failed(operation.resourceId, azure),
};

/** Takes its new shape when it is accepted; the operation only lets time pass. */
export const UPDATE_SNAPSHOT: OperationKind<null> = {
  name: 'snapshots.update',
  run: (_, operation, azure) => {
    const snapshot = azure.state.find(SNAPSHOT, operation.resourceId);
    if (snapshot === undefined) return { changes: [] };
    const ready: SnapshotRecord = { ...snapshot, provisioningState: 'Succeeded' };
    return { changes: [put(ready)], output: diskView(ready, null) };
  },
  abandon: (_, operation, azure) => failed(operation.resourceId, azure),
};

export const DELETE_SNAPSHOT: OperationKind<null> = {
  name: 'snapshots.delete',
  run: async (_, operation, azure) => {
    const snapshot = azure.state.find(SNAPSHOT, operation.resourceId);
    return { changes: snapshot === undefined ? [remove(operation.resourceId)] : await removeDisk(snapshot, azure) };
  },
  abandon: (_, operation, azure) => {
    const snapshot = azure.state.find(SNAPSHOT, operation.resourceId);
    return snapshot === undefined ? [] : [put({ ...snapshot, provisioningState: 'Succeeded' })];
  },
};

function failed(id: string, azure: Azure) {
  const snapshot = azure.state.find(SNAPSHOT, id);
  return snapshot === undefined ? [] : [put({ ...snapshot, provisioningState: 'Failed' as const })];
}

function named(call: Call, azure: Azure): SnapshotRecord {
  return requireDisk(SNAPSHOT, parameter(call, 'resourceGroupName'), parameter(call, 'snapshotName'), azure);
}

function createOrUpdate(call: Call, azure: Azure): Answer | Promise<Answer> {
  const group = requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const name = parameter(call, 'snapshotName');
  requireName('disk', name);
  const body = parseBody(SNAPSHOT_BODY, call.body);
  const id = resourceId(azure.subscriptionId, group.name, SNAPSHOT, name);
  requireSameLocation(azure.state.resource(id), body.location);
  const existing = azure.state.find(SNAPSHOT, id);
  if (existing !== undefined && hasContent(existing, azure)) return replace(existing, body, azure);
  const { snapshot, source } = plannedSnapshot(id, name, body, azure);
  requireConsistent(snapshot, azure);
  return freezing(source, snapshot, azure, () => {
    requireOpenGroup(group.name, azure);
    requireUnchanged(existing, id, azure);
    const operation = azure.operations.begin(CREATE_SNAPSHOT, {
      resourceId: id,
      location: snapshot.location,
      input: null,
      changes: [put(snapshot)],
    });
    return accepted(azure, operation, 'disks', acceptedDiskView(snapshot));
  });
}

function plannedSnapshot(
  id: string,
  name: string,
  body: SnapshotBody,
  azure: Azure,
): { snapshot: SnapshotRecord; source: CopySource } {
  const region = requireRegion(body.location, SNAPSHOT);
  const { creationData, osType, hyperVGeneration, diskSizeGB, incremental = false, ...others } = body.properties;
  const { createOption, sourceResourceId } = creationData;
  if (createOption !== 'Copy' && createOption !== 'CopyStart') {
    throw invalidParameter(
      'snapshot.creationData.createOption',
      `The value '${createOption}' of parameter 'snapshot.creationData.createOption' is not supported by this subscription.`,
    );
  }
  const source = requireCopySource(sourceResourceId, createOption === 'CopyStart' ? null : region.name, azure);
  const sku = body.sku?.name ?? 'Standard_LRS';
  requireSnapshotKind({ createOption, incremental, sku }, source, azure);
  const { inherited, record } = source;
  const now = azure.now().toISOString();
  const copy = backgroundCopy(createOption, record, id, CREATE_SNAPSHOT.name, azure);
  const snapshot: SnapshotRecord = {
    type: SNAPSHOT,
    id,
    name,
    location: region.name,
    tags: body.tags ?? {},
    sku,
    sizeBytes: copiedSize(source, diskSizeGB),
    osType: osType ?? inherited.osType,
    hyperVGeneration: hyperVGeneration ?? inherited.hyperVGeneration,
    creationData: { ...creationData, sourceResourceId: record.id, sourceUniqueId: record.uniqueId },
    kept: changedMembers(inherited.kept, others),
    uniqueId: randomUUID(),
    diskState: 'Unattached',
    incremental,
    incrementalSnapshotFamilyId: incremental ? familyOf(source, region.name) : null,
    ...(copy === null ? {} : { copy }),
    provisioningState: 'Creating',
    createdAt: now,
    changedAt: now,
  };
  return { snapshot, source };
}

/** A PUT on a snapshot that exists may change its tags and its SKU. */
function replace(snapshot: SnapshotRecord, body: SnapshotBody, azure: Azure): Answer {
  const { creationData, osType, hyperVGeneration, diskSizeGB, incremental = false, ...others } = body.properties;
  const sourceId = creationData.sourceResourceId?.toLowerCase();
  const unchangeable: readonly (readonly [string, unknown, unknown])[] = [
    ['creationData.createOption', creationData.createOption, snapshot.creationData.createOption],
    ['creationData.sourceResourceId', sourceId, snapshot.creationData.sourceResourceId?.toLowerCase()],
    ['hyperVGeneration', hyperVGeneration ?? snapshot.hyperVGeneration, snapshot.hyperVGeneration],
    ['incremental', incremental, snapshot.incremental],
  ];
  for (const [property, wanted, actual] of unchangeable) if (wanted !== actual) throw changeRefused(property);
  return change(snapshot, { tags: body.tags ?? {}, sku: body.sku?.name, diskSizeGB, osType, others }, azure);
}

function update(call: Call, azure: Azure): Answer {
  requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const snapshot = named(call, azure);
  const body = parseBody(SNAPSHOT_UPDATE_BODY, call.body);
  const { osType, diskSizeGB, ...others } = body.properties ?? {};
  return change(snapshot, { tags: body.tags, sku: body.sku?.name, diskSizeGB, osType, others }, azure);
}

interface SnapshotChange {
  readonly tags: Readonly<Record<string, string>> | undefined;
  readonly sku: string | undefined;
  readonly diskSizeGB: number | undefined;
  readonly osType: 'Linux' | 'Windows' | undefined;
  readonly others: Readonly<Record<string, unknown>>;
}

function change(snapshot: SnapshotRecord, wanted: SnapshotChange, azure: Azure): Answer {
  requireIdleDisk(snapshot, azure);
  const sizeGb = Math.ceil(snapshot.sizeBytes / GIB);
  if (wanted.diskSizeGB !== undefined && wanted.diskSizeGB !== sizeGb) throw changeRefused('diskSizeGB');
  if (snapshot.incremental && wanted.sku === 'Premium_LRS') throw changeRefused('sku.name');
  const changed: SnapshotRecord = {
    ...snapshot,
    tags: wanted.tags ?? snapshot.tags,
    sku: wanted.sku ?? snapshot.sku,
    osType: wanted.osType ?? snapshot.osType,
    kept: changedMembers(snapshot.kept, wanted.others),
    provisioningState: 'Updating',
    changedAt: azure.now().toISOString(),
  };
  requireConsistent(changed, azure);
  const operation = azure.operations.begin(UPDATE_SNAPSHOT, {
    resourceId: snapshot.id,
    location: snapshot.location,
    input: null,
    changes: [put(changed)],
  });
  return accepted(azure, operation, 'disks', acceptedDiskView(changed));
}

function changeRefused(property: string) {
  return conflict('PropertyChangeNotAllowed', `Changing property '${property}' is not allowed.`, property);
}

function beginDelete(call: Call, azure: Azure): Answer {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const id = resourceId(azure.subscriptionId, group.name, SNAPSHOT, parameter(call, 'snapshotName'));
  const snapshot = azure.state.find(SNAPSHOT, id);
  if (snapshot === undefined) return { status: 204 };
  const running = azure.operations.on(id);
  if (running?.kind === DELETE_SNAPSHOT.name) return accepted(azure, running, 'disks');
  requireIdleDisk(snapshot, azure);
  if (hasActiveSas(snapshot)) throw snapshotUnderAccess(snapshot);
  const operation = azure.operations.begin(DELETE_SNAPSHOT, {
    resourceId: id,
    location: snapshot.location,
    input: null,
    changes: [put({ ...snapshot, provisioningState: 'Deleting' })],
  });
  return accepted(azure, operation, 'disks');
}
