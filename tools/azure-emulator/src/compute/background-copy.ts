import { conflict } from '../arm/errors.js';
import { sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { SNAPSHOT, type BackgroundCopy, type DiskRecord, type SnapshotRecord } from '../state/records.js';
import { put, type Change } from '../state/state.js';

/*
 * Snapshots whose bytes come in the background: by `CopyStart`, and those of Premium v2 and Ultra disks. Their operation
 * has ended long before they can be used; how far they have come is their `completionPercent`, which only a GET shows.
 * The source has to stay until then (Azure documentation, copying incremental snapshots).
 */
const SLOW_SKUS = ['PremiumV2_LRS', 'UltraSSD_LRS'];

/** @returns null where the bytes are there as soon as the operation has ended */
export function backgroundCopy(
  createOption: string,
  source: DiskRecord | SnapshotRecord,
  snapshotId: string,
  operationKind: string,
  azure: Azure,
): BackgroundCopy | null {
  if (createOption !== 'CopyStart' && !SLOW_SKUS.includes(source.sku)) return null;
  const fault = azure.faults.strike('copy-fails', { operations: [operationKind], resources: [snapshotId, source.id] });
  const { settings } = azure;
  const from = azure.now().getTime();
  return {
    sourceId: source.id,
    from,
    until: from + settings.delayMsOf(operationKind) + settings.values.backgroundCopyMs,
    failure:
      fault === null
        ? null
        : failure(fault.code ?? 'CopySourceNotFound', fault.message ?? 'The copy of the snapshot did not succeed.'),
  };
}

/** What a GET shows of the copy; of an incremental snapshot whose bytes are there at once, that they are. */
export function copyMembers({ copy, incremental }: SnapshotRecord, now: Date): Record<string, unknown> {
  if (copy === undefined) return incremental ? { completionPercent: 100 } : {};
  const hasEnded = copy.until <= now.getTime();
  return {
    completionPercent: percentOf(copy, now),
    ...(hasEnded && copy.failure !== null ? { copyCompletionError: copy.failure } : {}),
  };
}

/** @throws AzureError 409 for what is still being copied, or never will be whole */
export function requireCopied(record: DiskRecord | SnapshotRecord, azure: Azure): void {
  if (record.type !== SNAPSHOT || record.copy === undefined) return;
  const percent = percentOf(record.copy, azure.now());
  if (percent === 100) return;
  throw conflict(
    'OperationNotAllowed',
    `The snapshot '${record.id}' is not ready to be used: its background copy has completed ${percent} percent.`,
    record.name,
  );
}

/** What becomes of the copies of something that is going away while they are being made. */
export function lostSource(source: DiskRecord | SnapshotRecord, azure: Azure): readonly Change[] {
  const now = azure.now().getTime();
  return azure.state.ofType(SNAPSHOT).flatMap((snapshot) => {
    const { copy } = snapshot;
    if (copy === undefined || copy.failure !== null || copy.until <= now || !sameId(copy.sourceId, source.id))
      return [];
    const lost = failure('CopySourceNotFound', `The source '${source.id}' was deleted while it was being copied.`);
    return [put({ ...snapshot, copy: { ...copy, until: now, failure: lost } })];
  });
}

/** A copy that fails comes half the way. */
function percentOf({ from, until, failure: reason }: BackgroundCopy, now: Date): number {
  const passed = now.getTime() - from;
  const percent = passed >= until - from ? 100 : Math.floor((100 * passed) / (until - from));
  return reason === null ? percent : Math.floor(percent / 2);
}

function failure(errorCode: string, errorMessage: string) {
  return { errorCode, errorMessage };
}
