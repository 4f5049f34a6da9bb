import type {
  ApiTokens,
  AuditLog,
  CaptureBooks,
  Catalogue,
  DiskAccesses,
  IdempotencyKeys,
  KeptApplianceId,
  Leases,
  PointSurveys,
  Retrievals,
  RestoreBooks,
  Secret,
  SecretBox,
  WorkerRegistry,
} from '@landfall/domain';
import { PostgresApiTokens, PostgresDiskAccesses, PostgresIdempotencyKeys } from './accounts.js';
import { PostgresAuditLog } from './audit-log.js';
import { PostgresCaptures } from './captures.js';
import { PostgresCatalogue } from './catalogue.js';
import { Database, type DatabaseSettings } from './database.js';
import { PostgresKeptApplianceId } from './kept-appliance-id.js';
import { PostgresLeases } from './leases.js';
import { PostgresRestoreBooks } from './restore-books.js';
import { createSecretBox } from './secret-box.js';
import { PostgresPointSurveys } from './surveys.js';
import { PostgresRetrievals } from './retrievals.js';
import { PostgresWorkerRegistry } from './worker-registry.js';

/** All of the books over one pool of connections. */
export interface Books {
  readonly books: RestoreBooks;
  readonly captures: CaptureBooks;
  readonly catalogue: Catalogue;
  readonly surveys: PointSurveys;
  readonly retrievals: Retrievals;
  readonly workers: WorkerRegistry;
  readonly tokens: ApiTokens;
  readonly idempotency: IdempotencyKeys;
  readonly audit: AuditLog;
  readonly diskAccesses: DiskAccesses;
  readonly leases: Leases;
  readonly applianceId: KeptApplianceId;
  /** `key`: 32 bytes in hexadecimal. */
  secretBox(key: Secret): SecretBox;
  /** @throws RetryableError `POSTGRES_UNREACHABLE` when Postgres does not answer */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Connects when the first question is asked; use `waitForPostgres` at the start of a service. */
export function connectBooks(settings: DatabaseSettings): Books {
  const database = new Database(settings);
  return {
    books: new PostgresRestoreBooks(database),
    captures: new PostgresCaptures(database),
    catalogue: new PostgresCatalogue(database),
    surveys: new PostgresPointSurveys(database),
    retrievals: new PostgresRetrievals(database),
    workers: new PostgresWorkerRegistry(database),
    tokens: new PostgresApiTokens(database),
    idempotency: new PostgresIdempotencyKeys(database),
    audit: new PostgresAuditLog(database),
    diskAccesses: new PostgresDiskAccesses(database),
    leases: new PostgresLeases(database),
    applianceId: new PostgresKeptApplianceId(database),
    secretBox: createSecretBox,
    async ping() {
      await database.run((client) => client.$queryRaw`SELECT 1`);
    },
    close: () => database.close(),
  };
}
