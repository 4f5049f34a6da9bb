import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, openInstallation } from '@landfall/local-stack/parts';
import { azurite, freePort, launch, postgres, type RunningServer } from '@landfall/local-stack/servers';
import pg from 'pg';
import { BlobProxy } from '../proxy/blob-proxy.js';
import { compileOnce } from './compile-once.js';
import { makeSample, type Sample } from './sample.js';

/*
 * What all cells of a run stand on: one Postgres in which each cell has a database of its own, made from one that is
 * migrated once; one sample machine; and the credentials of one installation.
 */
export interface Ground {
  readonly folder: string;
  readonly sample: Sample;
  /** For `NODE_COMPILE_CACHE`. */
  readonly compiled: string;
  /** `installation.json` and `secret.key`, for each cell's folder. */
  readonly installation: Readonly<Record<'installation.json' | 'secret.key', string>>;
  /** A migrated database of its own. */
  database(): Promise<string>;
  /** An immediate stop, as if its machine had failed, and a start at once. */
  restartPostgres(signal?: 'SIGQUIT' | 'SIGKILL'): Promise<void>;
  /** What cells take for the blob service; there is one behind it as soon as somebody has asked for it. */
  readonly blobProxy: BlobProxy;
  /** The blob service itself, started when it is first asked for. */
  azurite(): Promise<string>;
  close(): Promise<void>;
}

const TEMPLATE = 'landfall_template';

export async function layGround(sampleOf: (folder: string) => Promise<Sample> = makeSample): Promise<Ground> {
  const folder = await mkdtemp(join(tmpdir(), 'landfall-chaos-'));
  let server: RunningServer | null = null;
  let blobs: Promise<RunningServer> | null = null;
  let blobPort = 0;
  const blobProxy = await BlobProxy.listen(() => blobPort);
  const close = async (): Promise<void> => {
    await Promise.all([server?.stop(), blobProxy.close(), blobs?.then((running) => running.stop())]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await mkdir(join(folder, 'template'));
    const { moverToken } = await openInstallation(join(folder, 'template'));
    const spec = await postgres({
      dataDirectory: join(folder, 'postgres'),
      port: await freePort(),
      password: randomBytes(12).toString('hex'),
      // Durable, as a user's is: one that gave durability up would lose commits in an immediate stop by its own fault.
      database: TEMPLATE,
    });
    const start = async (): Promise<void> => {
      server = await launch(spec, join(folder, 'postgres.log'), 60_000);
    };
    const compiled = join(folder, 'compiled');
    const [sample] = await Promise.all([sampleOf(join(folder, 'sample')), start(), compileOnce(compiled)]);
    const restartPostgres = async (signal: 'SIGQUIT' | 'SIGKILL' = 'SIGQUIT'): Promise<void> => {
      process.kill(server!.pid, signal);
      await server!.ended;
      await start();
    };
    await migrate(spec.url, moverToken, join(folder, 'migration.log'));
    const kept = async (name: string): Promise<string> => readFile(join(folder, 'template', name), 'utf8');
    const database = async (): Promise<string> => {
      const name = `cell_${randomBytes(5).toString('hex')}`;
      const admin = new pg.Client({ connectionString: urlOf(spec.url, 'postgres') });
      await admin.connect();
      try {
        await admin.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
      } finally {
        await admin.end();
      }
      return urlOf(spec.url, name);
    };
    const installation = {
      'installation.json': await kept('installation.json'),
      'secret.key': await kept('secret.key'),
    };
    const startAzurite = async (): Promise<RunningServer> => {
      blobPort = await freePort();
      const spec = azurite({ dataDirectory: join(folder, 'azurite'), port: blobPort });
      return launch(spec, join(folder, 'azurite.log'), 60_000);
    };
    const startedAzurite = async (): Promise<string> => (await (blobs ??= startAzurite())).url;
    const started = { database: inTurn(database), restartPostgres, blobProxy, azurite: startedAzurite };
    return { folder, sample, compiled, installation, ...started, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A database can be copied by one at a time. */
function inTurn<T>(work: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
}

function urlOf(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.toString();
}
