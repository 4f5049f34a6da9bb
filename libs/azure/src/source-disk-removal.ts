import { restorePoller } from '@azure/arm-compute';
import { PermanentError, type CloudDisk, type ReplacedDisk } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { diskPath } from './disks.js';
import { sameId } from './ids.js';
import { bodyHash } from './ownership.js';
import type { Change } from './perform.js';

/*
 * Removing a disk that a restore replaces. It carries no tags of that restore, so it is told by Azure's own number for it, and
 * nobody may be using it. Azure takes no condition with the deletion of a disk: the look right before it is all there is.
 */
export function removalOfSourceDisk(
  connection: AzureConnection,
  read: (id: string) => Promise<CloudDisk | null>,
  { azureId, uniqueId }: ReplacedDisk,
  onFound: () => void,
): Change<null> {
  const { disks } = connection.compute;
  const { resourceGroup, name } = diskPath(connection, azureId);
  let wasSeen = false;
  return {
    doing: `delete the disk "${name}" that is replaced`,
    intent: {
      // Another disk may bear the same ID afterwards, and have to go in its turn.
      key: `disk.remove-source:${uniqueId.toLowerCase()}`,
      operation: 'disks.delete',
      azureId,
      bodyHash: bodyHash({ azureId, uniqueId }),
      effect: { removes: { kind: 'disk', instanceId: uniqueId } },
    },
    async look() {
      const disk = await read(azureId);
      if (disk === null) return { state: 'done', value: null };
      // What Azure shows no number of is not known to be the one.
      if (disk.uniqueId === '' || !sameId(disk.uniqueId, uniqueId)) {
        // Somebody was quick to make another one: the one that was seen is gone.
        if (wasSeen) return { state: 'done', value: null };
        throw replaced(azureId, disk.uniqueId);
      }
      wasSeen = true;
      onFound();
      if (!['Succeeded', 'Failed', 'Canceled'].includes(disk.provisioningState)) return { state: 'busy' };
      if (disk.managedBy !== null || disk.diskState !== 'Unattached') throw inUse(disk);
      return { state: 'needed' };
    },
    send: () => disks.delete(resourceGroup, name),
    resume: (state) => restorePoller(connection.compute, state, disks.delete),
  };
}

function replaced(azureId: string, uniqueId: string): PermanentError {
  return new PermanentError({
    code: 'SOURCE_REPLACED',
    message: `${azureId} is another disk by now (uniqueId ${uniqueId || 'unknown'}) than the one that was replaced, so Landfall leaves it alone.`,
    fix: 'Find out who made it in the activity log. The disk that was to be removed is gone from there: nothing is left to do.',
  });
}

function inUse({ azureId, managedBy, diskState }: CloudDisk): PermanentError {
  const holder = managedBy === null ? '' : ` of ${managedBy}`;
  return new PermanentError({
    code: 'SOURCE_DISK_IN_USE',
    message: `${azureId} is not deleted, because it is in use: ${diskState || 'in an unknown state'}${holder}.`,
    fix: 'Find out who uses it: detach it from its VM, or end the access to it (az disk revoke-access), then resume.',
  });
}
