import { setTimeout as pause } from 'node:timers/promises';
import { inspect, type Inspection } from '@landfall/disk';
import {
  ownerTags,
  PermanentError,
  POWER_CHANGE,
  RetryableError,
  SEALING_CONTEXT,
  Secret,
  snapshotName,
  WaitingError,
  type CallJournal,
  type Capture,
  type CaptureDisk,
  type CaptureRun,
  type CloudSnapshot,
  type CloudVm,
  type SavedVm,
} from '@landfall/domain';
import { boundedMap, captureBroken, removeOwned } from '@landfall/pipeline';
import { MANIFEST_FILE, pointTags } from '@landfall/repository/manifest';
import { contentsOf } from './contents.js';
import { manifestOf } from './machine-manifest.js';
import type { CapturePorts, PointWriter, SnapshotSource } from './ports.js';
import { capturedVm, type CapturedVm, type SourceDisk } from './source-vm.js';

/*
 * A capture, forward. Each part leaves in the books what it has come to, and is passed over by a later run:
 *
 *   the repository is opened         a wrong password is told before anything of the VM is touched
 *   the model is saved               as it was found: what is stopped later has lost its dynamic addresses
 *   with `stop`, the VM is stopped   if it runs; one found stopped stays as it is
 *   snapshots, side by side          until all are complete
 *   the VM is started again          as soon as they are: the outage is no longer than that
 *   disk by disk into the repository each in a snapshot of its own, all with the point's tag, under a name of this run's:
 *                                    what a run that has died has left of a disk is not taken for it
 *   machine.json                     last: without it there is no restore point
 */
export interface ForwardRun {
  readonly capture: Capture;
  readonly run: CaptureRun;
  readonly journal: CallJournal;
  readonly signal: AbortSignal;
}

const SNAPSHOTS_AT_ONCE = 16;
const LOOK_EVERY_MS = 2_000;
const LOOKS = 150;
/** Longer than the largest disk takes; it is ended as soon as the capture is. */
const ACCESS_SECONDS = 7 * 24 * 3_600;
const PROGRESS_EVERY_MS = 1_000;

export async function goForward(ports: CapturePorts, forward: ForwardRun): Promise<void> {
  const { captures } = ports;
  const { run, signal } = forward;
  const writer = await ports.writerOf(forward.capture.repositoryName);
  await writer.open(signal);
  const saved = await savedModel(ports, forward);
  const vm = capturedVm(saved);
  await takeSnapshots(ports, forward, vm);
  await startAgain(ports, forward, vm);
  const sources = await openSnapshots(ports, forward, vm);
  const inspection = await lookInto(sources);
  for (const disk of (await current(ports, run)).disks) {
    if (disk.stored === null) await storeDisk(ports, forward, writer, vm, disk, sources.get(disk.name)!);
  }
  const manifest = manifestOf(await current(ports, run), vm, saved, inspection);
  await store(forward, writer, vm, MANIFEST_FILE, once(JSON.stringify(manifest, null, 2)), () =>
    captures.transaction(async (tx) => void (await tx.requireCurrent(run))),
  );
}

/** As it was when the capture began. */
async function savedModel(ports: CapturePorts, { capture, run }: ForwardRun): Promise<SavedVm> {
  const { cloud, captures, secrets } = ports;
  const context = SEALING_CONTEXT.captureModel(capture.id);
  const sealed = await captures.sealedModel(capture.id);
  if (sealed !== null) return JSON.parse(secrets.open(sealed, context).reveal()) as SavedVm;
  const saved = await cloud.reader.savedVm(capture.vmId);
  if (saved === null) throw vmMissing(capture.vmId);
  const { name, disks } = capturedVm(saved);
  const sealedModel = secrets.seal(new Secret(JSON.stringify(saved)), context);
  await captures.transaction(async (tx) => {
    await tx.requireCurrent(run);
    const listed = disks.map(({ name: disk, role, lun, diskId, sizeBytes }) => ({
      ...{ name: disk, role, lun, diskId, sizeBytes },
    }));
    await tx.saveModel(capture.id, { machine: name, sealedModel, disks: listed });
    await tx.addEvent(
      capture.id,
      'capture.model-saved',
      `The model of ${name} and its ${disks.length} disk(s) is saved.`,
    );
  });
  return saved;
}

async function takeSnapshots(ports: CapturePorts, forward: ForwardRun, vm: CapturedVm): Promise<void> {
  const { captures } = ports;
  const { capture, run, journal, signal } = forward;
  if ((await current(ports, run)).takenAt !== null) return;
  const wasOff = isDeallocated(await quiet(ports, forward, vm));
  const snapshots = await boundedMap(vm.disks, SNAPSHOTS_AT_ONCE, (disk) =>
    ports.cloud.snapshots.ensure(snapshotSpec(ports, capture, vm, disk), journal, signal),
  );
  const complete = await boundedMap(snapshots, SNAPSHOTS_AT_ONCE, (snapshot) => completed(ports, snapshot, signal));
  const oneState = wasOff && isDeallocated(await sourceNow(ports, vm));
  // One that was stopped for this and was started by somebody meanwhile: its snapshots may be of two states.
  if (capture.stop && wasOff && !oneState) throw startedMeanwhile(vm);
  const times = complete.map(({ takenAt }) => takenAt?.getTime() ?? Date.now());
  await captures.transaction(async (tx) => {
    await tx.requireCurrent(run);
    await tx.patchCapture(capture.id, { takenAt: new Date(Math.min(...times)), oneState });
    const how = oneState ? 'of one moment: the VM is deallocated' : 'each of its own moment: the VM runs';
    await tx.addEvent(capture.id, 'capture.snapshots-taken', `${complete.length} snapshot(s) are there, ${how}.`);
  });
}

/** With `stop`, the VM is deallocated when this returns, unless it was found off. Returns it as it is then. */
async function quiet(ports: CapturePorts, forward: ForwardRun, vm: CapturedVm): Promise<CloudVm> {
  const { cloud, captures } = ports;
  const { capture, journal, signal } = forward;
  const found = await sourceNow(ports, vm);
  if (!capture.stop) return found;
  const isStoppedByUs = (await captures.openChanges(capture.id)).some(({ what }) => what === POWER_CHANGE);
  if (found.powerState === 'running' || (isStoppedByUs && !isDeallocated(found))) {
    // What an earlier run has taken is of an earlier state.
    const earlier = (await captures.ledger(capture.id)).filter(
      ({ kind, state }) => kind === 'snapshot' && state !== 'removed',
    );
    await removeOwned(ports, earlier, journal, signal);
    await captures.transaction(async (tx) => {
      await tx.requireCurrent(forward.run);
      const lost = 'what lies on its temporary disk is lost, and a dynamic public address may be another afterwards';
      await tx.addEvent(
        capture.id,
        'capture.stopping',
        `${vm.name} is stopped until its snapshots are complete: ${lost}.`,
      );
    });
    await cloud.machines.stopSource(vm.source, journal, signal);
    return sourceNow(ports, vm);
  }
  if (['deallocated', 'stopped'].includes(found.powerState ?? '')) return found;
  throw new WaitingError(
    {
      code: 'SOURCE_BUSY',
      message: `The VM "${vm.name}" is ${found.powerState ?? 'in a state that Azure does not tell'}.`,
      fix: 'Nothing has to be done: the capture goes on once it runs, or is stopped.',
    },
    { retryAfterMs: 10_000 },
  );
}

async function sourceNow({ cloud }: CapturePorts, vm: CapturedVm): Promise<CloudVm> {
  const found = await cloud.reader.vm(vm.source.azureId);
  if (found === null) throw vmMissing(vm.source.azureId);
  if (found.instanceId.toLowerCase() === vm.source.instanceId.toLowerCase()) return found;
  throw new PermanentError({
    code: 'SOURCE_REPLACED',
    message: `${vm.source.azureId} is another VM by now than the one whose capture was begun.`,
    fix: 'Find out who made it in the activity log; capture the VM that is there now.',
  });
}

function isDeallocated({ powerState }: CloudVm): boolean {
  return powerState === 'deallocated';
}

function snapshotSpec({ applianceId }: CapturePorts, capture: Capture, vm: CapturedVm, disk: SourceDisk) {
  return {
    ...{ resourceGroup: vm.resourceGroup, region: disk.region, name: snapshotName(capture.id, disk.name) },
    ...{ tags: ownerTags(applianceId, capture.id, 'snapshot'), role: 'snapshot', purpose: 'help' as const },
    ...{ diskId: disk.diskId, access: disk.access },
  };
}

async function completed(
  { cloud, lookEveryMs = LOOK_EVERY_MS }: CapturePorts,
  { azureId, name }: CloudSnapshot,
  signal: AbortSignal,
): Promise<CloudSnapshot> {
  for (let looks = 0; looks < LOOKS; looks += 1) {
    const now = await cloud.reader.snapshot(azureId);
    if (now !== null && now.completionPercent >= 100) return now;
    await pause(lookEveryMs, undefined, { signal });
  }
  throw new WaitingError(
    {
      code: 'SNAPSHOT_INCOMPLETE',
      message: `Azure is still filling the snapshot "${name}".`,
      fix: 'Nothing has to be done: large disks of fast kinds take a while.',
    },
    { retryAfterMs: 30_000 },
  );
}

async function startAgain({ cloud, captures }: CapturePorts, forward: ForwardRun, vm: CapturedVm): Promise<void> {
  const { capture, journal, signal } = forward;
  const changes = await captures.openChanges(capture.id);
  if (changes.length > 0) await cloud.machines.startSource(vm.source, journal, signal);
}

/** By the disks' names. */
async function openSnapshots(
  ports: CapturePorts,
  { capture, journal, signal }: ForwardRun,
  vm: CapturedVm,
): Promise<ReadonlyMap<string, SnapshotSource>> {
  const { cloud } = ports;
  const opened = await boundedMap(vm.disks, SNAPSHOTS_AT_ONCE, async (disk) => {
    const azureId = cloud.reader.snapshotId(vm.resourceGroup, snapshotName(capture.id, disk.name));
    const url = await cloud.snapshots.grantRead(azureId, ACCESS_SECONDS, journal, signal);
    return [disk.name, ports.openSnapshot(`the disk "${disk.azureName}"`, url, disk.sizeBytes)] as const;
  });
  return new Map(opened);
}

async function lookInto(sources: ReadonlyMap<string, SnapshotSource>): Promise<Inspection> {
  return inspect([...sources].map(([path, reader]) => ({ path, reader })));
}

async function storeDisk(
  ports: CapturePorts,
  forward: ForwardRun,
  writer: PointWriter,
  vm: CapturedVm,
  disk: CaptureDisk,
  source: SnapshotSource,
): Promise<void> {
  const { captures } = ports;
  const { capture, run, signal } = forward;
  const file = `${disk.name}-${run.epoch}.raw`;
  const content = withProgress(contentsOf(source, signal), (bytes) => captures.reportProgress(run, disk.name, bytes));
  await store(forward, writer, vm, file, content, (stored) =>
    captures.transaction(async (tx) => {
      await tx.requireCurrent(run);
      await tx.patchDisk(capture.id, disk.name, { file, stored, bytesDone: disk.sizeBytes });
      const about = { disk: disk.name, sizeBytes: disk.sizeBytes };
      await tx.addEvent(capture.id, 'disk.stored', `The disk ${disk.name} is stored.`, about);
    }),
  );
}

/** What is stored and can't be written down, because another run has the place of this one, is taken back. */
async function store(
  { capture, signal }: ForwardRun,
  writer: PointWriter,
  vm: CapturedVm,
  fileName: string,
  content: AsyncIterable<Uint8Array>,
  writeDown: (snapshot: string) => Promise<void>,
): Promise<void> {
  const tags = pointTags(capture.id);
  const snapshot = await writer.backup({ fileName, tags, host: vm.name, content, signal });
  try {
    await writeDown(snapshot);
  } catch (error) {
    await writer.forget([snapshot]).catch(() => undefined);
    throw error;
  }
}

async function* withProgress(
  content: AsyncIterable<Uint8Array>,
  report: (bytesDone: number) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let bytesDone = 0;
  let toldAt = performance.now();
  for await (const chunk of content) {
    yield chunk;
    bytesDone += chunk.length;
    const now = performance.now();
    if (now - toldAt < PROGRESS_EVERY_MS) continue;
    toldAt = now;
    await report(bytesDone);
  }
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${text}\n`);
}

async function current({ captures }: CapturePorts, { captureId }: CaptureRun): Promise<Capture> {
  const capture = await captures.capture(captureId);
  if (capture === null) throw captureBroken(captureId, 'nothing is in the books');
  return capture;
}

function vmMissing(azureId: string): PermanentError {
  return new PermanentError({
    code: 'VM_MISSING',
    message: `There is no VM ${azureId}.`,
    fix: 'Check the id (az vm show --query id); it has to lie in the subscription that Landfall works in.',
  });
}

function startedMeanwhile({ name }: CapturedVm): RetryableError {
  return new RetryableError({
    code: 'SOURCE_STARTED',
    message: `Somebody has started the VM "${name}" while its snapshots were taken.`,
    fix: 'Nothing has to be done: it is stopped once more, and they are taken anew. Keep it off until then.',
  });
}
