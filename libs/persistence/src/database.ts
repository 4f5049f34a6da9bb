import { LandfallError, RetryableError, type Secret } from '@landfall/domain';
import { PrismaPg } from '@prisma/adapter-pg';
import { Prisma, PrismaClient } from './generated/client.js';

/*
 * The connection to Postgres, and what its errors mean: a database that is away or busy may be back for the next try,
 * everything else is a fault of ours and passes through as it is.
 */
export interface DatabaseSettings {
  /** `postgresql://user:password@host:port/database` */
  readonly databaseUrl: Secret;
  /** Connections at most; 10 when left out. */
  readonly poolSize?: number;
}

const CONNECT_WITHIN_MS = 5_000;
/** A transaction waits that long for a connection of the pool, and may then last that long. */
const TRANSACTION_LIMITS = { maxWait: 10_000, timeout: 30_000 };
const CONFLICT_TRIES = 5;

export type Client = PrismaClient | Prisma.TransactionClient;

export class Database {
  readonly client: PrismaClient;
  /** Host, port and name, for messages: never what opens it. */
  readonly #place: string;

  constructor(settings: DatabaseSettings) {
    const url = URL.parse(settings.databaseUrl.reveal());
    this.#place = url ? `${url.host}${url.pathname}` : 'an address that is no URL';
    const adapter = new PrismaPg(
      {
        connectionString: settings.databaseUrl.reveal(),
        max: settings.poolSize ?? 10,
        connectionTimeoutMillis: CONNECT_WITHIN_MS,
        idleTimeoutMillis: 30_000,
      },
      // A connection that breaks while idle is replaced; the next query that needs one reports it.
      { onPoolError: () => undefined, onConnectionError: () => undefined },
    );
    this.client = new PrismaClient({ adapter });
  }

  /** @throws RetryableError `POSTGRES_UNREACHABLE`, `POSTGRES_BUSY` */
  async run<T>(work: (client: PrismaClient) => Promise<T>): Promise<T> {
    try {
      return await work(this.client);
    } catch (error) {
      throw translated(error, this.#place);
    }
  }

  /** A transaction that lost against another one was rolled back whole, and is run again. */
  async transaction<T>(work: (client: Prisma.TransactionClient) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.client.$transaction(work, TRANSACTION_LIMITS);
      } catch (error) {
        if (!isConflict(error) || tries >= CONFLICT_TRIES) throw translated(error, this.#place);
      }
    }
  }

  async close(): Promise<void> {
    await this.client.$disconnect();
  }
}

/**
 * Waits until Postgres answers.
 * @throws RetryableError `POSTGRES_UNREACHABLE` after `withinMs`
 */
export async function waitForPostgres(settings: DatabaseSettings, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  const database = new Database({ ...settings, poolSize: 1 });
  try {
    for (;;) {
      try {
        await database.run((client) => client.$queryRaw`SELECT 1`);
        return;
      } catch (error) {
        if (!(error instanceof RetryableError) || performance.now() >= deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  } finally {
    await database.close().catch(() => undefined);
  }
}

function translated(error: unknown, place: string): unknown {
  if (error instanceof LandfallError) return error;
  if (isConflict(error)) {
    return new RetryableError(
      {
        code: 'POSTGRES_BUSY',
        message: 'The database gave way to another change at the same moment.',
        fix: 'Nothing was changed; try again.',
      },
      { cause: error },
    );
  }
  if (!isUnreachable(error)) return error;
  return new RetryableError(
    {
      code: 'POSTGRES_UNREACHABLE',
      message: `Postgres at ${place}, which keeps the books, does not answer.`,
      fix: 'See that Postgres runs and that DATABASE_URL names it, with the right user and password; then try again.',
    },
    { cause: error },
  );
}

/** P1001/P1002/P1008/P1017: not reachable, too slow, closed; P1000/P1003: refused; P2024/P2028: no connection or transaction to be had. */
const AWAY = new Set(['P1000', 'P1001', 'P1002', 'P1003', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037']);
/** The same in the words of the driver adapter, which is all that a raw query's error has. */
const AWAY_KIND = new Set([
  'AuthenticationFailed',
  'ConnectionClosed',
  'DatabaseAccessDenied',
  'DatabaseDoesNotExist',
  'DatabaseNotReachable',
  'SocketTimeout',
  'TlsConnectionError',
  'TooManyConnections',
]);
/** SQLSTATE: 08 connection, 28 refused, 3D no such database, 53 resources, 57P shut down. */
const AWAY_SQLSTATE = /^(08...|28...|3D...|53...|57P..)$/;
const AWAY_SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EPIPE',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);
const AWAY_MESSAGE =
  /terminat|not queryable|timeout exceeded when trying to connect|connection (is )?closed|server has closed/i;

function isUnreachable(error: unknown): boolean {
  return causes(error).some(({ code, kind, message }) => {
    if (AWAY_KIND.has(kind)) return true;
    if (code !== '' && (AWAY.has(code) || AWAY_SQLSTATE.test(code) || AWAY_SYSTEM.has(code))) return true;
    return AWAY_MESSAGE.test(message);
  });
}

function isConflict(error: unknown): boolean {
  return causes(error).some(
    ({ code, kind }) => code === 'P2034' || code === '40001' || code === '40P01' || kind === 'TransactionWriteConflict',
  );
}

/** The error and what lies below it: Prisma keeps the database's own error under `cause` or `meta.driverAdapterError`. */
function causes(error: unknown): readonly { code: string; kind: string; message: string }[] {
  const found: { code: string; kind: string; message: string }[] = [];
  const seen = new Set<unknown>();
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value) || seen.size > 20) return;
    seen.add(value);
    const { code, originalCode, kind, message, cause, meta, driverAdapterError, errors } = value as Record<
      string,
      unknown
    >;
    found.push({
      code: typeof originalCode === 'string' ? originalCode : typeof code === 'string' ? code : '',
      kind: typeof kind === 'string' ? kind : '',
      message: typeof message === 'string' ? message : '',
    });
    for (const below of [cause, meta, driverAdapterError, ...(Array.isArray(errors) ? errors : [])]) look(below);
  };
  look(error);
  return found;
}
