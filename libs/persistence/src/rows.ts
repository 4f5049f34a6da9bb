import {
  byTurn,
  parseRecipe,
  type Approval,
  type BackupLevel,
  type Direction,
  type CutSegment,
  type DiscoveredPoint,
  type DiskIngredients,
  type DiskRecord,
  type DiskVerdict,
  type ErrorDetails,
  type Firmware,
  type LockedRestore,
  type OperatingSystem,
  type PlannedContents,
  type PlannedSource,
  type PointDisk,
  type PointKind,
  type Problem,
  type Restore,
  type RestorePlan,
  type RestorePoint,
  type RestoreRequest,
  type RestoreState,
  type RestoredDisk,
  type FailedSegment,
  type SegmentError,
  type Segment,
  type SegmentState,
  type Turn,
  type TurnPurpose,
  type Work,
  type WorkState,
  type RecordedSnapshot,
  type SourceRecord,
} from '@landfall/domain';
import { Prisma } from './generated/client.js';
import type * as rows from './generated/models.js';

/*
 * From rows to the domain's nouns. What lies in JSON columns was written by this package, from typed values, into a
 * database that nobody else writes: it is taken at its type here, and untrusted contents (points, outputs) are parsed
 * by those who use them.
 */
export type RestoreRow = rows.RestoreModel & { works: rows.RestoreWorkModel[]; disks: rows.RestoreDiskModel[] };

export interface DiskBytes {
  readonly total: number;
  readonly done: number;
}

export function toRestore(row: RestoreRow, bytes: ReadonlyMap<string, DiskBytes>): Restore {
  const restore = toLockedRestore(row);
  return { ...restore, disks: restore.disks.map((disk) => withBytes(disk, bytes.get(disk.name))) };
}

export function toLockedRestore(row: RestoreRow): LockedRestore {
  return {
    id: row.id,
    state: row.state as RestoreState,
    epoch: row.epoch,
    request: fromJson<RestoreRequest>(row.request),
    plan: toPlan(row),
    planHash: row.planHash,
    cutOverAt: row.cutOverAt,
    works: row.works.map(toWork).sort(byTurn),
    turn: toTurn(row),
    disks: row.disks.toSorted((a, b) => a.position - b.position).map(toDisk),
    vmAzureId: row.vmAzureId,
    problems: fromJson<Problem[]>(row.problems),
    error: fromJson<ErrorDetails | null>(row.error),
    requestedBy: row.requestedBy,
    createdAt: row.createdAt,
    endedAt: row.endedAt,
  };
}

export function toPlan({ plan }: Pick<rows.RestoreModel, 'plan'>): RestorePlan | null {
  return fromJson<RestorePlan | null>(plan);
}

function toTurn({ round, turnPurpose, turnCause }: rows.RestoreModel): Turn | null {
  if (turnPurpose === null) return null;
  return { round, purpose: turnPurpose as TurnPurpose, cause: fromJson<ErrorDetails | null>(turnCause) };
}

function toWork(row: rows.RestoreWorkModel): Work {
  return {
    id: row.id,
    direction: row.direction as Direction,
    round: row.round,
    state: row.state as WorkState,
    epoch: row.epoch,
    attempts: row.attempts,
    parked: row.parked,
    dispatchedAt: row.dispatchedAt,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
    output: row.output,
    error: fromJson<ErrorDetails | null>(row.error),
    resumeFrom: row.resumeFrom,
  };
}

function toDisk({ name, from, role, lun, azureId }: rows.RestoreDiskModel): DiskRecord {
  return { name, from, lun, azureId, role: role as 'os' | 'data' };
}

function withBytes(disk: DiskRecord, bytes: DiskBytes | undefined): RestoredDisk {
  return { ...disk, bytesTotal: bytes?.total ?? 0, bytesDone: bytes?.done ?? 0 };
}

export function toVerdict({ diskName, ...row }: rows.DiskVerdictModel): DiskVerdict {
  const { restoreId, segmentId, epoch, mover, code, message, fix, at } = row;
  return { restoreId, diskName, segmentId, epoch, mover, code, message, fix, at };
}

export function toApproval(row: rows.ApprovalModel): Approval {
  const { planHash, requestedBy, approvedBy, approvedAt, expiresAt, selfApproval } = row;
  return { planHash, requestedBy, approvedBy, approvedAt, expiresAt, selfApproval };
}

export function toSourceRecord(row: rows.SourceRecordModel): SourceRecord {
  const { take, ran, sealedModel, stoppedAt } = row;
  return { take, ran, sealedModel, stoppedAt, snapshots: fromJson<readonly RecordedSnapshot[]>(row.snapshots) };
}

export function toSegment(row: rows.SegmentModel): Segment {
  return {
    id: row.id,
    restoreId: row.restoreId,
    diskName: row.diskName,
    purpose: row.purpose as Segment['purpose'],
    index: row.index,
    offsetBytes: Number(row.offsetBytes),
    lengthBytes: Number(row.lengthBytes),
    dataBytes: Number(row.dataBytes),
    state: row.state as SegmentState,
    epoch: row.epoch,
    attempts: row.attempts,
    mover: row.mover,
  };
}

export function toFailedSegment(row: rows.SegmentModel): FailedSegment {
  return { segment: toSegment(row), error: fromJson<SegmentError>(row.error) };
}

export type PointRow = rows.RestorePointModel & { machine: rows.MachineModel };

export function toPoint(row: PointRow): RestorePoint {
  const os = fromJson<OperatingSystem | null>(row.os);
  const azure = fromJson<Record<string, unknown> | null>(row.azure);
  return {
    id: row.id,
    repositoryName: row.repositoryName,
    machineId: row.machineId,
    reference: row.reference,
    machineKey: row.machine.key,
    machineName: row.machine.name,
    aliases: row.machine.aliases,
    takenAt: row.takenAt,
    kind: row.kind as PointKind,
    level: row.level as BackupLevel,
    ...(os ? { os } : {}),
    ...(row.firmware ? { firmware: row.firmware as Firmware } : {}),
    disks: fromJson<PointDisk[]>(row.disks),
    ...(azure ? { azure } : {}),
    hasManifest: row.hasManifest,
    problems: fromJson<Problem[]>(row.problems),
  };
}

/** Numbers alone: a large disk has many segments. */
type UsedRow = readonly [index: number, offsetBytes: number, lengthBytes: number, dataBytes: number];

export function contentsColumns(restoreId: string, { name, recipe, source, used }: PlannedContents) {
  const segments = used.map((cut): UsedRow => [cut.index, cut.offsetBytes, cut.lengthBytes, cut.dataBytes]);
  return {
    ...{ restoreId, name: storableText(name) },
    ...{ recipe: requiredJson(recipe), source: requiredJson(source), used: requiredJson(segments) },
  };
}

export function toContents(row: rows.PlannedDiskModel): PlannedContents {
  const used = fromJson<UsedRow[]>(row.used).map(([index, offsetBytes, lengthBytes, dataBytes]): CutSegment => {
    return { index, offsetBytes, lengthBytes, dataBytes };
  });
  return { name: row.name, ...toIngredients(row), used };
}

export function toIngredients({ recipe, source }: Pick<rows.PlannedDiskModel, 'recipe' | 'source'>): DiskIngredients {
  return { recipe: parseRecipe(recipe), source: fromJson<PlannedSource>(source) };
}

/** The columns of a point, less its keys. */
export function pointColumns(point: DiscoveredPoint) {
  return {
    reference: storableText(point.reference),
    takenAt: point.takenAt,
    kind: point.kind,
    level: point.level,
    os: toJson(point.os ?? null),
    firmware: point.firmware ?? null,
    disks: requiredJson(point.disks),
    azure: toJson(point.azure ?? null),
    hasManifest: point.hasManifest,
    problems: requiredJson(point.problems),
  };
}

export function fromJson<T>(value: Prisma.JsonValue): T {
  return value as unknown as T;
}

/** For a nullable column: null becomes SQL's NULL. */
export function toJson(value: unknown): Prisma.InputJsonValue | typeof Prisma.DbNull {
  return value === null || value === undefined ? Prisma.DbNull : requiredJson(value);
}

/** Dates become text, what is undefined is left out. */
export function requiredJson(value: unknown): Prisma.InputJsonValue {
  return storable(JSON.parse(JSON.stringify(value))) as Prisma.InputJsonValue;
}

/** Postgres can keep neither U+0000 nor half a surrogate pair, and what repositories say may hold both: U+FFFD stands for them. */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storableText(key), storable(inner)]));
}
