import {
  tokenNameTaken,
  type ApiRole,
  type ApiTokenRecord,
  type ApiTokens,
  type DiskAccess,
  type DiskAccesses,
  type IdempotencyKeys,
  type NewApiToken,
} from '@landfall/domain';
import { appendAudit } from './audit-log.js';
import { clockOf } from './clock.js';
import type { Database } from './database.js';
import type { ApiTokenModel } from './generated/models.js';

export class PostgresApiTokens implements ApiTokens {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async put(token: {
    name: string;
    role: ApiRole;
    tokenHash: string;
    expiresAt: Date | null;
  }): Promise<ApiTokenRecord> {
    const { tokenHash, ...columns } = token;
    const row = await this.#database.run((client) =>
      client.apiToken.upsert({ where: { tokenHash }, create: token, update: columns }),
    );
    return toRecord(row);
  }

  async byHash(tokenHash: string): Promise<ApiTokenRecord | null> {
    const [row] = await this.#database.run(
      (client) => client.$queryRaw<ApiTokenRecord[]>`
        SELECT "id", "name", "role", "created_at" AS "createdAt", "expires_at" AS "expiresAt", "revoked_at" AS "revokedAt",
          "created_by" AS "createdBy"
        FROM "api_token"
        WHERE "token_hash" = ${tokenHash} AND "revoked_at" IS NULL
          AND ("expires_at" IS NULL OR "expires_at" > clock_timestamp())`,
    );
    return row ?? null;
  }

  async list(): Promise<readonly ApiTokenRecord[]> {
    const rows = await this.#database.run((client) => client.apiToken.findMany({ orderBy: { createdAt: 'asc' } }));
    return rows.map(toRecord);
  }

  async revoke(id: string): Promise<boolean> {
    const { count } = await this.#database.run((client) =>
      client.apiToken.updateMany({ where: { id, revokedAt: null }, data: { revokedAt: new Date() } }),
    );
    return count === 1;
  }

  async issue({ name, role, tokenHash, validSeconds }: NewApiToken, by: string): Promise<ApiTokenRecord> {
    return this.#database.transaction(async (client) => {
      // Two who take one name at the same time: the second one waits here, and finds it taken.
      await client.$executeRaw`SELECT 1 FROM (SELECT pg_advisory_xact_lock(${NAMES_LOCK}::bigint)) AS "locked"`;
      if ((await client.apiToken.count({ where: { name } })) > 0) throw tokenNameTaken(name);
      const createdAt = await clockOf(client);
      const expiresAt = validSeconds === null ? null : new Date(createdAt.getTime() + validSeconds * 1_000);
      const row = await client.apiToken.create({
        data: { name, role, tokenHash, createdAt, expiresAt, createdBy: by },
      });
      const details = { role, expiresAt: expiresAt?.toISOString() ?? null };
      await appendAudit(client, { actor: by, action: 'token.create', subject: name, details });
      return toRecord(row);
    });
  }

  async withdraw(name: string, by: string): Promise<boolean> {
    return this.#database.transaction(async (client) => {
      const now = await clockOf(client);
      const opens = { name, revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] };
      const { count } = await client.apiToken.updateMany({ where: opens, data: { revokedAt: now } });
      if (count === 0) return false;
      await appendAudit(client, { actor: by, action: 'token.revoke', subject: name, details: {} });
      return true;
    });
  }
}

/** Any number that nothing else in this database locks by. */
const NAMES_LOCK = 4_113_056;

function toRecord({ tokenHash: _hash, role, ...row }: ApiTokenModel): ApiTokenRecord {
  return { ...row, role: role as ApiRole };
}

export class PostgresIdempotencyKeys implements IdempotencyKeys {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async find(key: string): Promise<{ restoreId: string; bodyHash: string } | null> {
    return this.#database.run((client) =>
      client.idempotencyKey.findUnique({ where: { key }, select: { restoreId: true, bodyHash: true } }),
    );
  }

  async prune(olderThanSeconds: number): Promise<number> {
    return this.#database.run(
      (client) => client.$executeRaw`
        DELETE FROM "idempotency_key"
        WHERE "created_at" < clock_timestamp() - make_interval(secs => ${olderThanSeconds})`,
    );
  }
}

export class PostgresDiskAccesses implements DiskAccesses {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async put(access: DiskAccess, present: DiskAccess | null): Promise<boolean> {
    const { count } = await this.#database.run((client) =>
      present === null
        ? client.diskAccess.createMany({ data: [{ ...access }], skipDuplicates: true })
        : client.diskAccess.updateMany({ where: asRead(present), data: { ...access } }),
    );
    return count === 1;
  }

  async access(restoreId: string, diskName: string): Promise<DiskAccess | null> {
    const row = await this.#database.run((client) =>
      client.diskAccess.findUnique({ where: { restoreId_diskName: { restoreId, diskName } } }),
    );
    return row && { ...row, purpose: row.purpose as DiskAccess['purpose'] };
  }

  async remove(present: DiskAccess): Promise<boolean> {
    const { count } = await this.#database.run((client) => client.diskAccess.deleteMany({ where: asRead(present) }));
    return count === 1;
  }

  async removeAll(restoreId: string): Promise<void> {
    await this.#database.run((client) => client.diskAccess.deleteMany({ where: { restoreId } }));
  }
}

/** Each sealing is unlike every other. */
function asRead({ restoreId, diskName, sealedUrl }: DiskAccess) {
  return { restoreId, diskName, sealedUrl };
}
