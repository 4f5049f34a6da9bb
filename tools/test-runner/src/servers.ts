import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { azurite, freePort, launch, postgres, redis, type RunningServer } from '@landfall/local-stack/servers';

/** One Postgres, Redis and Azurite for all integration tests of a run; each test keeps to a database or prefix of its own. */
export interface TestServers {
  readonly environment: Record<string, string>;
  stop(): Promise<void>;
}

export async function startTestServers(): Promise<TestServers> {
  const folder = await mkdtemp(join(tmpdir(), 'landfall-test-'));
  const running: RunningServer[] = [];
  const stop = async () => {
    await Promise.all(running.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await mkdir(join(folder, 'azurite'));
    const specs = [
      await postgres({
        dataDirectory: join(folder, 'postgres'),
        port: await freePort(),
        password: 'test',
        database: 'landfall',
        throwaway: true,
      }),
      redis({ dataDirectory: join(folder, 'redis'), port: await freePort(), password: 'test', throwaway: true }),
      azurite({ dataDirectory: join(folder, 'azurite'), port: await freePort() }),
    ];
    await Promise.all(
      specs.map(async (spec) => running.push(await launch(spec, join(folder, `${spec.name}.log`), 60_000))),
    );
    const [database, queue, blobs] = specs;
    return {
      environment: {
        LANDFALL_TEST_DATABASE_URL: database!.url,
        LANDFALL_TEST_REDIS_URL: queue!.url,
        LANDFALL_TEST_AZURITE_URL: blobs!.url,
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
