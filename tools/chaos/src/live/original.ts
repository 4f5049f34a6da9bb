import { randomBytes, randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { firstDifference } from '@landfall/azure-emulator';
import { sameId, type Restore } from '@landfall/domain';
import { initRepository } from '@landfall/repository/quick-repository';
import type { Cell } from './cell.js';
import { isAtRest } from './restores.js';

/*
 * A VM of a cell that is replaced in its place: made of the sample's images, captured, and overwritten since, so that what is
 * restored differs from what a roll-back brings back.
 */
const run = promisify(execFile);
const RESOURCE_GROUP = 'landfall';
const REPOSITORY = 'captures';
const OVERWRITTEN_BYTES = 1 << 20;
const LOOK_EVERY_MS = 100;
const VM_VERSION = 'api-version=2024-07-01';
const DISK_VERSION = 'api-version=2024-03-02';
const CLEAR_WITHIN_MS = 10_000;

export interface OriginalVm {
  readonly azureId: string;
  readonly pointId: string;
  /** What its disks held before anything was restored, in the order of their LUNs, the OS disk first. */
  readonly overwritten: readonly string[];
}

export async function layOriginal(cell: Cell, withinMs: number): Promise<OriginalVm> {
  const name = `source-${randomUUID().slice(0, 8)}`;
  const [osDisk, ...dataDisks] = cell.ground.sample.disks.map(({ path }) => path);
  const made = { name, resourceGroup: RESOURCE_GROUP, osDisk, dataDisks, generation: 1 };
  const { id: azureId } = await cell.azure.call<{ id: string }>('POST', '/_emulator/vms', made);
  const pointId = await capture(cell, azureId, withinMs);
  return { azureId, pointId, overwritten: await overwrite(cell, azureId, join(cell.folder, name)) };
}

async function capture(cell: Cell, vmId: string, withinMs: number): Promise<string> {
  await openRepository(cell);
  const order = { vmId, repository: REPOSITORY };
  const { id } = await cell.post<{ id: string }>('/v1/captures', order, { 'idempotency-key': `capture-${vmId}` });
  for (const deadline = performance.now() + withinMs; ; await pause(LOOK_EVERY_MS)) {
    const state = (await cell.books.captures.capture(id))?.state;
    if (state === 'completed') break;
    if (state === 'failed' || state === 'cancelled' || performance.now() > deadline) {
      throw new Error(`The capture ${id} of ${vmId} is ${state ?? 'unknown'}.`);
    }
  }
  await cell.post(`/v1/repositories/${REPOSITORY}/rescan`, {});
  return id;
}

const opened = new WeakSet<Cell>();

async function openRepository(cell: Cell): Promise<void> {
  if (opened.has(cell)) return;
  const url = join(cell.folder, REPOSITORY);
  const { password } = cell.ground.sample;
  await initRepository(url, password);
  await cell.post('/v1/repositories', { name: REPOSITORY, kind: 'restic', url, password });
  opened.add(cell);
}

/** Whatever does it in real life. Returns copies of what the disks hold now. */
async function overwrite(cell: Cell, azureId: string, folder: string): Promise<readonly string[]> {
  await mkdir(folder);
  const copies: string[] = [];
  for (const diskId of await disksOf(cell, azureId)) {
    const path = await cell.azure.diskPath(diskId);
    const file = await open(path, 'r+');
    try {
      await file.write(randomBytes(OVERWRITTEN_BYTES), 0, OVERWRITTEN_BYTES, 0);
    } finally {
      await file.close();
    }
    const copy = join(folder, `${copies.length}.raw`);
    // Most of it is zeros, and a campaign makes hundreds of them.
    await run('cp', ['--sparse=always', path, copy]);
    copies.push(copy);
  }
  return copies;
}

/** Whatever stands in its place by now goes, with its disks: a cell makes one for each trial. */
export async function clearAway(cell: Cell, { azureId, overwritten }: OriginalVm): Promise<void> {
  const diskIds = await disksOf(cell, azureId).catch(() => []);
  await cell.azure.call('DELETE', `${azureId}?${VM_VERSION}`).catch(() => undefined);
  for (const deadline = performance.now() + CLEAR_WITHIN_MS; performance.now() < deadline; await pause(LOOK_EVERY_MS)) {
    if ((await disksOf(cell, azureId).catch(() => null)) === null) break;
  }
  for (const id of diskIds) await cell.azure.call('DELETE', `${id}?${DISK_VERSION}`).catch(() => undefined);
  for (const path of overwritten) await rm(path, { force: true });
}

interface VmModel {
  readonly properties: {
    readonly storageProfile: {
      readonly osDisk: { readonly managedDisk: { readonly id: string } };
      readonly dataDisks: readonly { readonly lun: number; readonly managedDisk: { readonly id: string } }[];
    };
  };
}

/** The OS disk, then the others by their LUNs. */
async function disksOf(cell: Cell, azureId: string): Promise<readonly string[]> {
  const path = `/_emulator/resource?id=${encodeURIComponent(azureId)}`;
  const { osDisk, dataDisks } = (await cell.azure.call<VmModel>('GET', path)).properties.storageProfile;
  return [osDisk, ...dataDisks.toSorted((one, other) => one.lun - other.lun)].map(({ managedDisk }) => managedDisk.id);
}

/** Asks for the restore in its place, with one key until it is taken down. */
export async function orderInPlace(cell: Cell, { azureId, pointId }: OriginalVm): Promise<string> {
  const body = { restorePointId: pointId, destination: { kind: 'original' }, generation: 1, bootCheck: 'none' };
  const { id } = await cell.post<{ id: string }>('/v1/restores', body, { 'idempotency-key': `order-${azureId}` });
  cell.note(`restore ${id} of ${azureId} in its place was ordered`);
  return id;
}

/** The restore once it has come to rest; whenever it waits for an approval, it gets one. */
export async function approvedUntilAtRest(cell: Cell, restoreId: string, withinMs: number): Promise<Restore> {
  for (const deadline = performance.now() + withinMs; ; await pause(LOOK_EVERY_MS)) {
    const restore = await cell.books.books.restore(restoreId).catch(() => null);
    if (restore === null && performance.now() > deadline) throw new Error(`Restore ${restoreId} is unknown.`);
    if (restore !== null && (isAtRest(restore) || performance.now() > deadline)) return restore;
    if (restore?.state !== 'awaiting-approval') continue;
    // Somebody may have gone on meanwhile, or turned round: then there is nothing to approve.
    await cell
      .post(`/v1/restores/${restoreId}/approve`, { planHash: restore.planHash })
      .catch((error: unknown) => cell.note(`not approved: ${String(error)}`));
  }
}

/** Throws away what is kept for a roll-back, or is left of one. Returns what of it is there still at the deadline. */
export async function purge(cell: Cell, restoreId: string, withinMs: number): Promise<readonly string[]> {
  await cell.post(`/v1/restores/${restoreId}/purge`, {});
  for (const deadline = performance.now() + withinMs; ; await pause(LOOK_EVERY_MS)) {
    const kept = (await cell.books.books.ledger(restoreId)).filter(
      ({ purpose, state }) => state !== 'removed' && (purpose === 'safety' || purpose === 'kept'),
    );
    if (kept.length === 0 || performance.now() > deadline) return kept.map(({ azureId }) => azureId);
  }
}

/**
 * What is wrong with the disks of the machine in its place; nothing: each holds what it has to.
 * @param theirs ids of disks that somebody has attached to it besides, and which have to be on it
 */
export async function differencesInPlace(
  cell: Cell,
  azureId: string,
  expected: readonly string[],
  theirs: readonly string[] = [],
): Promise<readonly string[]> {
  const all = await disksOf(cell, azureId).catch(() => null);
  if (all === null) return [`I2: there is no machine at ${azureId}`];
  const isOn = (id: string): boolean => all.some((each) => sameId(each, id));
  const lost = theirs.filter((id) => id.includes('/disks/') && id.startsWith(groupOf(azureId)) && !isOn(id));
  if (lost.length > 0) return [`I8: ${lost.join(', ')} is not on ${azureId} any more`];
  const diskIds = all.filter((id) => !theirs.some((each) => sameId(each, id)));
  if (diskIds.length !== expected.length) return [`I2: ${azureId} has ${diskIds.length} disks, not ${expected.length}`];
  const wrong: string[] = [];
  for (const [index, diskId] of diskIds.entries()) {
    const at = await firstDifference(expected[index]!, await cell.azure.diskPath(diskId));
    if (at !== null) wrong.push(`I1: ${diskId} differs from what it has to hold at byte ${at}`);
  }
  return wrong;
}

function groupOf(azureId: string): string {
  return azureId.slice(0, azureId.indexOf('/providers/') + 1);
}
