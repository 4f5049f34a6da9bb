import { entryOf, type CallEffect, type CallIntent } from '@landfall/domain';
import type { Prisma } from './generated/client.js';
import type { TellsHistory } from './journal-owners.js';
import { requiredJson } from './rows.js';

/*
 * What calls write into the ledger: before they are made, and once it is known what they have done. Azure does not mind the
 * case of ids: entries are told by theirs in lower case, their key.
 */

/** Enters what a call is going to do. Returns the life that it brings into being; null: none. */
export async function enter(
  client: Prisma.TransactionClient,
  ownerId: string,
  { azureId, effect }: Pick<CallIntent, 'azureId' | 'effect'>,
): Promise<number | null> {
  const key = keyOf(azureId);
  await openEntry(client, ownerId, azureId, effect);
  if (effect.moves !== undefined) await openMoved(client, ownerId, key, effect.moves.to);
  if (effect.changes !== undefined) await openChange(client, ownerId, azureId, effect.changes);
  if (effect.creates === undefined) return null;
  const alive = await client.cloudResource.findFirst({
    where: { ownerId, key, state: { not: 'removed' } },
    select: { life: true },
  });
  return alive?.life ?? null;
}

/** One that is alive stays what it is. What is not ours is entered once, also when its removal is asked for again. */
async function openEntry(
  client: Prisma.TransactionClient,
  ownerId: string,
  azureId: string,
  effect: CallEffect,
): Promise<void> {
  const entry = entryOf(azureId, effect);
  if (entry === null) return;
  const key = keyOf(azureId);
  const { kind, role, purpose, state, keepUntil, instanceId } = entry;
  await client.$executeRaw`
    INSERT INTO "cloud_resource" ("owner_id", "key", "azure_id", "kind", "role", "purpose", "state", "keep_until",
                                  "instance_id", "life")
    SELECT ${ownerId}, ${key}, ${azureId}, ${kind}, ${role}, ${purpose}, ${state}, ${keepUntil}::timestamptz,
           ${instanceId}::text, COALESCE(max("life"), 0) + 1
    FROM "cloud_resource" WHERE "owner_id" = ${ownerId} AND "key" = ${key}
    HAVING bool_or("instance_id" = ${instanceId}::text) IS NOT TRUE
    ON CONFLICT ("owner_id", "key") WHERE "state" <> 'removed' DO NOTHING`;
}

/** The life of what moves goes on under its new id, beside the entry under which it is to be found until then. */
async function openMoved(client: Prisma.TransactionClient, ownerId: string, key: string, to: string): Promise<void> {
  await client.$executeRaw`
    INSERT INTO "cloud_resource" ("owner_id", "key", "azure_id", "kind", "role", "purpose", "state", "keep_until",
                                  "instance_id", "life", "moved_from", "created_at")
    SELECT "owner_id", ${keyOf(to)}, ${to}, "kind", "role", "purpose", 'intended', "keep_until",
           "instance_id", "life", "azure_id", "created_at"
    FROM "cloud_resource" WHERE "owner_id" = ${ownerId} AND "key" = ${key} AND "state" <> 'removed'
    ON CONFLICT ("owner_id", "key") WHERE "state" <> 'removed' DO NOTHING`;
}

/** What it was before the first try stands: a later one may find what that has made of it. */
async function openChange(
  client: Prisma.TransactionClient,
  ownerId: string,
  azureId: string,
  change: NonNullable<CallEffect['changes']>,
): Promise<void> {
  if (change === 'ours' || 'undoes' in change) return;
  const was = JSON.stringify(requiredJson(change.was));
  await client.$executeRaw`
    INSERT INTO "cloud_change" ("owner_id", "key", "azure_id", "what", "was")
    VALUES (${ownerId}, ${keyOf(azureId)}, ${azureId}, ${change.what}, ${was}::jsonb)
    ON CONFLICT ("owner_id", "key", "what") WHERE "undone_at" IS NULL DO NOTHING`;
}

/** A call that has had its effect. */
export interface DoneCall {
  readonly azureId: string;
  readonly effect: CallEffect;
  /** As `enter` gave it. */
  readonly life: number | null;
  readonly instanceId: string | null;
}

/**
 * Settles what a call has done, and tells it in the history of its owner. A run that was stopped and wakes up may tell late of
 * what was removed meanwhile: removed it stays, and a later life is not this call's.
 */
export async function settle(client: Prisma.TransactionClient, owner: TellsHistory, call: DoneCall): Promise<void> {
  const { id: ownerId } = owner;
  const { azureId, effect, life, instanceId } = call;
  const alive = { ownerId, key: keyOf(azureId), state: { not: 'removed' } };
  if (effect.creates !== undefined && life !== null) {
    const { count } = await client.cloudResource.updateMany({
      where: { ...alive, life, state: 'intended' },
      data: { state: 'created', ...(instanceId === null ? {} : { instanceId }) },
    });
    if (count > 0) await tell(client, owner, 'created', azureId);
  }
  if (effect.removes !== undefined) {
    const { count } = await client.cloudResource.updateMany({ where: alive, data: ended() });
    if (count > 0) await tell(client, owner, 'removed', azureId);
  }
  if (effect.moves !== undefined) await settleMoved(client, owner, azureId, effect.moves.to);
  if (effect.changes !== undefined && effect.changes !== 'ours' && 'undoes' in effect.changes) {
    await client.cloudChange.updateMany({
      where: { ownerId, key: keyOf(azureId), what: effect.changes.undoes, undoneAt: null },
      data: { undoneAt: new Date() },
    });
  }
}

async function settleMoved(
  client: Prisma.TransactionClient,
  owner: TellsHistory,
  azureId: string,
  to: string,
): Promise<void> {
  const { id: ownerId } = owner;
  const [there] = await client.$queryRaw<{ life: number }[]>`
    UPDATE "cloud_resource" SET "state" = 'created'
    WHERE "owner_id" = ${ownerId} AND "key" = ${keyOf(to)} AND "state" = 'intended' AND lower("moved_from") = ${keyOf(azureId)}
    RETURNING "life"`;
  if (there === undefined) return;
  const { life } = there;
  await client.cloudResource.updateMany({
    where: { ownerId, key: keyOf(azureId), life, state: { not: 'removed' } },
    data: ended(),
  });
  await tell(client, owner, 'moved', to);
}

function ended() {
  return { state: 'removed', removedAt: new Date() };
}

async function tell(
  client: Prisma.TransactionClient,
  owner: TellsHistory,
  what: 'created' | 'removed' | 'moved',
  azureId: string,
): Promise<void> {
  const verb = { created: 'Created', removed: 'Removed', moved: 'Moved' }[what];
  await owner.addEvent(client, owner.id, `resource.${what}`, `${verb} ${azureId.split('/').at(-1)}.`, { azureId });
}

function keyOf(azureId: string): string {
  return azureId.toLowerCase();
}
