import {
  type CallEffect,
  type CallIntent,
  type CallJournal,
  type CallResult,
  type ErrorDetails,
  type JournalEntry,
} from '@landfall/domain';
import type { Database } from './database.js';
import type { Prisma } from './generated/client.js';
import type { JournalOwner } from './journal-owners.js';
import { enter, settle } from './ledger-writes.js';
import { fromJson, requiredJson, toJson } from './rows.js';

/*
 * The books of one run's cloud calls. `begin` takes the entry over for this run, after making sure, under a lock that
 * a change of the owner has to wait for, that the run is still wanted. Later writes are guarded by the entry's epoch:
 * a run whose place was taken writes nothing, and one that was merely cancelled can still record what it has done.
 */
export class PostgresCallJournal implements CallJournal {
  readonly #database: Database;
  readonly #owner: JournalOwner;

  constructor(database: Database, owner: JournalOwner) {
    this.#database = database;
    this.#owner = owner;
  }

  get ownerId(): string {
    return this.#owner.id;
  }

  async begin(intent: CallIntent): Promise<JournalEntry> {
    return this.#database.transaction(async (client) => {
      await this.#owner.requireCurrent(client);
      const life = await enter(client, this.#owner.id, intent);
      return this.#takeEntry(client, intent, life);
    });
  }

  async submitted(key: string, pollerState: string): Promise<void> {
    await this.#database.transaction(async (client) => {
      await this.#update(client, key, { state: 'submitted', pollerState });
    });
  }

  async succeeded(key: string, { azureId, instanceId }: CallResult = {}): Promise<void> {
    await this.#database.transaction(async (client) => {
      const columns = { state: 'succeeded', pollerState: null, ...(azureId ? { azureId } : {}) };
      const operation = await this.#update(client, key, columns);
      const effect = fromJson<CallEffect>(operation.effect);
      await settle(client, this.#owner, { ...operation, effect, instanceId: instanceId ?? null });
    });
  }

  async failed(key: string, error: ErrorDetails): Promise<void> {
    await this.#database.transaction(async (client) => {
      await this.#update(client, key, { state: 'failed', pollerState: null, error: requiredJson(error) });
    });
  }

  /** @param life that the call brings into being */
  async #takeEntry(client: Prisma.TransactionClient, intent: CallIntent, life: number | null): Promise<JournalEntry> {
    const { id: ownerId, work, epoch } = this.#owner;
    const earlier = await client.operation.findUnique({ where: { ownerId_key: { ownerId, key: intent.key } } });
    const isSame = earlier?.bodyHash === intent.bodyHash;
    const goesOn = earlier?.state === 'submitted' || (isSame && earlier.state !== 'failed');
    const columns = { work, epoch, life, updatedAt: new Date() };
    const anew = {
      ...columns,
      operation: intent.operation,
      azureId: intent.azureId,
      bodyHash: intent.bodyHash,
      effect: requiredJson(intent.effect),
      state: 'intended',
      pollerState: null,
      error: toJson(null),
    };
    const row = await client.operation.upsert({
      where: { ownerId_key: { ownerId, key: intent.key } },
      create: { ownerId, key: intent.key, ...anew },
      update: goesOn ? columns : anew,
    });
    const hasOtherBody = row.bodyHash !== intent.bodyHash;
    return {
      ...{ state: row.state as JournalEntry['state'], pollerState: row.pollerState },
      ...(hasOtherBody ? { hasOtherBody } : {}),
    };
  }

  async #update(client: Prisma.TransactionClient, key: string, columns: Prisma.OperationUpdateManyMutationInput) {
    const { id: ownerId, epoch, work } = this.#owner;
    const [row] = await client.operation.updateManyAndReturn({
      where: { ownerId, key, epoch, work },
      data: { ...columns, updatedAt: new Date() },
    });
    if (!row) throw this.#owner.superseded();
    return row;
  }
}
