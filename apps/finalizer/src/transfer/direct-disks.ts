import {
  type Cloud,
  type DiskAccesses,
  type CallJournal,
  PermanentError,
  type Restore,
  SEALING_CONTEXT,
  Secret,
  type SecretBox,
} from '@landfall/domain';

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
 * Azure.
 */
export interface DirectDisks {
  /** Every disk has a usable SAS afterwards: for writing, or for reading once it is complete. Somebody may have ended one. */
  open(restore: Restore, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** As `open`, but asks Azure only about a SAS that the books do not have, or that runs out soon. */
  keepOpen(restore: Restore, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** Completes every disk and ends its SAS for writing. Nothing can be written afterwards. */
  seal(restore: Restore, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** Also ends every other access. */
  close(restore: Restore, journal: CallJournal, signal?: AbortSignal): Promise<void>;
}

export interface DirectDiskPorts {
  readonly cloud: Pick<Cloud, 'disk' | 'grantDiskWrite' | 'grantDiskRead' | 'revokeDiskAccess'>;
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
    restore: Restore,
    journal: CallJournal,
    { trusting, signal }: { trusting: 'Azure' | 'the books'; signal: AbortSignal | undefined },
  ): Promise<void> {
    for (const disk of restore.disks) {
      signal?.throwIfAborted();
      const present = await accesses.access(restore.id, disk.name);
      const isGood = present !== null && present.expiresAt.getTime() - Date.now() > RENEW_BEFORE_MS;
      if (isGood && trusting === 'the books') continue;
      const azureId = azureIdOf(restore, disk);
      const state = (await cloud.disk(azureId))?.diskState;
      if (isGood && isOpen(state)) continue;
      const seconds = accessSeconds(restore);
      const url = isUpload(state)
        ? await cloud.grantDiskWrite(azureId, seconds, journal, signal)
        : await cloud.grantDiskRead(azureId, seconds, journal, signal);
      await accesses.put({
        restoreId: restore.id,
        diskName: disk.name,
        sealedUrl: secrets.seal(new Secret(url), SEALING_CONTEXT.diskAccess(restore.id, disk.name)),
        expiresAt: new Date(Date.now() + seconds * 1000),
      });
    }
  }

  async function endAccess(
    which: 'writing' | 'any',
    restore: Restore,
    journal: CallJournal,
    signal?: AbortSignal,
  ): Promise<void> {
    for (const disk of restore.disks) {
      signal?.throwIfAborted();
      const access = await accesses.access(restore.id, disk.name);
      if (access === null && which === 'writing') continue;
      const azureId = azureIdOf(restore, disk);
      // Not the books: who was granted an access may have died before it was written down.
      const state = (await cloud.disk(azureId))?.diskState;
      const isRead = state === 'ActiveSAS';
      // It was completed before it was opened for reading.
      if (isRead && which === 'writing') continue;
      const isWritten = access !== null && isUpload(state);
      if (isWritten) {
        const url = secrets.open(access.sealedUrl, SEALING_CONTEXT.diskAccess(restore.id, disk.name));
        await ports.finishUpload(url.reveal(), { name: disk.name, sizeBytes: sizeOf(restore, disk.name) }, signal);
      }
      if (isRead || isWritten) await cloud.revokeDiskAccess(azureId, journal, signal);
      await accesses.remove(restore.id, disk.name);
    }
  }
}

function isUpload(state: string | undefined): boolean {
  return state === 'ReadyToUpload' || state === 'ActiveUpload';
}

function isOpen(state: string | undefined): boolean {
  return state === 'ActiveUpload' || state === 'ActiveSAS';
}

/** Four times the estimate and a day more: renewed in time if even that is too little. */
function accessSeconds(restore: Restore): number {
  const estimate = restore.plan?.estimates.transferSeconds ?? 0;
  return Math.round(Math.min(LONGEST_SECONDS, SHORTEST_SECONDS + 4 * estimate));
}

function azureIdOf(restore: Restore, disk: Restore['disks'][number]): string {
  if (disk.azureId !== null) return disk.azureId;
  throw new PermanentError({
    code: 'STEP_OUTPUT_MISSING',
    message: `The books of restore ${restore.id} know no Azure disk for "${disk.name}".`,
    fix: 'Start the restore anew; report this with the log of the provisioner.',
  });
}

function sizeOf(restore: Restore, diskName: string): number {
  return restore.plan?.disks.find((disk) => disk.name === diskName)?.sizeBytes ?? 0;
}
