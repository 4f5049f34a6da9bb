import type { KeptApplianceId } from '@landfall/domain';
import type { Database } from './database.js';

export class PostgresKeptApplianceId implements KeptApplianceId {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async read(): Promise<string | null> {
    // Not `findUnique`: Prisma joins several of one moment into one by a list of keys, which a boolean key has no filter for.
    const row = await this.#database.run((client) => client.appliance.findFirst());
    return row?.id ?? null;
  }

  async anythingMade(): Promise<boolean> {
    const made = await this.#database.run((client) =>
      client.cloudResource.findFirst({
        where: { state: { not: 'removed' }, purpose: { not: 'source' } },
        select: { id: true },
      }),
    );
    return made !== null;
  }

  async keep(id: string): Promise<string> {
    // Whoever comes second waits here until the first has committed, so that the row is there to be read.
    await this.#database.run((client) => client.appliance.createMany({ data: [{ id }], skipDuplicates: true }));
    return this.#database.run(async (client) => (await client.appliance.findFirstOrThrow()).id);
  }
}
