import type { ApiRole, ApiTokenRecord, ApiTokens, DiskAccess, DiskAccesses, IdempotencyKeys } from '@landfall/domain';
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
        SELECT "id", "name", "role", "created_at" AS "createdAt", "expires_at" AS "expiresAt", "revoked_at" AS "revokedAt"
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
}

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
