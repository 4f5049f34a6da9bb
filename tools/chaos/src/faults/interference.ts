import type { Restore } from '@landfall/domain';
import type { Cell } from '../live/cell.js';
import { examineEnd } from '../live/examine.js';
import { atRest, isAtRest, order, takeAway } from '../live/restores.js';
import { PATIENCE_MS, type Outcome, type Trial } from '../live/trial.js';
import { isBack, stopAtBegin, stoppedOrOver, type Place } from './steps.js';

/*
 * F15: somebody interferes in Azure while a restore runs. Whatever comes of the restore, it comes to rest and says why;
 * what is not ours any more is left alone, to the last tag; and what is ours and not theirs goes.
 */
const COMPUTE = 'providers/Microsoft.Compute';
const VERSION = 'api-version=2024-07-01';
const DISK_VERSION = 'api-version=2024-03-02';

interface Interference {
  readonly title: string;
  readonly at: readonly Place[];
  /** How long it may take until the restore comes to rest, where that is longer than anything else. */
  readonly restsWithinMs?: number;
  /** Code of the error from which a person can resume to the end. */
  readonly resumedFrom?: string;
  /** Returns the ids of what belongs to somebody else from then on. */
  act(cell: Cell, restore: Restore): Promise<readonly string[]>;
}

const KINDS: readonly Interference[] = [
  {
    title: 'a disk is deleted',
    // Later its VM has it, and Azure deletes no disk of a VM.
    at: ['launch-worker', 'create-vm'],
    async act(cell, restore) {
      await remove(cell, dataDisk(restore), DISK_VERSION);
      return [];
    },
  },
  {
    title: 'a disk is deleted and made anew under its name by somebody else',
    at: ['launch-worker', 'create-vm'],
    async act(cell, restore) {
      const id = dataDisk(restore);
      const { location } = await cell.azure.call<{ location: string }>('GET', `${id}?${DISK_VERSION}`);
      await remove(cell, id, DISK_VERSION);
      await create(cell, id, DISK_VERSION, {
        location,
        tags: { owner: 'somebody else' },
        properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 4 },
      });
      return [id];
    },
  },
  {
    title: 'the tags of a disk are taken away',
    at: ['launch-worker', 'create-vm', 'remove-created'],
    async act(cell, restore) {
      const id = dataDisk(restore);
      await cell.azure.call('PATCH', `${id}?${DISK_VERSION}`, { tags: {} });
      return [id];
    },
  },
  {
    title: 'a data disk is detached from the VM',
    at: ['attach-disks'],
    async act(cell, restore) {
      const diskId = dataDisk(restore);
      await cell.azure.call('POST', `${vmOf(restore)}/attachDetachDataDisks?${VERSION}`, {
        dataDisksToDetach: [{ diskId }],
      });
      await detached(cell, diskId);
      return [];
    },
  },
  {
    title: 'the VM is deleted',
    at: ['attach-disks'],
    async act(cell, restore) {
      await remove(cell, vmOf(restore), VERSION);
      return [];
    },
  },
  {
    title: 'the worker is deleted',
    at: ['restore-data', 'detach-disks', 'deallocate-worker'],
    // Its data-movers may be silent for ten minutes before a person is asked.
    restsWithinMs: 15 * 60_000,
    resumedFrom: 'WORKER_SILENT',
    async act(cell, restore) {
      const worker = (await cell.azure.resourcesOf(restore.id)).find((each) => each.id.includes('landfall-worker'));
      if (worker) await remove(cell, worker.id.replace(/(virtualMachines\/[^/]+).*/, '$1'), VERSION);
      return [];
    },
  },
];

export function interferenceTrials(): readonly Trial[] {
  return KINDS.flatMap((kind) =>
    kind.at.map((place) => {
      return {
        fault: 'F15',
        name: `${kind.title} when ${place} has begun`,
        run: (cell) => interfered(cell, kind, place),
      } satisfies Trial;
    }),
  );
}

async function interfered(cell: Cell, kind: Interference, place: Place): Promise<Outcome> {
  const back = isBack(place);
  cell.disarm();
  if (!back) stopAtBegin(cell, place);
  const id = await order(cell);
  let foreign: readonly string[] = [];
  let before: readonly string[] = [];
  let at: number | null = null;
  const disturb = async (): Promise<void> => {
    const stopped = await stoppedOrOver(cell, id, back);
    if (stopped === null) return;
    const restore = await cell.books.books.restore(id);
    foreign = await kind.act(cell, restore!);
    before = await prints(cell, foreign);
    at = performance.now();
    stopped.goOn();
  };
  if (!back) await disturb();
  let restore = await atRest(cell, id, kind.restsWithinMs ?? PATIENCE_MS);
  const violations: string[] = [];
  if (restore.state === 'needs-attention' && restore.error?.code === kind.resumedFrom) {
    restore = await resumed(cell, restore);
    violations.push(...(await examineEnd(cell, restore, ['completed'])));
  }
  const recoveryMs = at === null ? null : performance.now() - at;
  if (!isAtRest(restore)) violations.push(`I6: restore ${id} is ${restore.state}, and does not come to rest`);
  if (back) stopAtBegin(cell, place);
  const [gone] = await Promise.all([takeAway(cell, restore, PATIENCE_MS), back ? disturb() : null]);
  cell.disarm();
  const ends: Restore['state'][] = ['completed', 'failed', 'needs-attention', 'cancelled', 'rolled-back'];
  // What became of the inventory is looked at below, without what somebody else has taken over.
  for (const broken of await examineEnd(cell, gone, ends)) if (!broken.startsWith('I4')) violations.push(broken);
  if (gone.state === 'needs-attention' && gone.error === null)
    violations.push('I6: it asks for a person without a reason');
  const theirs = new Set(foreign.map((each) => each.toLowerCase()));
  const after = await prints(cell, foreign);
  if (JSON.stringify(after) !== JSON.stringify(before)) violations.push(`I8: ${foreign.join(', ')} was touched`);
  for (const { id: left } of await cell.azure.resourcesOf(id)) {
    if (!theirs.has(left.toLowerCase()) && gone.state !== 'needs-attention') violations.push(`I4: ${left} is left`);
  }
  for (const each of foreign) await remove(cell, each, DISK_VERSION).catch(() => undefined);
  return { reached: at !== null, recoveryMs, violations };
}

/** A person resumes it. */
async function resumed(cell: Cell, { id }: Restore): Promise<Restore> {
  cell.note(`restore ${id} is resumed`);
  await cell.post(`/v1/restores/${id}/resume`, {});
  return atRest(cell, id, PATIENCE_MS);
}

async function prints(cell: Cell, ids: readonly string[]): Promise<readonly string[]> {
  const all = await cell.azure.resources();
  return ids.map((id) => {
    const found = all.find((each) => each.id.toLowerCase() === id.toLowerCase());
    return found === undefined ? `${id} is gone` : JSON.stringify([found.id, found.type, found.tags]);
  });
}

function dataDisk(restore: Restore): string {
  const id = restore.disks.find((disk) => disk.role === 'data')?.azureId;
  if (!id) throw new Error('The restore has no data disk yet.');
  return id;
}

function vmOf(restore: Restore): string {
  const id = dataDisk(restore);
  const name = restore.request.destination.name;
  return `${id.slice(0, id.indexOf(`/${COMPUTE}`))}/${COMPUTE}/virtualMachines/${name}`;
}

/** As somebody in the portal would. */
async function remove(cell: Cell, id: string, version: string): Promise<void> {
  await cell.azure.call('DELETE', `${id}?${version}`);
  await settled(cell, id, version, false);
}

async function create(cell: Cell, id: string, version: string, body: unknown): Promise<void> {
  await cell.azure.call('PUT', `${id}?${version}`, body);
  await settled(cell, id, version, true);
}

async function settled(cell: Cell, id: string, version: string, there: boolean): Promise<void> {
  const isSo = (): Promise<boolean> =>
    cell.azure.call<object>('GET', `${id}?${version}`).then(
      () => there,
      () => !there,
    );
  await until(isSo, `${id} is ${there ? 'not there' : 'still there'}.`);
}

async function detached(cell: Cell, diskId: string): Promise<void> {
  const isFree = async (): Promise<boolean> =>
    !(await cell.azure.call<{ managedBy?: string }>('GET', `${diskId}?${DISK_VERSION}`)).managedBy;
  await until(isFree, `${diskId} is still attached.`);
}

async function until(isSo: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (let looks = 0; looks < 200; looks += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(otherwise);
}
