import { setTimeout as pause } from 'node:timers/promises';
import { stagingGroupName, type Restore } from '@landfall/domain';
import type { Cell } from '../live/cell.js';
import { examineEnd } from '../live/examine.js';
import {
  approvedUntilAtRest,
  clearAway,
  differencesInPlace,
  layOriginal,
  orderInPlace,
  purge,
  type OriginalVm,
} from '../live/original.js';
import { takeAway } from '../live/restores.js';
import { PATIENCE_MS, type Outcome, type Trial } from '../live/trial.js';
import { stoppedOrOver } from './steps.js';

/*
 * Somebody does something to a machine that is being replaced, or to what it takes. Whatever comes of it, there is a machine in
 * its place, nothing of theirs is lost, and a person who resumes comes to the end; then it is rolled back, and purged.
 */
const VM_VERSION = 'api-version=2024-07-01';
const DISK_VERSION = 'api-version=2024-03-02';
const LOCK_VERSION = 'api-version=2020-05-01';
const GROUP_VERSION = 'api-version=2021-04-01';
const STOPPED = 'remove-source.vm.stop-source.afterCommit';
const TAKEN = 'event.source.snapshots-taken.afterCommit';
const PASSED = 'remove-source.gate.afterCommit';
const FREE_LUN = 40;

interface Scene {
  readonly cell: Cell;
  readonly vm: OriginalVm;
  readonly restore: Restore;
}

/** Before the restore is asked for. */
interface Beforehand {
  readonly at: null;
  act(scene: Omit<Scene, 'restore'>): Promise<void>;
}

interface Meanwhile {
  /** The crash point at which the finalizer stands still. */
  readonly at: string;
  /** Returns what undoes it, where a resumption needs that. */
  act(scene: Scene): Promise<(() => Promise<void>) | void>;
}

type Interference = (Beforehand | Meanwhile) & {
  readonly title: string;
  /** How the restore comes to rest; `completed` when left out. */
  readonly asksFor?: string;
  /** Whether a resumption comes to the end then; it does when left out. */
  readonly resumes?: false;
  /** Of the machine that is replaced, when it is as it was; it runs when left out. */
  readonly power?: 'deallocated';
  /** Ids of what has to be there in the end, whatever happened. */
  theirs?(scene: Scene): readonly string[];
};

const KINDS: readonly Interference[] = [
  {
    title: 'the machine is started between its snapshots and the gate',
    at: TAKEN,
    asksFor: 'SOURCE_CHANGED',
    act: ({ cell, vm }) => powered(cell, vm.azureId, 'start', 'running'),
  },
  {
    title: 'a disk is attached to it while it stands still',
    at: STOPPED,
    asksFor: 'CUT_OVER',
    act: async ({ cell, vm }) => void (await attachTheirs(cell, vm)),
    theirs: ({ vm }) => [theirDisk(vm)],
  },
  {
    title: 'a safety snapshot is deleted before the gate',
    at: TAKEN,
    asksFor: 'CUT_OVER',
    async act({ cell, restore }) {
      const [snapshot] = (await cell.books.books.sourceRecord(restore.id))?.snapshots ?? [];
      if (snapshot === undefined) throw new Error('No snapshot is written down.');
      await remove(cell, snapshot.snapshotId, DISK_VERSION);
    },
  },
  {
    title: 'a lock appears on it between the gate and its removal',
    at: PASSED,
    asksFor: 'LOCKED',
    async act({ cell, vm }) {
      const lock = `${vm.azureId}/providers/Microsoft.Authorization/locks/keep?${LOCK_VERSION}`;
      await cell.azure.call('PUT', lock, { properties: { level: 'CanNotDelete' } });
      return () => cell.azure.call('DELETE', lock);
    },
  },
  {
    title: 'a policy denies its removal after the gate',
    at: PASSED,
    asksFor: 'POLICY_DENIED',
    async act({ cell }) {
      const denied = { status: 403, code: 'RequestDisallowedByPolicy', message: 'Deleting is denied (denyAction).' };
      await cell.azure.call('POST', '/_emulator/faults', {
        ...{ kind: 'error', operation: 'virtualMachines.delete', when: 'always', ...denied },
      });
      return () => cell.azure.call('DELETE', '/_emulator/faults');
    },
  },
  {
    title: 'all its parts go along with it',
    at: null,
    async act({ cell, vm }) {
      const path = `${vm.azureId}?${VM_VERSION}`;
      const { properties } = await cell.azure.call<VmBody>('GET', path);
      const { osDisk, dataDisks } = properties.storageProfile;
      const going = <T extends object>(part: T): T => ({ ...part, deleteOption: 'Delete' });
      const networkInterfaces = properties.networkProfile.networkInterfaces.map((nic) => ({
        ...{ id: nic.id, properties: { ...nic.properties, deleteOption: 'Delete' } },
      }));
      const storageProfile = { osDisk: going(osDisk), dataDisks: dataDisks.map(going) };
      await cell.azure.call('PATCH', path, { properties: { storageProfile, networkProfile: { networkInterfaces } } });
      await settled(cell, path);
    },
  },
  {
    title: 'it was found stopped',
    at: null,
    power: 'deallocated',
    act: ({ cell, vm }) => powered(cell, vm.azureId, 'deallocate', 'deallocated'),
  },
  {
    title: 'another machine bears its name by now',
    at: STOPPED,
    asksFor: 'SOURCE_CHANGED',
    resumes: false,
    async act({ cell, vm }) {
      const path = `${vm.azureId}?${VM_VERSION}`;
      const { location, properties } = await cell.azure.call<VmBody>('GET', path);
      await remove(cell, vm.azureId, VM_VERSION);
      const { managedDisk, osType } = properties.storageProfile.osDisk;
      const osDisk = { createOption: 'Attach', osType, managedDisk: { id: managedDisk.id } };
      const { hardwareProfile, networkProfile } = properties;
      const made = { hardwareProfile, storageProfile: { osDisk }, networkProfile };
      await cell.azure.call('PUT', path, { location, tags: { owner: 'somebody else' }, properties: made });
      await settled(cell, path);
    },
    theirs: ({ vm }) => [vm.azureId],
  },
  {
    title: 'somebody else keeps a disk in the staging group',
    at: STOPPED,
    async act({ cell, restore }) {
      const group = `${subscriptionOf(restore)}/resourceGroups/${stagingGroupName(restore.id)}`;
      const { location } = await cell.azure.call<{ location: string }>('GET', `${group}?${GROUP_VERSION}`);
      await createDisk(cell, `${group}/providers/Microsoft.Compute/disks/theirs`, location);
    },
    theirs: ({ restore }) => [
      `${subscriptionOf(restore)}/resourceGroups/${stagingGroupName(restore.id)}/providers/Microsoft.Compute/disks/theirs`,
    ],
  },
];

export function othersInPlaceTrials(): readonly Trial[] {
  return KINDS.map((kind) => ({
    fault: 'others-in-place',
    name: `restore in place: ${kind.title}`,
    run: (cell) => interfered(cell, kind),
  }));
}

async function interfered(cell: Cell, kind: Interference): Promise<Outcome> {
  cell.disarm();
  const vm = await layOriginal(cell, PATIENCE_MS);
  if (kind.at === null) await kind.act({ cell, vm });
  else cell.arm([`${kind.at} stop`]);
  const number = (await vmOf(cell, vm))?.properties.vmId;
  const id = await orderInPlace(cell, vm);
  const disturbed: Promise<Disturbance> =
    kind.at === null ? Promise.resolve({ reached: true }) : disturb(cell, vm, kind, id);
  const [restore, { reached, undo }] = await Promise.all([approvedUntilAtRest(cell, id, PATIENCE_MS), disturbed]);
  cell.disarm();
  const violations: string[] = [];
  let ended = restore;
  const theirs = kind.theirs?.({ cell, vm, restore }) ?? [];
  if (kind.asksFor !== undefined) {
    violations.push(...asked(restore, kind.asksFor));
    if (kind.resumes !== false) violations.push(...(await untouched(cell, vm, kind, number, theirs)));
    await undo?.();
    if (kind.resumes !== false) {
      cell.note(`restore ${id} is resumed`);
      await cell.post(`/v1/restores/${id}/resume`, {});
      ended = await approvedUntilAtRest(cell, id, PATIENCE_MS);
    }
  }
  if (kind.resumes !== false) {
    // What its disks hold is looked at beside the machine: they bear the names that they had there.
    if (ended.state !== 'completed') violations.push(`I6: restore ${id} is ${ended.state}, not completed`);
    const images = cell.ground.sample.disks.map(({ path }) => path);
    violations.push(...(await differencesInPlace(cell, vm.azureId, images, theirs)));
  }
  const back = await takeAway(cell, ended, PATIENCE_MS);
  violations.push(...(await examineEnd(cell, back, ['rolled-back'])));
  if (kind.resumes !== false) {
    violations.push(...(await differencesInPlace(cell, vm.azureId, vm.overwritten, theirs)));
    violations.push(...(await powerIs(cell, vm, kind.power ?? 'running')));
  }
  if (back.cutOverAt !== null) {
    const kept = await purge(cell, id, PATIENCE_MS);
    if (kept.length > 0) violations.push(`I4: ${kept.join(', ')} is there after the purge`);
  }
  violations.push(...(await leftOrLost(cell, id, theirs)));
  await clearAway(cell, vm);
  // A group in which something of theirs lies stays.
  const groups = theirs.map((each) => each.slice(0, each.indexOf('/providers/')));
  const isTheirs = (sentence: string): boolean =>
    sentence.startsWith('I4') && groups.some((group) => sentence.includes(`"azureId":"${group}"`));
  return { reached, recoveryMs: null, violations: violations.filter((sentence) => !isTheirs(sentence)) };
}

interface Disturbance {
  readonly reached: boolean;
  readonly undo?: () => Promise<void>;
}

async function disturb(cell: Cell, vm: OriginalVm, kind: Meanwhile, restoreId: string): Promise<Disturbance> {
  const stopped = await stoppedOrOver(cell, restoreId);
  if (stopped === null) return { reached: false };
  try {
    const restore = await cell.books.books.restore(restoreId);
    const undo = await kind.act({ cell, vm, restore: restore! });
    return { reached: true, ...(undo ? { undo } : {}) };
  } finally {
    stopped.goOn();
  }
}

function asked(restore: Restore, code: string): string[] {
  if (restore.state === 'needs-attention' && restore.error?.code === code) return [];
  const error = `${restore.error?.code ?? 'no error'}: ${restore.error?.message ?? ''}`;
  return [`I6: restore ${restore.id} is ${restore.state} (${error}), and does not ask for a person with ${code}`];
}

/** The machine that was to be replaced stands with what its disks held, and runs if it ran. */
async function untouched(
  cell: Cell,
  vm: OriginalVm,
  kind: Interference,
  number: string | undefined,
  theirs: readonly string[],
): Promise<readonly string[]> {
  const found = await vmOf(cell, vm);
  if (found?.properties.vmId !== number) return [`I2: ${vm.azureId} is not the machine that was to be replaced`];
  const power = await powerIs(cell, vm, kind.power ?? 'running');
  return [...power, ...(await differencesInPlace(cell, vm.azureId, vm.overwritten, theirs))];
}

async function powerIs(cell: Cell, vm: OriginalVm, wanted: string): Promise<readonly string[]> {
  const power = await powerOf(cell, vm.azureId);
  return power === wanted ? [] : [`I3: ${vm.azureId} is ${power}, not ${wanted}`];
}

async function leftOrLost(cell: Cell, restoreId: string, theirs: readonly string[]): Promise<string[]> {
  const isTheirs = (id: string): boolean => theirs.some((each) => each.toLowerCase().startsWith(id.toLowerCase()));
  const left = (await cell.azure.resourcesOf(restoreId)).filter(({ id }) => !isTheirs(id));
  const all = new Set((await cell.azure.resources()).map(({ id }) => id.toLowerCase()));
  return [
    ...left.map(({ id }) => `I4: ${id} is left of a restore that was rolled back`),
    ...theirs.flatMap((id) => (all.has(id.toLowerCase()) ? [] : [`I8: ${id}, which is somebody else's, is gone`])),
  ];
}

interface VmBody {
  readonly location: string;
  readonly properties: {
    readonly vmId: string;
    readonly hardwareProfile: object;
    readonly storageProfile: {
      readonly osDisk: { readonly osType: string; readonly managedDisk: { readonly id: string } };
      readonly dataDisks: readonly object[];
    };
    readonly networkProfile: {
      readonly networkInterfaces: readonly { readonly id: string; readonly properties?: object }[];
    };
    readonly provisioningState: string;
  };
}

function vmOf(cell: Cell, { azureId }: OriginalVm): Promise<VmBody | null> {
  return cell.azure.call<VmBody>('GET', `${azureId}?${VM_VERSION}`).catch(() => null);
}

async function powerOf(cell: Cell, vmId: string): Promise<string> {
  const view = await cell.azure.call<{ statuses: readonly { code: string }[] }>(
    ...(['GET', `${vmId}/instanceView?${VM_VERSION}`] as const),
  );
  return (
    view.statuses.find(({ code }) => code.startsWith('PowerState/'))?.code.slice('PowerState/'.length) ?? 'unknown'
  );
}

async function powered(cell: Cell, vmId: string, action: string, wanted: string): Promise<void> {
  await cell.azure.call('POST', `${vmId}/${action}?${VM_VERSION}`);
  await until(async () => (await powerOf(cell, vmId)) === wanted, `${vmId} is not ${wanted}.`);
}

function theirDisk({ azureId }: OriginalVm): string {
  return `${azureId.replace('/virtualMachines/', '/disks/')}-theirs`;
}

async function attachTheirs(cell: Cell, vm: OriginalVm): Promise<void> {
  const { location } = await cell.azure.call<VmBody>('GET', `${vm.azureId}?${VM_VERSION}`);
  const diskId = theirDisk(vm);
  await createDisk(cell, diskId, location);
  const body = { dataDisksToAttach: [{ diskId, lun: FREE_LUN }] };
  await cell.azure.call('POST', `${vm.azureId}/attachDetachDataDisks?${VM_VERSION}`, body);
  await settled(cell, `${vm.azureId}?${VM_VERSION}`);
}

async function createDisk(cell: Cell, id: string, location: string): Promise<void> {
  const properties = { creationData: { createOption: 'Empty' }, diskSizeGB: 1 };
  await cell.azure.call('PUT', `${id}?${DISK_VERSION}`, { location, tags: { owner: 'somebody else' }, properties });
  await settled(cell, `${id}?${DISK_VERSION}`);
}

async function remove(cell: Cell, id: string, version: string): Promise<void> {
  await cell.azure.call('DELETE', `${id}?${version}`);
  const isGone = (): Promise<boolean> =>
    cell.azure.call('GET', `${id}?${version}`).then(
      () => false,
      () => true,
    );
  await until(isGone, `${id} is still there.`);
}

/** @param path with its version */
async function settled(cell: Cell, path: string): Promise<void> {
  const isSo = async (): Promise<boolean> => {
    const { properties } = await cell.azure.call<{ properties: { provisioningState: string } }>('GET', path);
    return properties.provisioningState === 'Succeeded';
  };
  await until(isSo, `${path} is still being changed.`);
}

async function until(isSo: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (let looks = 0; looks < 200; looks += 1) {
    if (await isSo()) return;
    await pause(50);
  }
  throw new Error(otherwise);
}

/** `/subscriptions/ID` */
function subscriptionOf({ plan }: Restore): string {
  const { azureId = '' } = plan?.source ?? {};
  return azureId.split('/').slice(0, 3).join('/');
}
