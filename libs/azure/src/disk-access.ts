import { PermanentError, RetryableError, type CloudDisk } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { diskPath } from './disks.js';
import { fromAzure, interrupted } from './errors.js';
import { bodyHash, requireOwn } from './ownership.js';
import type { Performer } from './perform.js';
import { pollToEnd } from './polling.js';

/*
 * Access to a disk's bytes. The SAS is the call's answer and is shown nowhere afterwards, so that there is nothing to adopt:
 * it is asked for anew each time, and Azure gives the running one again. What the other changes keep to holds here,
 * too: the intent is written down first, and what is touched carries our tags.
 */
export interface WantedAccess {
  readonly diskId: string;
  readonly access: 'Read' | 'Write';
  readonly seconds: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** @throws PermanentError `DISK_MISSING`, `RESOURCE_FOREIGN`, and as `perform` does */
export async function grantAccess(
  connection: AzureConnection,
  read: (id: string) => Promise<CloudDisk | null>,
  { diskId, access, seconds, tags }: WantedAccess,
  { journal, signal }: Performer,
): Promise<string> {
  const { resourceGroup, name } = diskPath(connection, diskId);
  const doing = `grant ${access === 'Read' ? 'reading from' : 'writing to'} the disk "${name}"`;
  const key = `disk.grant${access}:${name}`;
  await journal.begin({
    key,
    operation: 'disks.grantAccess',
    azureId: diskId,
    bodyHash: bodyHash({ diskId, access }),
    effect: { changes: 'ours' },
  });
  const call = {
    send: () => connection.compute.disks.grantAccess(resourceGroup, name, { access, durationInSeconds: seconds }),
  };
  try {
    const disk = await read(diskId);
    if (disk === null) throw missing(diskId);
    requireOwn(disk, tags);
    if (signal?.aborted) throw interrupted(doing, signal.reason);
    const poller = call.send();
    await pollToEnd(poller, connection, signal);
    const url = poller.result?.accessSAS;
    if (url === undefined) throw withoutSas(doing);
    await journal.succeeded(key);
    return url;
  } catch (error) {
    const mapped = fromAzure(error, doing);
    if (mapped.kind === 'permanent') await journal.failed(key, mapped.toDetails());
    throw mapped;
  }
}

function missing(diskId: string): PermanentError {
  return new PermanentError({
    code: 'DISK_MISSING',
    message: `The disk ${diskId} does not exist any more.`,
    fix: 'Find out who removed it in the activity log; roll the restore back and begin anew.',
  });
}

function withoutSas(doing: string): RetryableError {
  return new RetryableError({
    code: 'AZURE_INCONSISTENT',
    message: `Azure reported that it did ${doing}, and gave no address for it.`,
    fix: 'Nothing has to be done: Landfall asks again.',
  });
}
