import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { programOf } from '@landfall/config';
import { SEED, startEmulator, trustEmulator, type Emulator } from '@landfall/azure-emulator';
import { Secret, SEALING_CONTEXT, type BackupRepository } from '@landfall/domain';
import { connectBooks, type Books } from '@landfall/persistence';
import { temporaryDatabase, type TemporaryDatabase } from '@landfall/persistence/temporary-database';
import { QueueClient, QUEUES, requestCapture } from '@landfall/pipeline';
import { OpenRepositories } from '@landfall/repository';
import { initRepository } from '@landfall/repository/quick-repository';

/* The provisioner as a process captures a VM of the emulator with the real restic, and is killed in the middle. */
const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000bc';
const PATIENCE_MS = 120_000;
const MIB = 1024 ** 2;
const KEY = 'ab'.repeat(32);
const PASSWORD = 'canary-password';

let emulator: Emulator;
let folder: string;
let database: TemporaryDatabase;
let postgres: Books;
const prefix = `test-${randomBytes(4).toString('hex')}`;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  const server = process.env.LANDFALL_TEST_DATABASE_URL;
  assert.ok(server && process.env.LANDFALL_TEST_REDIS_URL, 'Run this with the test runner: it starts the servers.');
  folder = await mkdtemp(join(tmpdir(), 'landfall-capture-vm-'));
  const options = { dataDirectory: join(folder, 'azure'), token: 'token-of-the-test', subscriptionId: SUBSCRIPTION };
  emulator = await startEmulator({ ...options, delayMs: 20 });
  trustEmulator(emulator);
  database = await temporaryDatabase(server);
  postgres = connectBooks({ databaseUrl: database.url });
  await initRepository(join(folder, 'repo'), PASSWORD);
  const sealedPassword = postgres
    .secretBox(new Secret(KEY))
    .seal(new Secret(PASSWORD), SEALING_CONTEXT.repositoryPassword('main'));
  const repository = { name: 'main', kind: 'restic', url: join(folder, 'repo'), hostedByProvider: false } as const;
  await postgres.catalogue.addRepository({ ...repository, sealedPassword });
});

afterAll(async () => {
  for (const child of running) await end(child, 'SIGKILL');
  await postgres.close();
  await database.drop();
  await emulator.close();
  await rm(folder, { recursive: true });
});

describe('a capture by the provisioner', () => {
  it('is one restore point of a VM, byte for byte and with its model, though its process was killed', async () => {
    const disks = [await image('os.raw', [0, 700]), await image('data.raw', [3])];
    const vm = (await emulated('POST', 'vms', {
      ...{
        name: 'web',
        resourceGroup: SEED.resourceGroup,
        osDisk: disks[0]!.path,
        dataDisks: [disks[1]!.path],
        tags: { env: 'prod' },
      },
    })) as { id: string; properties: { vmId: string } };
    const { captureId: id } = await requestCapture(postgres.captures, {
      request: { repositoryName: 'main', vmId: vm.id, stop: true },
      requestedBy: 'tester',
    });
    const first = start();
    await until(async () => (await postgres.captures.capture(id))?.takenAt !== null);
    await end(first, 'SIGKILL');
    await forgetJobs();
    const second = start();
    await until(async () => (await postgres.captures.capture(id))?.endedAt !== null);
    await end(second, 'SIGTERM');
    const capture = await postgres.captures.capture(id);
    expect([capture?.state, capture?.error, capture?.oneState]).toStrictEqual(['completed', null, true]);

    const secrets = postgres.secretBox(new Secret(KEY));
    const blobStoreAt = () => assert.fail('It lies in a folder.');
    const repositories = new OpenRepositories({ catalogue: postgres.catalogue, secrets, blobStoreAt });
    const { points, skipped } = await repositories.use('main', (repository) => repository.discover());
    expect(skipped).toStrictEqual([]);
    const [point] = points;
    assert.ok(point && points.length === 1);
    expect([point.reference, point.kind, point.machineName, point.firmware, point.problems]).toStrictEqual([
      ...[id, 'image', 'web', 'bios', []],
    ]);
    expect(point.azure).toMatchObject({ id: vm.id, vmId: vm.properties.vmId, tags: { env: 'prod' } });
    expect(point.disks.map(({ name, role, lun }) => [name, role, lun])).toStrictEqual([
      ['os', 'os', undefined],
      ['lun0', 'data', 0],
    ]);
    expect((JSON.parse(await restic('snapshots', '--json')) as unknown[]).length).toBe(3);
    await repositories.use('main', async (repository) => {
      for (const [index, disk] of point.disks.entries()) await expectSame(repository, disk.location, disks[index]!);
    });
    await repositories.close();

    const all = (await emulated('GET', 'resources')) as { id: string; type: string; tags?: Record<string, string> }[];
    expect(all.filter(({ tags }) => tags?.['landfall-restore'] === id)).toStrictEqual([]);
    expect((await postgres.captures.ledger(id)).map(({ state }) => state)).toStrictEqual(['removed', 'removed']);
    expect(await postgres.captures.openChanges(id)).toStrictEqual([]);
    const types = (await postgres.captures.events(id)).map(({ type }) => type);
    expect(types.filter((type) => type.startsWith('capture.') && type !== 'capture.retried')).toStrictEqual([
      ...['capture.queued', 'capture.running', 'capture.model-saved', 'capture.stopping', 'capture.snapshots-taken'],
      ...['capture.stored', 'capture.completed'],
    ]);
  });
});

/** As if Redis had lost them: nobody has to wait until the lock on the job of a dead process has run out. */
async function forgetJobs(): Promise<void> {
  const queues = new QueueClient({ url: new Secret(process.env.LANDFALL_TEST_REDIS_URL ?? ''), prefix });
  await queues.queue(QUEUES.captures).obliterate({ force: true });
  await queues.close();
}

interface Image {
  readonly path: string;
  /** By where it lies; the rest is zero. */
  readonly noise: ReadonlyMap<number, Buffer>;
}

/** Holds all of a disk in the repository against its image. */
async function expectSame(repository: BackupRepository, location: string, { noise }: Image): Promise<void> {
  const disk = await repository.openDisk(location);
  assert.equal(disk.sizeBytes, 1024 * MIB);
  let seen = 0;
  for await (const { offset, bytes } of disk.pieces({ offset: 0, length: disk.sizeBytes })) {
    const wanted = Buffer.alloc(bytes.length);
    for (const [at, content] of noise) {
      const [from, to] = [Math.max(at, offset), Math.min(at + MIB, offset + bytes.length)];
      if (from < to) seen += content.copy(wanted, from - offset, from - at, to - at);
    }
    assert.ok(wanted.equals(bytes), `it differs within ${bytes.length} bytes at ${offset}`);
  }
  assert.equal(seen, noise.size * MIB);
  await disk.close();
}

/** A disk of 1 GiB, empty but for a MiB of noise at each of these MiB. */
async function image(name: string, noiseAt: readonly number[]): Promise<Image> {
  const path = join(folder, name);
  const file = await open(path, 'w');
  await file.truncate(1024 * MIB);
  const noise = new Map(noiseAt.map((at) => [at * MIB, randomBytes(MIB)]));
  for (const [offset, bytes] of noise) await file.write(bytes, 0, MIB, offset);
  await file.close();
  return { path, noise };
}

function resticEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, RESTIC_REPOSITORY: join(folder, 'repo'), RESTIC_PASSWORD: PASSWORD };
}

async function restic(...words: readonly string[]): Promise<string> {
  const child = spawn('restic', ['--no-cache', ...words], {
    env: resticEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 0, `restic ${words.join(' ')}`);
  return output;
}

async function emulated(method: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`${emulator.url}/_emulator/${path}`, {
    method,
    headers: { authorization: `Bearer ${emulator.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.ok(answer.ok, await answer.clone().text());
  return answer.json();
}

function start(): ChildProcess {
  const child = spawn(process.execPath, [programOf('provisioner')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...{ PATH: process.env.PATH, HOME: folder, NODE_EXTRA_CA_CERTS: emulator.caPath },
      ...{ DATABASE_URL: database.url.reveal(), LANDFALL_SECRET_KEY: KEY },
      ...{ REDIS_URL: process.env.LANDFALL_TEST_REDIS_URL, LANDFALL_QUEUE_PREFIX: prefix },
      ...{ AZURE_SUBSCRIPTION_ID: SUBSCRIPTION, LANDFALL_AZURE_ENDPOINT: emulator.url },
      ...{ LANDFALL_AZURE_TOKEN: emulator.token, LANDFALL_APPLIANCE_ID: 'appliance' },
      ...{ LANDFALL_API_URL: 'http://127.0.0.1:9', LANDFALL_LOG_LEVEL: 'error' },
    },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, 'It takes too long.');
    await pause(20);
  }
}
