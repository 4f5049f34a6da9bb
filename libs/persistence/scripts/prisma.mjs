#!/usr/bin/env node
/*
 * Runs Prisma's CLI: `node scripts/prisma.mjs generate`, `… migrate deploy`, `… migrate dev --name WHAT`.
 *
 * The CLI needs a schema engine. Taken is what PRISMA_SCHEMA_ENGINE_BINARY names, else Prisma's native engine where its
 * packages have downloaded it, else the stand-in of tools/schema-engine, which needs no download.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const prismaCli = fileURLToPath(import.meta.resolve('prisma/build/index.js'));
const standIn = join(here, '../../../tools/schema-engine/bin/schema-engine.mjs');

function nativeEngineIsThere() {
  const folder = join(dirname(prismaCli), '../../@prisma/engines');
  return existsSync(folder) && readdirSync(folder).some((file) => file.startsWith('schema-engine-'));
}

const environment = {
  ...process.env,
  // The node that runs this also runs the stand-in, whichever PATH has.
  PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
  CHECKPOINT_DISABLE: '1',
  PRISMA_HIDE_UPDATE_MESSAGE: '1',
};
if (!environment.PRISMA_SCHEMA_ENGINE_BINARY && !nativeEngineIsThere()) {
  environment.PRISMA_SCHEMA_ENGINE_BINARY = standIn;
}

const child = spawn(process.execPath, [prismaCli, ...process.argv.slice(2)], {
  cwd: join(here, '..'),
  env: environment,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.once('error', (error) => {
  process.stderr.write(`Prisma's CLI could not be started: ${error.message}. Run \`npm ci --ignore-scripts\` first.\n`);
  process.exitCode = 1;
});
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
