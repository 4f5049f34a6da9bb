import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { hasEnded, type Restore, type StepId, type TransferMode, type VerifyMode } from '@landfall/domain';
import type { Cell } from './cell.js';

/*
 * Restores of the sample machine in a cell. They are asked for through the API; how they get on is read from the books
 * directly, so that nothing that is tried stands between.
 */
const LOOK_EVERY_MS = 60;

export interface OrderOptions {
  readonly transfer?: TransferMode;
  readonly name?: string;
  readonly disksOnly?: boolean;
  /** `sampled` when left out: the harness compares every byte itself. */
  readonly verify?: VerifyMode;
  /** The sample's own when left out. */
  readonly pointId?: string;
}

/** Asks until it is taken down, with one idempotency key: whatever is lost meanwhile, it is one restore. */
export async function order(cell: Cell, options: OrderOptions = {}): Promise<string> {
  const restorePointId = options.pointId ?? (await pointOfSample(cell));
  const name = options.name ?? `vm-${randomUUID().slice(0, 8)}`;
  const body = {
    restorePointId,
    destination: { kind: 'new', name },
    generation: 1,
    transfer: options.transfer ?? 'worker',
    verify: options.verify ?? 'sampled',
    disksOnly: options.disksOnly ?? false,
  };
  const { id } = await cell.post<{ id: string }>('/v1/restores', body, { 'idempotency-key': `order-${name}` });
  cell.note(`restore ${id} (${name}) was ordered`);
  return id;
}

async function pointOfSample(cell: Cell): Promise<string> {
  const point = (await cell.books.catalogue.points()).find(({ repositoryName }) => repositoryName === 'sample');
  if (point === undefined) throw new Error('The sample has no restore point.');
  return point.id;
}

/** A restore that asks for a person has come to rest as well, though not to its end. */
export function isAtRest(restore: Restore): boolean {
  return hasEnded(restore.state) || restore.state === 'needs-attention';
}

/** The restore as it is when `reached` says so; as it is at the deadline otherwise. */
export async function until(
  cell: Cell,
  restoreId: string,
  reached: (restore: Restore) => boolean,
  withinMs: number,
): Promise<Restore> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const restore = await cell.books.books.restore(restoreId).catch(() => null);
    if (restore !== null && (reached(restore) || performance.now() > deadline)) return restore;
    if (restore === null && performance.now() > deadline + 60_000) throw new Error(`Restore ${restoreId} is unknown.`);
    await pause(LOOK_EVERY_MS);
  }
}

export function atRest(cell: Cell, restoreId: string, withinMs: number): Promise<Restore> {
  return until(cell, restoreId, isAtRest, withinMs);
}

/** Once the step has begun, or is over. */
export function begun(step: StepId): (restore: Restore) => boolean {
  return (restore) =>
    isAtRest(restore) || restore.works.some((each) => each.id === step && !['pending'].includes(each.state));
}

/** Takes away what a restore has made, so that the next one finds room. Returns the state that it came to. */
export async function takeAway(cell: Cell, restore: Restore, withinMs: number): Promise<Restore> {
  if (['cancelled', 'rolled-back', 'refused'].includes(restore.state)) return restore;
  const how = isAtRest(restore) ? 'rollback' : 'cancel';
  await cell.post(`/v1/restores/${restore.id}/${how}`, {});
  return until(
    cell,
    restore.id,
    (now) => ['cancelled', 'rolled-back', 'needs-attention'].includes(now.state),
    withinMs,
  );
}
