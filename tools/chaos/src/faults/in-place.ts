import type { Restore } from '@landfall/domain';
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

/*
 * In place: a machine that is replaced where it stands, by processes that die at every point that only such a restore comes by, or that its
 * roll-back comes by. Whatever dies, the restored machine stands there in the end, and after the roll-back the one that was replaced,
 * each with its own bytes; after the purge nothing of ours is left beside it.
 */
export interface PointInPlace {
  readonly name: string;
  /** On the way back of a finished restore. */
  readonly back: boolean;
}

/** What a restore to a new place does not do, or does otherwise. */
const WORKS_IN_PLACE = [
  'create-staging-resource-group',
  'remove-source',
  'move-disks',
  'create-vm',
  'attach-disks',
  'remove-staging-resource-group',
];

/** Each point once, in the order in which they are come by. */
export async function enumeratePointsInPlace(cell: Cell): Promise<readonly PointInPlace[]> {
  const vm = await layOriginal(cell, PATIENCE_MS);
  cell.forgetTrace();
  const restore = await approvedUntilAtRest(cell, await orderInPlace(cell, vm), PATIENCE_MS);
  if (restore.state !== 'completed') throw new Error(`The undisturbed restore is ${told(restore)}`);
  const forward = cell.trace.filter((name) => WORKS_IN_PLACE.includes(workOf(name)));
  cell.forgetTrace();
  const back = await takeAway(cell, restore, PATIENCE_MS);
  if (back.state !== 'rolled-back') throw new Error(`The undisturbed roll-back is ${told(back)}`);
  const works = back.works.filter(({ direction }) => direction === 'back').map(({ id }) => id as string);
  const onTheWay = cell.trace.filter((name) => works.includes(workOf(name)));
  await purge(cell, restore.id, PATIENCE_MS);
  return [...forward.map((name) => ({ name, back: false })), ...onTheWay.map((name) => ({ name, back: true }))];
}

export function inPlaceTrials(points: readonly PointInPlace[]): readonly Trial[] {
  return points.map(({ name, back }) => ({
    fault: 'in-place',
    name: `${back ? 'roll-back in place' : 'restore in place'}, kill at ${name}`,
    run: (cell) => dyingInPlace(cell, name, back),
  }));
}

async function dyingInPlace(cell: Cell, point: string, back: boolean): Promise<Outcome> {
  cell.disarm();
  const vm = await layOriginal(cell, PATIENCE_MS);
  if (!back) cell.arm([point]);
  const restore = await approvedUntilAtRest(cell, await orderInPlace(cell, vm), PATIENCE_MS);
  const violations = await examineRestored(cell, vm, restore);
  if (back) cell.arm([point]);
  const rolledBack = await takeAway(cell, restore, PATIENCE_MS);
  const reached = cell.armed.length === 0;
  cell.disarm();
  violations.push(...(await examineRolledBack(cell, vm, rolledBack)));
  await clearAway(cell, vm);
  return { reached, recoveryMs: null, violations };
}

async function examineRestored(cell: Cell, vm: OriginalVm, restore: Restore): Promise<string[]> {
  if (restore.state !== 'completed') return [`I6: the restore in place is ${told(restore)}`];
  const images = cell.ground.sample.disks.map(({ path }) => path);
  return [...(await differencesInPlace(cell, vm.azureId, images))];
}

async function examineRolledBack(cell: Cell, vm: OriginalVm, restore: Restore): Promise<string[]> {
  const violations = await examineEnd(cell, restore, ['rolled-back', 'cancelled']);
  violations.push(...(await differencesInPlace(cell, vm.azureId, vm.overwritten)));
  const kept = await purge(cell, restore.id, PATIENCE_MS);
  if (kept.length > 0) violations.push(`I4: ${kept.join(', ')} is there after the purge`);
  // The machine is its owner's again, and carries none of our tags.
  const left = (await cell.azure.resourcesOf(restore.id)).map(({ id }) => id);
  if (left.length > 0) violations.push(`I4: ${left.join(', ')} is left of a restore that was rolled back`);
  return violations;
}

function workOf(point: string): string {
  return point.slice(0, point.indexOf('.'));
}

function told(restore: Restore): string {
  const work = restore.works.find(({ state }) => state === 'running' || state === 'failed');
  return `${restore.state} (${work?.id ?? '-'}, ${restore.error?.code ?? 'no error'}: ${restore.error?.message ?? ''})`;
}
