import { randomUUID } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import pg from 'pg';

/** Numbers of Postgres' one-byte type "char", and of the type that the adapter knows and is nearest to it. */
const INTERNAL_CHAR = 18;
const BPCHAR = 1042;

/** A URL's parts, and not the URL: a `connectionString` would win over the `database` of a temporary database. */
export function connectionConfig(url) {
  const parsed = new URL(url);
  const tls = ['require', 'verify-ca', 'verify-full'].includes(parsed.searchParams.get('sslmode'));
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: Number(parsed.port || 5432),
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    database: databaseName(url),
    ...(tls ? { ssl: true } : {}),
  };
}

function databaseName(url) {
  return decodeURIComponent(new URL(url).pathname.slice(1)) || 'postgres';
}

/** The adapter's factory, with what it lacks for the schema engine. */
export function connectionFactory({ url, shadowDatabaseUrl }) {
  const schema = url ? (new URL(url).searchParams.get('schema') ?? undefined) : undefined;
  // Validation and `migrate diff` between files load the engine without a database.
  const config = url ? connectionConfig(url) : { host: 'no-database.invalid' };

  return new (class extends PrismaPg {
    async connect() {
      return completed(await super.connect());
    }

    /** The adapter's own drops its temporary database while it is still connected to it, which Postgres refuses. */
    async connectToShadowDb() {
      if (shadowDatabaseUrl) {
        return completed(await new PrismaPg(connectionConfig(shadowDatabaseUrl)).connect());
      }
      const database = `prisma_migrate_shadow_db_${randomUUID()}`;
      await asAdministrator(config, `CREATE DATABASE ${pg.escapeIdentifier(database)}`);
      const shadow = await new PrismaPg({ ...config, database }).connect();
      const dispose = shadow.dispose.bind(shadow);
      shadow.dispose = async () => {
        await dispose();
        await asAdministrator(config, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)} WITH (FORCE)`);
      };
      return completed(shadow);
    }
  })(config, schema ? { schema } : {});
}

function completed(connection) {
  // The adapter's own cuts a migration at every semicolon, those inside of functions and texts included.
  connection.executeScript = async (script) => {
    try {
      await connection.underlyingDriver().query(script);
    } catch (error) {
      connection.onError(error);
    }
  };
  return knowingInternalChar(connection);
}

/**
 * The engine's questions to the catalogue return columns of type "char", which the adapter refuses: they are handed to
 * it under a type that it knows, and to the engine as the single characters that they are.
 */
function knowingInternalChar(queryable) {
  const performIO = queryable.performIO.bind(queryable);
  const queryRaw = queryable.queryRaw.bind(queryable);
  let characters = [];
  queryable.performIO = async (query) => {
    const result = await performIO(query);
    characters = [];
    result.fields?.forEach((field, index) => {
      if (field.dataTypeID !== INTERNAL_CHAR) return;
      field.dataTypeID = BPCHAR;
      characters.push(index);
    });
    return result;
  };
  queryable.queryRaw = async (query) => {
    const result = await queryRaw(query);
    for (const index of characters) result.columnTypes[index] = ColumnTypeEnum.Character;
    return result;
  };
  if (queryable.startTransaction) {
    const startTransaction = queryable.startTransaction.bind(queryable);
    queryable.startTransaction = async (level) => knowingInternalChar(await startTransaction(level));
  }
  return queryable;
}

export async function canConnect(url) {
  await withClient(connectionConfig(url), (client) => client.query('SELECT 1'));
}

/** One that exists is left as it is. */
export async function createDatabase(url) {
  const name = databaseName(url);
  const admin = { ...connectionConfig(url), database: 'postgres' };
  try {
    await asAdministrator(admin, `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } catch (error) {
    if (error.code !== '42P04') throw error; // duplicate_database
  }
  return { databaseName: name };
}

/** As the native engine reports it: Prisma's code for the kind, and a sentence. */
export function describeConnectionError(error, url) {
  if (error.code === '3D000') {
    return { error_code: 'P1003', message: `Database \`${databaseName(url)}\` does not exist` };
  }
  if (/^28/.test(error.code ?? '')) return { error_code: 'P1000', message: error.message };
  const where = url ? new URL(url).host : 'no address';
  return {
    error_code: 'P1001',
    message: `Can't reach database server at \`${where}\`: ${error.message || error.code}`,
  };
}

function asAdministrator(config, statement) {
  return withClient(config, (client) => client.query(statement));
}

async function withClient(config, work) {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
