import { restorePoller } from '@azure/arm-compute';
import { CLOUD_KINDS, PermanentError, RetryableError, type Tags } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { fromAzure, interrupted } from './errors.js';
import { requireResourceId } from './ids.js';
import { bodyHash, requireOwn } from './ownership.js';
import type { Change, Performer } from './perform.js';
import { pollToEnd } from './polling.js';

/*
 * Access to the bytes of a disk or a snapshot. The SAS is the call's answer and is shown nowhere afterwards, so that there is
 * nothing to adopt: it is asked for anew each time, and Azure gives the running one again. What the other changes keep to
 * holds here, too: the intent is written down first, and what is touched carries our tags.
 */
export interface WantedAccess {
  readonly azureId: string;
  readonly access: 'Read' | 'Write';
  readonly seconds: number;
  readonly tags: Tags;
}

/** What has bytes that a SAS opens. */
export interface Opened {
  readonly azureId: string;
  readonly tags: Tags;
  readonly diskState: string;
}

export interface OpenedKind {
  readonly kind: 'disk' | 'snapshot';
  read(id: string): Promise<Opened | null>;
}

/** @throws PermanentError `DISK_MISSING`, `SNAPSHOT_MISSING`, `RESOURCE_FOREIGN`, and as `perform` does */
export async function grantAccess(
  connection: AzureConnection,
  { kind, read }: OpenedKind,
  { azureId, access, seconds, tags }: WantedAccess,
  { journal, signal }: Performer,
): Promise<string> {
  const { resourceGroup, name } = requireResourceId(azureId, connection.subscriptionId, kind);
  const doing = `grant ${access === 'Read' ? 'reading from' : 'writing to'} the ${CLOUD_KINDS[kind].label} "${name}"`;
  const key = `${kind}.grant${access}:${name}`;
  const operations = operationsOf(connection, kind);
  await journal.begin({
    key,
    operation: `${kind}s.grantAccess`,
    azureId,
    bodyHash: bodyHash({ azureId, access }),
    effect: { changes: 'ours' },
  });
  try {
    const found = await read(azureId);
    if (found === null) throw missing(kind, azureId);
    requireOwn(found, tags);
    if (signal?.aborted) throw interrupted(doing, signal.reason);
    const poller = operations.grantAccess(resourceGroup, name, { access, durationInSeconds: seconds });
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

export function revocation(connection: AzureConnection, { kind, read }: OpenedKind, azureId: string): Change<null> {
  const { resourceGroup, name } = requireResourceId(azureId, connection.subscriptionId, kind);
  const operations = operationsOf(connection, kind);
  return {
    doing: `end the access to the ${CLOUD_KINDS[kind].label} "${name}"`,
    intent: {
      key: `${kind}.revoke:${name}`,
      operation: `${kind}s.revokeAccess`,
      azureId,
      bodyHash: bodyHash(azureId),
      effect: { changes: 'ours' },
    },
    async look() {
      const found = await read(azureId);
      const granted = found !== null && ['ActiveSAS', 'ActiveSASFrozen', 'ActiveUpload'].includes(found.diskState);
      return granted ? { state: 'needed' } : { state: 'done', value: null };
    },
    send: () => operations.revokeAccess(resourceGroup, name),
    resume: (state) => restorePoller(connection.compute, state, operations.revokeAccess),
  };
}

function operationsOf({ compute }: AzureConnection, kind: OpenedKind['kind']) {
  return kind === 'disk' ? compute.disks : compute.snapshots;
}

function missing(kind: OpenedKind['kind'], azureId: string): PermanentError {
  return new PermanentError({
    code: kind === 'disk' ? 'DISK_MISSING' : 'SNAPSHOT_MISSING',
    message: `The ${CLOUD_KINDS[kind].label} ${azureId} does not exist any more.`,
    fix: 'Find out who removed it in the activity log; cancel what it was made for and begin anew.',
  });
}

function withoutSas(doing: string): RetryableError {
  return new RetryableError({
    code: 'AZURE_INCONSISTENT',
    message: `Azure reported that it did ${doing}, and gave no address for it.`,
    fix: 'Nothing has to be done: Landfall asks again.',
  });
}
