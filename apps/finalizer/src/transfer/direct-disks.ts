import {
  type CallJournal,
  type CloudDisks,
  type CloudReader,
  type DiskAccess,
  type DiskAccesses,
  type LockedRestore,
  PermanentError,
  RetryableError,
  SEALING_CONTEXT,
  Secret,
  type SecretBox,
} from '@landfall/domain';
import { transferStep } from '@landfall/transfer';

/*
 * What a direct transfer needs around the segments.
 *
 *   while it is written   a SAS for writing each disk
 *   then                  the VHD footer, without which Azure does not take an uploaded disk, and the end of that SAS:
 *                         whatever a late writer still sends is refused from here on
 *   while it is verified  a SAS for reading
 *   at the end            none
 *
 * The sealed SAS lies in the books as long as it is good. Its row goes last, so that a repetition after a crash at any
 * point finds out what is left to do; which SAS a disk can have, and whether it still has one, is told by its state in
 * Azure. A row changes only as the one that was read: a process that was stopped meanwhile changes nothing of what its
 * successor has made.
 */
export interface DirectDisks {
  /**
   * Every disk has a usable SAS afterwards: for writing, or for reading once it is complete. A SAS for reading of an earlier
   * run of the step is granted anew: what the books have may be void.
   */
  open(restore: LockedRestore, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** As `open`, but asks Azure only about a SAS that the books do not have, or that runs out soon. */
  keepOpen(restore: LockedRestore, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** Completes every disk and ends its SAS for writing. Nothing can be written afterwards. */
  seal(restore: LockedRestore, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** Also ends every other access. */
  close(restore: LockedRestore, journal: CallJournal, signal?: AbortSignal): Promise<void>;
}

export interface DirectDiskPorts {
  readonly cloud: {
    readonly reader: Pick<CloudReader, 'disk'>;
    readonly disks: Pick<CloudDisks, 'grantWrite' | 'grantRead' | 'revokeAccess'>;
  };
  readonly accesses: DiskAccesses;
  readonly secrets: SecretBox;
  /** Writes the footer of a fixed VHD through the SAS. Repeatable. */
  readonly finishUpload: (url: string, disk: FinishedDisk, signal?: AbortSignal) => Promise<void>;
}

export interface FinishedDisk {
  /** As the footer will have it. */
  readonly name: string;
  /** Without the footer. */
  readonly sizeBytes: number;
}

const HOUR_SECONDS = 3600;
const SHORTEST_SECONDS = 24 * HOUR_SECONDS;
/** Azure allows 60 days. */
const LONGEST_SECONDS = 30 * 24 * HOUR_SECONDS;
/** A SAS that ends sooner is replaced. */
const RENEW_BEFORE_MS = 2 * HOUR_SECONDS * 1000;

export function directDisks(ports: DirectDiskPorts): DirectDisks {
  const { cloud, accesses, secrets } = ports;
  return {
    open: (restore, journal, signal) => openEach(restore, journal, { trusting: 'Azure', signal }),

    keepOpen: (restore, journal, signal) => openEach(restore, journal, { trusting: 'the books', signal }),

    seal: (restore, journal, signal) => endAccess('writing', restore, journal, signal),

    close: (restore, journal, signal) => endAccess('any', restore, journal, signal),
  };

  async function openEach(
    restore: LockedRestore,
    journal: CallJournal,
    { trusting, signal }: { trusting: 'Azure' | 'the books'; signal: AbortSignal | undefined },
  ): Promise<void> {
    const stepEpoch = transferStep(restore).epoch;
    for (const disk of restore.disks) {
      signal?.throwIfAborted();
      const present = await accesses.access(restore.id, disk.name);
      const isGood = present !== null && present.expiresAt.getTime() - Date.now() > RENEW_BEFORE_MS;
      if (isGood && trusting === 'the books') continue;
      const azureId = azureIdOf(restore, disk);
      const state = (await cloud.reader.disk(azureId))?.diskState;
      const isOfThisRun = present?.stepEpoch === stepEpoch;
      if (isGood && (state === 'ActiveUpload' || (state === 'ActiveSAS' && isOfThisRun))) continue;
      // Azure would go on with the running one, whichever that is.
      if (state === 'ActiveSAS' && present !== null) await cloud.disks.revokeAccess(azureId, journal, signal);
      const seconds = accessSeconds(restore);
      const purpose = isUpload(state) ? 'write' : 'read';
      const url =
        purpose === 'write'
          ? await cloud.disks.grantWrite(azureId, seconds, journal, signal)
          : await cloud.disks.grantRead(azureId, seconds, journal, signal);
      const sealedUrl = secrets.seal(new Secret(url), SEALING_CONTEXT.diskAccess(restore.id, disk.name));
      const expiresAt = new Date(Date.now() + seconds * 1000);
      const access = { restoreId: restore.id, diskName: disk.name, purpose, stepEpoch, sealedUrl, expiresAt } as const;
      if (!(await accesses.put(access, present))) throw accessChanged(disk.name);
    }
  }

  async function endAccess(
    which: 'writing' | 'any',
    restore: LockedRestore,
    journal: CallJournal,
    signal?: AbortSignal,
  ): Promise<void> {
    for (const disk of restore.disks) {
      signal?.throwIfAborted();
      const access = await accesses.access(restore.id, disk.name);
      // It was completed before it was opened for reading.
      if (which === 'writing' && access?.purpose !== 'write') continue;
      const azureId = azureIdOf(restore, disk);
      // Not the books: who was granted an access may have died before it was written down.
      const state = (await cloud.reader.disk(azureId))?.diskState;
      const isRead = state === 'ActiveSAS';
      if (isRead && which === 'writing') {
        await forget(access);
        continue;
      }
      const isWritten = access !== null && isUpload(state);
      if (isWritten) {
        const url = secrets.open(access.sealedUrl, SEALING_CONTEXT.diskAccess(restore.id, disk.name));
        await ports.finishUpload(url.reveal(), { name: disk.name, sizeBytes: sizeOf(restore, disk.name) }, signal);
      }
      if (isRead || isWritten) await cloud.disks.revokeAccess(azureId, journal, signal);
      await forget(access);
    }
  }

  async function forget(access: DiskAccess | null): Promise<void> {
    if (access !== null && !(await accesses.remove(access))) throw accessChanged(access.diskName);
  }
}

function isUpload(state: string | undefined): boolean {
  return state === 'ReadyToUpload' || state === 'ActiveUpload';
}

/** Four times the estimate and a day more: renewed in time if even that is too little. */
function accessSeconds(restore: LockedRestore): number {
  const estimate = restore.plan?.estimates.transferSeconds ?? 0;
  return Math.round(Math.min(LONGEST_SECONDS, SHORTEST_SECONDS + 4 * estimate));
}

function azureIdOf(restore: LockedRestore, disk: LockedRestore['disks'][number]): string {
  if (disk.azureId !== null) return disk.azureId;
  throw new PermanentError({
    code: 'STEP_OUTPUT_MISSING',
    message: `The books of restore ${restore.id} know no Azure disk for "${disk.name}".`,
    fix: 'Start the restore anew; report this with the log of the provisioner.',
  });
}

function sizeOf(restore: LockedRestore, diskName: string): number {
  return restore.plan?.disks.find((disk) => disk.name === diskName)?.sizeBytes ?? 0;
}

function accessChanged(diskName: string): RetryableError {
  return new RetryableError({
    code: 'ACCESS_CHANGED',
    message: `The access to the disk "${diskName}" was changed by somebody else at the same time.`,
    fix: 'Nothing has to be done: it is looked at again.',
  });
}
