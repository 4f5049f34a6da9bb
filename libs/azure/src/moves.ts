import { restorePoller, type ResourcesMoveInfo } from '@azure/arm-resources';
import {
  PermanentError,
  RetryableError,
  withoutSecrets,
  type CallIntent,
  type CloudDisk,
  type CloudReader,
  type DiskMove,
  type MoveObstacle,
  type MoveWish,
  type MovingDisk,
} from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { diskPath } from './disks.js';
import { answerOf, fromAzure, refusedFor } from './errors.js';
import { sameId } from './ids.js';
import { bodyHash } from './ownership.js';
import { perform, type Change, type Performer } from './perform.js';
import { pollToEnd } from './polling.js';

/*
 * Moving disks to another resource group. One call moves all of them, and is not atomic: each is looked for at its target and at
 * its source, and told by its `uniqueId`, which stays the same. Both groups show `MovingResources` from the acceptance to the
 * end, whoever it is that moves something out of them or into them.
 */
type Reader = Pick<CloudReader, 'disk' | 'diskId' | 'resourceGroup' | 'resourceGroupId'>;

/** Azure's refusals of what was asked, and not of asking it: those that a validation is asked for. */
const REFUSED = 409;

export async function validateMove(
  connection: AzureConnection,
  reader: Pick<Reader, 'resourceGroupId'>,
  { from, to, diskIds }: MoveWish,
  signal: AbortSignal | undefined,
): Promise<readonly MoveObstacle[]> {
  const { resources } = connection.resources;
  try {
    const poller = resources.validateMoveResources(from, bodyOf(diskIds, to, reader));
    await pollToEnd(poller, connection, signal);
    return [];
  } catch (error) {
    const answer = answerOf(error);
    if (answer?.status !== REFUSED) throw fromAzure(error, `say whether it would move disks from "${from}" to "${to}"`);
    return refusedFor(answer).map(({ code, message, rule }) => ({
      passes: rule !== undefined && rule.kind !== 'permanent',
      code: rule?.code ?? 'AZURE_REFUSED',
      reason: code,
      message: withoutSecrets(message),
      fix: rule?.fix ?? "Act on Azure's own sentence above, then try again.",
    }));
  }
}

/** Each disk has an entry of its own in journal and ledger, beside that of the call that moves them all. */
export async function moveDisks(
  connection: AzureConnection,
  reader: Reader,
  move: DiskMove,
  performer: Performer,
): Promise<readonly CloudDisk[]> {
  if (move.disks.length === 0) return [];
  const { journal } = performer;
  const targets = move.disks.map(({ azureId }) => reader.diskId(move.to, diskPath(connection, azureId).name));
  const intents = move.disks.map((disk, index) => intentOf(disk, targets[index] ?? ''));
  for (const intent of intents) await journal.begin(intent);
  let found: readonly Whereabouts[] = [];
  const locate = async (): Promise<readonly Whereabouts[]> => {
    found = await Promise.all(move.disks.map((disk, index) => whereaboutsOf(disk, targets[index] ?? '', reader)));
    return found;
  };
  try {
    const moved = await perform(movement(connection, reader, move, locate), performer);
    for (const { key } of intents) await journal.succeeded(key);
    return moved;
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    for (const [index, { key }] of intents.entries()) {
      if (found[index]?.at === 'target') await journal.succeeded(key);
      else await journal.failed(key, error.toDetails());
    }
    throw error;
  }
}

function movement(
  connection: AzureConnection,
  reader: Reader,
  { from, to, disks }: DiskMove,
  locate: () => Promise<readonly Whereabouts[]>,
): Change<readonly CloudDisk[]> {
  const { resources } = connection.resources;
  const diskIds = disks.map(({ azureId }) => azureId);
  let left: readonly string[] = diskIds;
  return {
    doing: `move ${disks.length} disk(s) from the resource group "${from}" to "${to}"`,
    intent: {
      key: `disks.move:${from.toLowerCase()}:${to.toLowerCase()}`,
      operation: 'resources.moveResources',
      azureId: reader.resourceGroupId(from),
      bodyHash: bodyHash(bodyOf(diskIds, to, reader)),
      effect: { changes: 'ours' },
    },
    async look() {
      // First: a move that ends between the two reads has been seen, and its disks are seen where it has put them.
      const isMoving = await anyIsMoving([from, to], reader);
      const found = await locate();
      for (const each of found) if (each.at === 'unknown') throw each.error;
      const moved = found.flatMap((each) => (each.at === 'target' ? [each.disk] : []));
      if (moved.length === disks.length) return { state: 'done', value: moved };
      if (isMoving) return { state: 'busy' };
      const lost = diskIds.find((_, index) => found[index]?.at === 'nowhere');
      if (lost !== undefined) throw nowhere(lost, to);
      left = diskIds.filter((_, index) => found[index]?.at === 'source');
      return { state: 'needed' };
    },
    send: () => resources.moveResources(from, bodyOf(left, to, reader)),
    resume: (state) => restorePoller(connection.resources, state, resources.moveResources),
  };
}

type Whereabouts =
  | { readonly at: 'target'; readonly disk: CloudDisk }
  | { readonly at: 'source' }
  /** Azure shows it under neither ID, as it may while it is moved. */
  | { readonly at: 'nowhere' }
  /** Another disk is in the way, or in its place. */
  | { readonly at: 'unknown'; readonly error: PermanentError };

/** In this order: what is moved between the two looks is seen at its target. */
async function whereaboutsOf(
  { azureId, uniqueId }: MovingDisk,
  target: string,
  reader: Pick<Reader, 'disk'>,
): Promise<Whereabouts> {
  const isSame = (disk: CloudDisk): boolean => sameId(disk.uniqueId, uniqueId);
  const here = await reader.disk(azureId);
  const there = await reader.disk(target);
  if (there !== null && isSame(there)) return { at: 'target', disk: there };
  if (here !== null && !isSame(here)) return { at: 'unknown', error: replaced(azureId) };
  if (there !== null) return { at: 'unknown', error: here === null ? replaced(target) : taken(azureId, target) };
  return here === null ? { at: 'nowhere' } : { at: 'source' };
}

async function anyIsMoving(names: readonly string[], reader: Pick<Reader, 'resourceGroup'>): Promise<boolean> {
  const groups = await Promise.all(names.map((name) => reader.resourceGroup(name)));
  return groups.some((group) => group?.provisioningState === 'MovingResources');
}

function intentOf({ azureId, uniqueId }: MovingDisk, to: string): CallIntent {
  return {
    key: `disk.move:${azureId.toLowerCase()}`,
    operation: 'resources.moveResources',
    azureId,
    bodyHash: bodyHash({ azureId, uniqueId, to }),
    effect: { moves: { to } },
  };
}

function bodyOf(diskIds: readonly string[], to: string, reader: Pick<Reader, 'resourceGroupId'>): ResourcesMoveInfo {
  return { resources: [...diskIds], targetResourceGroup: reader.resourceGroupId(to) };
}

function replaced(azureId: string): PermanentError {
  return new PermanentError({
    code: 'DISK_REPLACED',
    message: `${azureId} is another disk than the one that was to be moved, so Landfall leaves it alone.`,
    fix: 'Find out who made it in the activity log, and where the disk of the restore is; roll the restore back if it is gone.',
  });
}

function taken(azureId: string, target: string): PermanentError {
  return new PermanentError({
    code: 'MOVE_INVALID',
    message: `${azureId} is not moved, because another disk is at ${target}.`,
    fix: 'Rename or remove the disk that is in the way, then resume.',
  });
}

function nowhere(azureId: string, to: string): RetryableError {
  return new RetryableError({
    code: 'AZURE_INCONSISTENT',
    message: `Azure shows ${azureId} neither where it was nor in the resource group "${to}".`,
    fix: 'Look in the activity log whether somebody removed it; Landfall looks again.',
  });
}
