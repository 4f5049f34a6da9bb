import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** The real CLI, in a project of its own, over the stand-in. */
const SERVER = process.env.LANDFALL_TEST_DATABASE_URL ?? '';
const ENGINE = fileURLToPath(new URL('../bin/schema-engine.mjs', import.meta.url));
const NODE_MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));

const SCHEMA = `
generator client {
  provider = "prisma-client"
  output   = "./generated"
}
datasource db {
  provider = "postgresql"
}
model Ship {
  id   Int    @id @default(autoincrement())
  name String @unique
}
`;

const WITH_FUNCTION = `
CREATE TABLE "log" ("text" TEXT NOT NULL DEFAULT 'a;b');
CREATE FUNCTION "refuse"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'no; never';
END;
$$;
CREATE TRIGGER "no_change" BEFORE UPDATE ON "log" FOR EACH ROW EXECUTE FUNCTION "refuse"();
`;

describe("Prisma's CLI over the stand-in for its schema engine", () => {
  const database = `landfall_engine_${randomBytes(6).toString('hex')}`;
  let project = '';

  beforeAll(async () => {
    assert.ok(SERVER, 'LANDFALL_TEST_DATABASE_URL is not set: run this through the test runner');
    project = await mkdtemp(join(tmpdir(), 'landfall-engine-'));
    await symlink(NODE_MODULES, join(project, 'node_modules'));
    await writeFile(join(project, 'schema.prisma'), SCHEMA);
    await writeFile(join(project, 'package.json'), '{"type":"module"}');
    await writeFile(
      join(project, 'prisma.config.ts'),
      `export default { schema: 'schema.prisma', migrations: { path: 'migrations' }, datasource: { url: process.env.DATABASE_URL ?? '' } };`,
    );
  });

  afterAll(async () => {
    await rm(project, { recursive: true, force: true });
    await asked(SERVER, `DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`);
  });

  it('writes a client without a database', async () => {
    await prisma(['generate'], '');
    expect(await readdir(join(project, 'generated'))).toContain('client.ts');
  });

  it('makes a migration from the schema, creating the database', async () => {
    await prisma(['migrate', 'dev', '--name', 'ships'], urlOf(database));
    const columns = await asked(
      urlOf(database),
      `SELECT column_name FROM information_schema.columns WHERE table_name = 'Ship' ORDER BY 1`,
    );
    expect(columns).toStrictEqual([{ column_name: 'id' }, { column_name: 'name' }]);
  });

  it('applies a migration that has semicolons inside of a function and a text', async () => {
    const folder = join(project, 'migrations', '30000101000000_log');
    await mkdir(folder);
    await writeFile(join(folder, 'migration.sql'), WITH_FUNCTION);
    await prisma(['migrate', 'deploy'], urlOf(database));
    expect(await asked(urlOf(database), `INSERT INTO "log" DEFAULT VALUES RETURNING "text"`)).toStrictEqual([
      { text: 'a;b' },
    ]);
    await expect(asked(urlOf(database), `UPDATE "log" SET "text" = ''`)).rejects.toThrow(/no; never/);
  });

  it('tells what differs between the database and the schema, by introspection', async () => {
    const { output } = await prisma(
      ['migrate', 'diff', '--from-config-datasource', '--to-schema', 'schema.prisma', '--script'],
      urlOf(database),
    );
    expect(output).toMatch(/DROP TABLE "log"/);
    expect(output).not.toMatch(/"Ship"/);
  });

  it('leaves no temporary database behind', async () => {
    const left = await asked(SERVER, `SELECT datname FROM pg_database WHERE datname LIKE 'prisma_migrate_shadow%'`);
    expect(left).toStrictEqual([]);
  });

  it('says that a server can not be reached, and that a password is wrong', async () => {
    const away = await run(urlOf('x').replace(/@[^/]+/, '@127.0.0.1:1'));
    expect(away.code).toBe(1);
    expect(away.output).toMatch(/P1001.*Can't reach database server at `127.0.0.1:1`/);

    const missing = await run(urlOf('landfall_no_such_database'));
    expect(missing.output).toMatch(/P1003.*`landfall_no_such_database` does not exist/);

    async function run(url: string) {
      const args = ['--datasource', JSON.stringify({ url }), 'cli', 'can-connect-to-database'];
      return execute([ENGINE, ...args], {});
    }
  });

  it('reports a migration that fails, and exits with an error', async () => {
    const folder = join(project, 'migrations', '30000102000000_broken');
    await mkdir(folder);
    await writeFile(join(folder, 'migration.sql'), 'CREATE TABLE "broken" (;');
    const { code, output } = await prisma(['migrate', 'deploy'], urlOf(database), false);
    expect(code).not.toBe(0);
    expect(output).toMatch(/syntax error/);
  });

  async function prisma(args: readonly string[], databaseUrl: string, mustSucceed = true) {
    const cli = join(NODE_MODULES, 'prisma/build/index.js');
    const result = await execute([cli, ...args], {
      PRISMA_SCHEMA_ENGINE_BINARY: ENGINE,
      DATABASE_URL: databaseUrl,
      CHECKPOINT_DISABLE: '1',
    });
    if (mustSucceed) assert.equal(result.code, 0, result.output);
    return result;
  }

  async function execute(args: readonly string[], environment: Record<string, string>) {
    const child = spawn(process.execPath, args, {
      cwd: project,
      env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, HOME: project, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, output };
  }
});

function urlOf(database: string): string {
  const url = new URL(SERVER);
  url.pathname = `/${database}`;
  return url.href;
}

async function asked(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}
