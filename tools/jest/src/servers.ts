import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { azurite, freePort, launch, postgres, redis, type RunningServer } from '@landfall/local-stack/servers';
import { endWhatIsLeft } from './left-behind.js';

/**
 * One Postgres, Redis and Azurite for all tests of a run; each test keeps to a database or prefix of its own. They are
 * named to the tests in the environment, which the tests' processes inherit.
 */
const running: RunningServer[] = [];
let folder: string | null = null;

/** @throws Error when one of them does not come up; none is left running then */
export async function startTestServers(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'landfall-test-'));
  const at = (name: string): string => join(folder ?? '', name);
  // What tests make among the temporary files lies in the run's own folder: it goes with it, and shows whose a process is.
  process.env.TMPDIR = folder;
  process.env.LANDFALL_TEST_FOLDER = folder;
  try {
    await mkdir(at('azurite'));
    const database = await postgres({
      dataDirectory: at('postgres'),
      port: await freePort(),
      password: 'test',
      database: 'landfall',
      throwaway: true,
    });
    const queue = redis({ dataDirectory: at('redis'), port: await freePort(), password: 'test', throwaway: true });
    const blobs = azurite({ dataDirectory: at('azurite'), port: await freePort() });
    await Promise.all(
      [database, queue, blobs].map(async (spec) => running.push(await launch(spec, at(`${spec.name}.log`), 60_000))),
    );
    process.env.LANDFALL_TEST_DATABASE_URL = database.url;
    process.env.LANDFALL_TEST_REDIS_URL = queue.url;
    process.env.LANDFALL_TEST_AZURITE_URL = blobs.url;
  } catch (error) {
    await stopTestServers();
    throw error;
  }
}

/** For a run that is called off in the middle: nothing that it has started may go on. */
export async function breakOff(): Promise<void> {
  await endWhatIsLeft(folder);
  if (folder !== null) await rm(folder, { recursive: true, force: true });
}

/** Does nothing where none are running. */
export async function stopTestServers(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.stop()));
  if (folder !== null) await rm(folder, { recursive: true, force: true });
  folder = null;
}
