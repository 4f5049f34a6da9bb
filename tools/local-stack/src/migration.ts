import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PermanentError } from '@landfall/domain';
import { lastLines } from './servers/index.js';

/*
 * Brings the database to the present schema, and makes the token of the pool of data-movers known to it. Both run in
 * processes of their own: the supervisor lives for long and stays small without a database client.
 */
const MIGRATE = fileURLToPath(new URL('../../../libs/persistence/dist/migrate.js', import.meta.url));
const KNOW_MOVERS = fileURLToPath(new URL('know-movers.js', import.meta.url));

/** @throws PermanentError `MIGRATION_FAILED` with the end of its log */
export async function migrate(databaseUrl: string, moverToken: string, logFile: string): Promise<void> {
  const environment = { PATH: process.env.PATH, HOME: process.env.HOME, DATABASE_URL: databaseUrl };
  await runLogged(MIGRATE, environment, logFile);
  await runLogged(KNOW_MOVERS, { ...environment, LANDFALL_MOVER_TOKEN: moverToken }, logFile);
}

async function runLogged(program: string, env: NodeJS.ProcessEnv, logFile: string): Promise<void> {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', log, log] });
  closeSync(log);
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', resolve);
  });
  if (code === 0) return;
  throw new PermanentError({
    code: 'MIGRATION_FAILED',
    message: `The database could not be brought to the present schema. The end of the log:\n${lastLines(logFile, 12)}`,
    fix: `Do what the end of the log says; all of it is in ${logFile}. A database of a newer version needs that version; an own DATABASE_URL needs the right to create tables.`,
  });
}
