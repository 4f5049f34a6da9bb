import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { programOf } from '@landfall/config';
import { DAMAGED_RANGE } from '@landfall/contract';
import { connectAzure } from '@landfall/azure';
import { SEED, seedIds, startEmulator, trustEmulator, type Emulator } from '@landfall/azure-emulator';
import {
  type ByteRange,
  isDamageError,
  Secret,
  SEALING_CONTEXT,
  type Restore,
  type RestorePlan,
} from '@landfall/domain';
import { connectBooks, type Books } from '@landfall/persistence';
import { temporaryDatabase, type TemporaryDatabase } from '@landfall/persistence/temporary-database';
import { FolderFileStore, openRepository } from '@landfall/repository';
import { MANIFEST_SCHEMA, type MachineManifestInput } from '@landfall/repository/manifest';
import { initRepository } from '@landfall/repository/quick-repository';
import { PLANNER_JOBS, QueueClient, QUEUES, requestRestore, runOutboxRelay } from '@landfall/pipeline';
import { aRestoreRequest, type RequestChanges } from '@landfall/testing';
import { z } from 'zod';
import { aMachine } from './facts/a-machine.fixture.test.js';

/*
 * The planner as its own process, between a repository of the real restic, real Postgres and Redis, and the emulator.
 */
const run = promisify(execFile);
const MIB = 1024 * 1024;
const PASSWORD = 'correct horse';
const KEY = new Secret('ab'.repeat(32));
const SUBSCRIPTION = '11111111-2222-4333-8444-555555555555';
const ASK_WITHIN_MS = 60_000;

describe('the planner process', () => {
  let folder: string;
  let emulator: Emulator;
  let database: TemporaryDatabase;
  let books: Books;
  let queues: QueueClient;
  let relay: { close(): Promise<void> };
  let planner: ChildProcess;
  const output: string[] = [];

  const restic = (...args: string[]) =>
    run('restic', ['-r', join(folder, 'repository'), ...args], {
      env: { ...process.env, RESTIC_PASSWORD: PASSWORD, HOME: folder },
      cwd: folder,
    });
  const scan = (name: string) => queues.ask(QUEUES.planner, PLANNER_JOBS.scan, { name }, ASK_WITHIN_MS);
  const request = (restorePointId: string, changes: RequestChanges = {}) =>
    aRestoreRequest({ restorePointId, ...changes });
  const dryRun = async (id: string, changes: RequestChanges = {}): Promise<RestorePlan> =>
    (await queues.ask(
      QUEUES.planner,
      PLANNER_JOBS.dryRun,
      { request: request(id, changes) },
      ASK_WITHIN_MS,
    )) as RestorePlan;

  async function addRepository(name: string, password: string, url = join(folder, 'repository')): Promise<void> {
    await books.catalogue.addRepository({
      name,
      kind: 'restic',
      url,
      hostedByProvider: false,
      sealedPassword: books.secretBox(KEY).seal(new Secret(password), SEALING_CONTEXT.repositoryPassword(name)),
    });
  }

  async function pointOf(machine: string): Promise<string> {
    const [point] = (await books.catalogue.points()).filter((one) => one.machineName === machine);
    assert.ok(point, `no point of ${machine}`);
    return point.id;
  }

  async function settled(restoreId: string, wanted: readonly string[]): Promise<Restore> {
    const deadline = performance.now() + 30_000;
    for (;;) {
      const restore = await books.books.restore(restoreId);
      if (restore !== null && wanted.includes(restore.state)) return restore;
      assert.ok(performance.now() < deadline, `still ${restore?.state}\n${output.join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  beforeAll(async () => {
    const server = process.env.LANDFALL_TEST_DATABASE_URL ?? '';
    const redisUrl = process.env.LANDFALL_TEST_REDIS_URL ?? '';
    assert.ok(server && redisUrl, 'the test servers are not known: run this through the test runner');
    folder = await mkdtemp(join(tmpdir(), 'landfall-planner-'));
    emulator = await startEmulator({
      dataDirectory: join(folder, 'azure'),
      token: 'emulator-token',
      subscriptionId: SUBSCRIPTION,
    });
    database = await temporaryDatabase(server);
    books = connectBooks({ databaseUrl: database.url });
    const redis = { url: new Secret(redisUrl), prefix: `planner-test-${process.pid}` };
    queues = new QueueClient(redis);
    relay = runOutboxRelay(books.books, queues, () => undefined);

    planner = spawn(process.execPath, [programOf('planner')], {
      env: {
        PATH: process.env.PATH,
        NODE_EXTRA_CA_CERTS: emulator.caPath,
        DATABASE_URL: database.url.reveal(),
        REDIS_URL: redisUrl,
        LANDFALL_QUEUE_PREFIX: redis.prefix,
        LANDFALL_SECRET_KEY: KEY.reveal(),
        AZURE_SUBSCRIPTION_ID: SUBSCRIPTION,
        LANDFALL_AZURE_ENDPOINT: emulator.url,
        LANDFALL_AZURE_TOKEN: emulator.token,
        LANDFALL_APPLIANCE_ID: 'appliance-1',
        LANDFALL_DEFAULT_RESOURCE_GROUP: SEED.resourceGroup,
        LANDFALL_DEFAULT_SUBNET_ID: seedIds(SUBSCRIPTION).machineSubnetId,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: planner.stdout! }).on('line', (line) => output.push(line));

    await mkdir(join(folder, 'tree/etc'), { recursive: true });
    await writeFile(join(folder, 'tree/etc/os-release'), 'PRETTY_NAME="Sample Linux"\n');
    await run('mkfs.ext4', ['-q', '-d', join(folder, 'tree'), join(folder, 'bare.raw'), '16M']);
    await initRepository(join(folder, 'repository'), PASSWORD);
    await restic('backup', '-q', 'bare.raw');
  });

  afterAll(async () => {
    if (planner?.exitCode === null) planner.kill('SIGKILL');
    await relay?.close();
    await queues?.close();
    await books?.close();
    await database?.drop();
    await emulator?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('scans a repository and finds the image that was backed up', async () => {
    await addRepository('backups', PASSWORD);
    expect(await scan('backups')).toStrictEqual({
      format: 'restic, format version 2',
      machines: 1,
      points: 1,
      skipped: [],
    });
    expect((await books.catalogue.points())[0]?.disks[0]?.sizeBytes).toBe(16 * MIB);
  });

  it('has noted by then what the point’s disks show and which blobs they are made of', async () => {
    const survey = await books.surveys.survey(await pointOf('bare'));
    expect(survey?.inspection).toMatchObject({ os: { name: 'Sample Linux' } });
    expect(survey?.disks.map(({ name, blobs }) => [name, blobs.sizeBytes])).toStrictEqual([['bare', 16 * MIB]]);
    const ids = survey?.disks[0]?.blobs.parts.reduce((sum, part) => sum + part.ids.byteLength / 32, 0);
    // All of its data are in blobs of half a MiB to 8 MiB, but for the last one.
    expect(ids).toBeGreaterThanOrEqual(2);
    expect(ids).toBeLessThanOrEqual(33);
  });

  it('says that a bare file system does not boot, and plans it once a generation is given', async () => {
    const id = await pointOf('bare');
    const refused = await dryRun(id);
    expect(refused.problems.map(({ severity, code }) => ({ severity, code }))).toStrictEqual([
      { severity: 'error', code: 'FIRMWARE_UNKNOWN' },
    ]);
    const plan = await dryRun(id, { generation: 1 });
    expect(plan.problems.filter((problem) => problem.severity === 'error').length).toBe(0);
    expect(plan.restorePoint.os).toStrictEqual({ family: 'linux', name: 'Sample Linux' });
    expect(plan.destination.resourceGroup).toBe(SEED.resourceGroup);
    expect(plan.destination.subnetId).toBe(seedIds(SUBSCRIPTION).machineSubnetId);
    expect(plan.disks[0]!.usedBytes > 0 && plan.disks[0]!.usedBytes < 16 * MIB).toBe(true);
    expect(plan.workers.length).toBe(1);
  });

  it('refuses a restore in step 0, and lets another one go on', async () => {
    const id = await pointOf('bare');
    const order = async (changes: RequestChanges) =>
      (await requestRestore(books.books, { request: request(id, changes), requestedBy: 'tester' })).restoreId;
    const refused = await settled(await order({}), ['refused', 'running', 'failed']);
    expect(refused.state).toBe('refused');
    expect(refused.problems[0]?.code).toBe('FIRMWARE_UNKNOWN');
    const running = await settled(await order({ generation: 1 }), ['refused', 'running', 'failed']);
    expect(running.state).toBe('running');
    expect(running.plan?.planHash).toBe((await dryRun(id, { generation: 1 })).planHash);
    expect(running.works.find((step) => step.id === 'plan')?.state).toBe('done');
  });

  it('finds a new backup at the next scan', async () => {
    await run('cp', [join(folder, 'bare.raw'), join(folder, 'second.raw')]);
    await restic('backup', '-q', 'second.raw');
    expect(((await scan('backups')) as { points: number }).points).toBe(2);
    expect((await dryRun(await pointOf('second'), { generation: 2 })).generation).toBe(2);
  });

  it('finds the machine that a point was made of, and tells its disks by their numbers', async () => {
    trustEmulator(emulator);
    const { url: endpoint, token } = emulator;
    const azure = connectAzure({
      ...{ subscriptionId: SUBSCRIPTION, endpoint, token: new Secret(token), applianceId: 'somebody-else' },
    });
    const vm = await aMachine(azure, SEED.resourceGroup, seedIds(SUBSCRIPTION).machineSubnetId);
    const saved = (await azure.reader.savedVm(vm.azureId))!;
    const captured = join(folder, 'captured');
    await mkdir(captured);
    for (const file of ['os.raw', 'lun0.raw']) await run('cp', [join(folder, 'bare.raw'), join(captured, file)]);
    const manifest: MachineManifestInput = {
      ...{ schema: MANIFEST_SCHEMA, name: 'web', kind: 'image', firmware: 'bios' },
      disks: [
        { file: 'os.raw', role: 'os' },
        { file: 'lun0.raw', role: 'data', lun: 0 },
      ],
      azure: { id: vm.azureId, vmId: vm.instanceId, vm: saved.vm.body, disks: saved.disks.map(({ body }) => body) },
    };
    await writeFile(join(captured, 'machine.json'), JSON.stringify(manifest));
    await restic('backup', '-q', 'captured');
    await scan('backups');
    const plan = await dryRun(await pointOf('web'), { destination: { kind: 'original' } });
    expect(plan.source).toMatchObject({ instanceId: vm.instanceId, powerState: 'running', nicIds: vm.nicIds });
    expect(plan.source?.disks.map(({ lun, caching, replacedBy }) => [lun, caching, replacedBy])).toStrictEqual([
      [null, 'ReadWrite', 'os'],
      [0, 'ReadOnly', 'lun0'],
    ]);
    expect(plan.disks.map(({ azureName, sku }) => [azureName, sku])).toStrictEqual([
      ['web-os', 'Premium_LRS'],
      ['web-data', 'Premium_LRS'],
    ]);
    expect(plan.destination.subnetId).toBe(seedIds(SUBSCRIPTION).machineSubnetId);
    const errors = plan.problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);
    expect(errors).toStrictEqual([]);
  });

  it('names the file that lies in what is damaged of a backup, and reads around it', async () => {
    const tree = join(folder, 'database');
    await mkdir(join(tree, 'var/lib/db'), { recursive: true });
    await writeFile(join(tree, 'var/lib/db/main.ibd'), randomBytes(20 * MIB));
    await writeFile(join(tree, 'README'), 'small\n');
    await run('mkfs.ext4', ['-q', '-d', tree, join(folder, 'database.raw'), '64M']);
    const repository = join(folder, 'flipped');
    const inIt = (...args: string[]) =>
      run('restic', ['-r', repository, ...args], {
        env: { ...process.env, RESTIC_PASSWORD: PASSWORD, HOME: folder },
        cwd: folder,
      });
    await initRepository(repository, PASSWORD);
    await inIt('backup', '-q', 'database.raw');
    await addRepository('flipped', PASSWORD, repository);
    await scan('flipped');
    const { restoreId } = await requestRestore(books.books, {
      request: request(await pointOf('database'), { generation: 1 }),
      requestedBy: 'tester',
    });
    await settled(restoreId, ['running']);

    // Nearly all of the data is the database: so is the middle of the largest pack.
    await flipMiddleOfLargestFile(join(repository, 'data'));
    const disk = (await books.books.ingredients(restoreId, 'database'))!.source.images[0]!;
    const range = await firstUnreadable(repository, disk.location);
    const error = { code: 'BLOB_CORRUPT', message: 'It is damaged.', fix: 'Repair it.', range };
    await books.books.transaction(async (tx) => {
      await tx.lockRestore(restoreId);
      const segment = { restoreId, diskName: 'database', purpose: 'move', index: 0, dataBytes: 1 } as const;
      await tx.createSegments([{ ...segment, offsetBytes: 0, lengthBytes: 64 * MIB }]);
      const [only] = await tx.segments(restoreId, {});
      await tx.moveSegment(only!.id, { from: 'pending', epoch: 0 }, 'failed', { error });
    });
    const damage = await queues.ask(QUEUES.planner, PLANNER_JOBS.damage, { restoreId }, ASK_WITHIN_MS);
    expect(z.array(DAMAGED_RANGE).parse(damage)).toMatchObject([
      {
        ...{ disk: 'database', code: 'BLOB_CORRUPT', exact: true, ...range },
        parts: [{ content: 'ext4', files: ['/var/lib/db/main.ibd'], moreFiles: 0, notNamed: null }],
      },
    ]);
  });

  it('answers with what is wrong with a repository', async () => {
    await addRepository('locked', 'wrong');
    await expect(scan('locked')).rejects.toMatchObject({ code: 'REPOSITORY_PASSWORD_WRONG' });
    await expect(scan('nosuch')).rejects.toMatchObject({ code: 'REPOSITORY_UNKNOWN' });
    await expect(dryRun('rp-nosuch')).rejects.toMatchObject({ code: 'POINT_NOT_FOUND' });
  });

  it('does not plan from packs that are gone', async () => {
    const id = await pointOf('bare');
    for (const name of await readdir(join(folder, 'repository/data'))) {
      await rm(join(folder, 'repository/data', name), { recursive: true });
    }
    await expect(dryRun(id, { generation: 1 })).rejects.toMatchObject({ code: 'PACK_MISSING' });
  });

  it('has kept the password out of its log, and ends when it is told to', async () => {
    expect(output.join('\n')).not.toContain(PASSWORD);
    planner.kill('SIGTERM');
    const [code] = (await once(planner, 'exit')) as [number | null];
    expect(code).toBe(0);
  });
});

async function flipMiddleOfLargestFile(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    names
      .filter((one) => one.isFile())
      .map(async (one) => {
        const path = join(one.parentPath, one.name);
        return { path, sizeBytes: (await stat(path)).size };
      }),
  );
  const [largest] = files.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  assert.ok(largest);
  const file = await open(largest.path, 'r+');
  const at = Math.floor(largest.sizeBytes / 2);
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.from([buffer[0]! ^ 0xff]), 0, 1, at);
  await file.close();
}

/** As a data-mover would report it. */
async function firstUnreadable(repository: string, location: string): Promise<ByteRange> {
  const opened = await openRepository({
    kind: 'restic',
    store: new FolderFileStore(repository),
    password: new Secret(PASSWORD),
    threads: 0,
  });
  try {
    const disk = await opened.openDisk(location);
    for (let offset = 0; offset < disk.sizeBytes; offset += MIB) {
      const error: unknown = await disk.read(offset, MIB).catch((thrown: unknown) => thrown);
      if (!isDamageError(error)) continue;
      const { offset: at, length } = error.facts;
      assert.ok(typeof at === 'number' && typeof length === 'number');
      return { offset: at, length };
    }
    return assert.fail('nothing of it is damaged');
  } finally {
    await opened.close();
  }
}
