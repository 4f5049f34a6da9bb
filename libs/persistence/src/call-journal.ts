import {
  type CallIntent,
  type CallJournal,
  type Creation,
  type ErrorDetails,
  type JournalEntry,
  type WorkRun,
} from '@landfall/domain';
import { requireCurrentRun, superseded } from './current-run.js';
import type { Database } from './database.js';
import type { Prisma } from './generated/client.js';
import { addEvent } from './restore-transaction.js';
import { requiredJson, toJson } from './rows.js';

/*
 * The books of one run's cloud calls. `begin` takes the entry over for this run, after making sure, under a lock that
 * a change of the restore has to wait for, that the run is still wanted. Later writes are guarded by the entry's epoch:
 * a run whose place was taken writes nothing, and one that was merely cancelled can still record what it has done.
 */
export class PostgresCallJournal implements CallJournal {
  readonly #database: Database;
  readonly #run: WorkRun;

  constructor(database: Database, run: WorkRun) {
    this.#database = database;
    this.#run = run;
  }

  get restoreId(): string {
    return this.#run.restoreId;
  }

  async begin(intent: CallIntent): Promise<JournalEntry> {
    return this.#database.transaction(async (client) => {
      await client.$queryRaw`SELECT 1 FROM "restore" WHERE "id" = ${this.#run.restoreId} FOR SHARE`;
      await requireCurrentRun(client, this.#run);
      const entry = await this.#takeEntry(client, intent);
      if (intent.effect.creates) await this.#intendResource(client, intent.azureId, intent.effect.creates);
      return entry;
    });
  }

  async submitted(key: string, pollerState: string): Promise<void> {
    await this.#database.transaction(async (client) => {
      await this.#update(client, key, { state: 'submitted', pollerState });
    });
  }

  async succeeded(key: string, result: { readonly azureId?: string } = {}): Promise<void> {
    await this.#database.transaction(async (client) => {
      const columns = { state: 'succeeded', pollerState: null, ...(result.azureId ? { azureId: result.azureId } : {}) };
      const operation = await this.#update(client, key, columns);
      if (operation.creates) await this.#settle(client, operation.azureId, 'created');
      if (operation.removes) await this.#settle(client, operation.azureId, 'removed');
    });
  }

  async failed(key: string, error: ErrorDetails): Promise<void> {
    await this.#database.transaction(async (client) => {
      await this.#update(client, key, { state: 'failed', pollerState: null, error: requiredJson(error) });
    });
  }

  async #takeEntry(client: Prisma.TransactionClient, intent: CallIntent): Promise<JournalEntry> {
    const { restoreId, work, epoch } = this.#run;
    const earlier = await client.operation.findUnique({ where: { restoreId_key: { restoreId, key: intent.key } } });
    const isSame = earlier?.bodyHash === intent.bodyHash;
    const goesOn = earlier?.state === 'submitted' || (isSame && earlier.state !== 'failed');
    const columns = { work, epoch, updatedAt: new Date() };
    const anew = {
      ...columns,
      operation: intent.operation,
      azureId: intent.azureId,
      bodyHash: intent.bodyHash,
      creates: intent.effect.creates !== undefined,
      removes: intent.effect.removes !== undefined,
      state: 'intended',
      pollerState: null,
      error: toJson(null),
    };
    const row = await client.operation.upsert({
      where: { restoreId_key: { restoreId, key: intent.key } },
      create: { restoreId, key: intent.key, ...anew },
      update: goesOn ? columns : anew,
    });
    const hasOtherBody = row.bodyHash !== intent.bodyHash;
    return {
      ...{ state: row.state as JournalEntry['state'], pollerState: row.pollerState },
      ...(hasOtherBody ? { hasOtherBody } : {}),
    };
  }

  async #intendResource(client: Prisma.TransactionClient, azureId: string, creates: Creation): Promise<void> {
    const { restoreId } = this.#run;
    const key = azureId.toLowerCase();
    const { kind, role } = creates;
    // One that was removed comes into being again; one that is intended or created stays what it is.
    await client.$executeRaw`
      INSERT INTO "cloud_resource" ("restore_id", "key", "azure_id", "kind", "role", "state")
      VALUES (${restoreId}, ${key}, ${azureId}, ${kind}, ${role}, 'intended')
      ON CONFLICT ("restore_id", "key") DO UPDATE SET "state" = 'intended', "removed_at" = NULL
      WHERE "cloud_resource"."state" = 'removed'`;
  }

  async #settle(client: Prisma.TransactionClient, azureId: string, state: 'created' | 'removed'): Promise<void> {
    const { restoreId } = this.#run;
    // A run that was stopped and wakes up may tell late of what a clean-up has removed meanwhile: removed it stays.
    const from = state === 'created' ? ['intended'] : ['intended', 'created'];
    const { count } = await client.cloudResource.updateMany({
      where: { restoreId, key: azureId.toLowerCase(), state: { in: from } },
      data: { state, removedAt: state === 'removed' ? new Date() : null },
    });
    if (count === 0) return;
    const name = azureId.split('/').at(-1) ?? azureId;
    const message = state === 'created' ? `Created ${name}.` : `Removed ${name}.`;
    await addEvent(client, restoreId, `resource.${state}`, message, { azureId });
  }

  async #update(client: Prisma.TransactionClient, key: string, columns: Prisma.OperationUpdateManyMutationInput) {
    const { restoreId, epoch, work } = this.#run;
    const [row] = await client.operation.updateManyAndReturn({
      where: { restoreId, key, epoch, work },
      data: { ...columns, updatedAt: new Date() },
    });
    if (!row) throw superseded(this.#run);
    return row;
  }
}
