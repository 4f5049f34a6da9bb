import {
  detailsOf,
  kindOf,
  mayOutlive,
  SEALING_CONTEXT,
  type CallJournal,
  type Capture,
  type CaptureRun,
  type SavedVm,
} from '@landfall/domain';
import { removeOwned, WAY_BACK_ATTEMPTS } from '@landfall/pipeline';
import { MANIFEST_FILE, pointTags } from '@landfall/repository/manifest';
import type { CapturePorts, PointWriter } from './ports.js';
import { capturedVm } from './source-vm.js';

/*
 * What follows once it is decided how a capture ends: a VM that it has stopped is started again, its snapshots in Azure are
 * removed, and of the repository whatever is not part of the restore point.
 *
 * Each part is tried whatever the others come to, and all of it again until it succeeds. After many tries what could not be removed
 * is left and named: the sweep takes what is in the ledger. That a VM is to run again is never given up.
 */
export interface BackRun {
  readonly capture: Capture;
  readonly run: CaptureRun;
  readonly journal: CallJournal;
  readonly signal: AbortSignal;
}

export async function goBack(ports: CapturePorts, back: BackRun): Promise<void> {
  const failures: unknown[] = [];
  const part = async (work: () => Promise<void>, mayBeLeft: boolean, what: string): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (back.signal.aborted) throw error;
      const isHopeless = back.capture.attempts >= WAY_BACK_ATTEMPTS;
      if (mayBeLeft && isHopeless) await tellLeft(ports, back, what, error);
      else failures.push(error);
    }
  };
  await part(() => startSource(ports, back), false, 'The VM');
  await part(() => removeSnapshots(ports, back), true, 'A snapshot in Azure');
  await part(() => tidyRepository(ports, back), true, 'Something in the repository');
  if (failures.length > 0) throw failures[0];
}

async function startSource(ports: CapturePorts, back: BackRun): Promise<void> {
  const { cloud, captures, secrets } = ports;
  const { capture, journal, signal } = back;
  if ((await captures.openChanges(capture.id)).length === 0) return;
  const sealed = await captures.sealedModel(capture.id);
  if (sealed === null) throw new Error(`Capture ${capture.id} has stopped a VM and saved no model of it.`);
  const saved = JSON.parse(secrets.open(sealed, SEALING_CONTEXT.captureModel(capture.id)).reveal()) as SavedVm;
  const { source, name } = capturedVm(saved);
  const runs = await cloud.machines.startSource(source, journal, signal);
  const message = runs
    ? `The VM ${name} runs again.`
    : `The VM ${name}, which was stopped, is gone or replaced by now.`;
  await captures.transaction((tx) => tx.addEvent(capture.id, 'capture.source-started', message));
}

async function removeSnapshots(ports: CapturePorts, back: BackRun): Promise<void> {
  const { captures } = ports;
  const { capture, journal, signal } = back;
  const ledger = await captures.ledger(capture.id);
  const own = ledger.filter((entry) => !mayOutlive(entry, capture.outcome ?? 'failed'));
  const { foreign } = await removeOwned(ports, own, journal, signal);
  for (const { entry, error } of foreign) await tellLeft(ports, back, entry.azureId, error);
}

/** Keeps of a completed capture the images that the books name, and one manifest; of any other nothing. */
async function tidyRepository(ports: CapturePorts, back: BackRun): Promise<void> {
  const { capture, signal } = back;
  // Nothing is stored before the model is saved.
  if (capture.machine === null) return;
  const [tag = ''] = pointTags(capture.id);
  try {
    const writer = await ports.writerOf(capture.repositoryName);
    await writer.forget(await unwanted(writer, capture, tag, signal), signal);
  } catch (error) {
    // What a repository refuses for good, such as one that is gone, it refuses the next time, too.
    if (signal.aborted || kindOf(error) !== 'permanent') throw error;
    await tellLeft(ports, back, `What carries the tag ${tag} in the repository ${capture.repositoryName}`, error);
  }
}

async function unwanted(writer: PointWriter, capture: Capture, tag: string, signal: AbortSignal): Promise<string[]> {
  const all = await writer.snapshotsWith(tag, signal);
  if (capture.outcome !== 'completed') return all.map(({ id }) => id);
  const manifest = all.findLast(({ paths }) => paths[0] === `/${MANIFEST_FILE}`);
  const isWanted = (id: string): boolean =>
    id === manifest?.id || capture.disks.some(({ stored }) => stored !== null && id.startsWith(stored));
  return all.map(({ id }) => id).filter((id) => !isWanted(id));
}

async function tellLeft({ captures }: CapturePorts, { capture }: BackRun, what: string, error: unknown): Promise<void> {
  const { code, message, fix } = detailsOf(error);
  await captures.transaction((tx) =>
    tx.addEvent(capture.id, 'capture.left', `${what} is left: ${message}`, { code, fix }),
  );
}
