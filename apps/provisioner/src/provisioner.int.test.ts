import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { programOf } from '@landfall/config';
import { SEED, seedIds, startEmulator, trustEmulator, type Emulator } from '@landfall/azure-emulator';
import type { RestorePlan, StepId } from '@landfall/domain';
import { connectBooks, type Books } from '@landfall/persistence';
import { temporaryDatabase, type TemporaryDatabase } from '@landfall/persistence/temporary-database';
import { beginWork, recordOutcome, requestCancel, requestRestore } from '@landfall/pipeline';
import { aRestorePlan, aRestoreRequest } from '@landfall/testing';

/* The provisioner as a process, on a real database, a real queue and the emulator, killed and started again. */
const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000bb';
const PATIENCE_MS = 60_000;
const GIB = 1024 ** 3;

/** Stands in for a data-mover: leaves its token where the test finds it. */
const WORKER = `
  const { LANDFALL_WORKER_ID, LANDFALL_BOOTSTRAP_TOKEN } = process.env;
  require('node:fs').writeFileSync(process.argv[1] + '/' + LANDFALL_WORKER_ID, LANDFALL_BOOTSTRAP_TOKEN);
  setInterval(() => {}, 1000);
`;

let emulator: Emulator;
let folder: string;
let database: TemporaryDatabase;
let postgres: Books;
const prefix = `test-${randomBytes(4).toString('hex')}`;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  const server = process.env.LANDFALL_TEST_DATABASE_URL;
  assert.ok(server && process.env.LANDFALL_TEST_REDIS_URL, 'Run this with the test runner: it starts the servers.');
  folder = await mkdtemp(join(tmpdir(), 'landfall-provisioner-'));
  emulator = await startEmulator({
    ...{ dataDirectory: join(folder, 'azure'), token: 'token-of-the-test', subscriptionId: SUBSCRIPTION, delayMs: 150 },
    workerCommand: [process.execPath, '-e', WORKER, folder],
  });
  trustEmulator(emulator);
  database = await temporaryDatabase(server);
  postgres = connectBooks({ databaseUrl: database.url });
});

afterAll(async () => {
  for (const child of running) await end(child, 'SIGKILL');
  await postgres.close();
  await database.drop();
  await emulator.close();
  await rm(folder, { recursive: true });
});

describe('the provisioner', () => {
  it('creates the disks and launches the worker of a planned restore', async () => {
    const child = start();
    const restoreId = await planned(3);
    await reached(restoreId, 'launch-worker', 'done');
    await end(child, 'SIGTERM');
    expect(child.exitCode).toBe(0);
    await expectProvisioned(restoreId, 3);
  });

  it('goes on after being killed while it launches the worker, and makes nothing twice', async () => {
    const restoreId = await planned(2);
    const first = start();
    await reached(restoreId, 'launch-worker', 'running');
    await until(async () => (await made(restoreId)).some((id) => id.includes('/virtualmachines/')));
    await end(first, 'SIGKILL');
    const second = start();
    await report(`landfall-worker-${restoreId}-0`);
    await reached(restoreId, 'launch-worker', 'done');
    await end(second, 'SIGTERM');
    await expectProvisioned(restoreId, 2);
  });

  it('stops when the restore is cancelled', async () => {
    const child = start();
    const restoreId = await planned(2);
    await until(async () => (await made(restoreId)).length > 0);
    await requestCancel(postgres.books, restoreId, 'tester');
    await until(async () => {
      const steps = (await postgres.books.restore(restoreId))?.works ?? [];
      return steps.every((step) => step.state !== 'running');
    });
    await end(child, 'SIGTERM');
    const ledger = (await postgres.books.ledger(restoreId)).map((entry) => entry.azureId.toLowerCase());
    for (const id of await made(restoreId)) assert.ok(ledger.includes(id), `${id} is not in the ledger`);
  });

  it('names every setting that is missing, and ends with 1', async () => {
    const { code, output } = await outcome(start({ LANDFALL_APPLIANCE_ID: '', LANDFALL_API_URL: 'not a url' }, 'pipe'));
    expect(code).toBe(1);
    expect(output).toMatch(/CONFIG_INVALID.*LANDFALL_APPLIANCE_ID.*LANDFALL_API_URL/);
  });
});

describe("the provisioner that is given no appliance's id", () => {
  let own: TemporaryDatabase;

  beforeAll(async () => {
    own = await temporaryDatabase(process.env.LANDFALL_TEST_DATABASE_URL ?? '');
  });

  afterAll(() => own.drop());

  it('ends with 1 where no metadata service answers, and goes on with what Postgres keeps', async () => {
    const nowhere = { DATABASE_URL: own.url.reveal(), LANDFALL_INSTANCE_METADATA_URL: 'http://127.0.0.1:1' };
    const lost = await outcome(start(nowhere, 'pipe', ['LANDFALL_APPLIANCE_ID']));
    expect(lost).toMatchObject({ code: 1, output: expect.stringMatching(/INSTANCE_METADATA_UNREACHABLE/) });
    expect(lost.output).toMatch(/Set LANDFALL_APPLIANCE_ID/);

    const books = connectBooks({ databaseUrl: own.url });
    await books.applianceId.keep('vm-1').finally(() => books.close());
    const changes = { ...nowhere, LANDFALL_LOG_LEVEL: 'info' };
    const found = await outcome(start(changes, 'pipe', ['LANDFALL_APPLIANCE_ID']), /is ready/);
    expect(found).toMatchObject({ code: 0, output: expect.stringMatching(/"applianceId":"vm-1".*is ready/s) });
    const foreign = await outcome(start(nowhere, 'pipe'));
    expect(foreign).toMatchObject({ code: 1, output: expect.stringMatching(/CONFIG_INVALID.*vm-1/s) });
  });
});

async function expectProvisioned(restoreId: string, disks: number): Promise<void> {
  const restore = await postgres.books.restore(restoreId);
  assert.ok(restore);
  const worker = `landfall-worker-${restoreId}-0`;
  const names = Array.from({ length: disks }, (_, index) => `web-${index}-${restoreId}`);
  const wanted = [...names, worker, `${worker}-nic-${restoreId}`, `${worker}-os`];
  const present = await made(restoreId);
  expect(present.map((id) => id.split('/').at(-1)).sort()).toStrictEqual(wanted.sort());
  const ledger = await postgres.books.ledger(restoreId);
  expect(ledger.map((entry) => [entry.azureId.toLowerCase(), entry.state]).sort()).toStrictEqual([
    ...present.map((id) => [id, 'created']),
  ]);
  expect(restore.disks.every((disk) => disk.azureId !== null)).toBe(true);
}

/** A restore whose plan is made: steps 3 and 4 come next. */
async function planned(disks: number): Promise<string> {
  const { books } = postgres;
  const { restoreId } = await requestRestore(books, { request: aRestoreRequest(), requestedBy: 'tester' });
  const epoch = (await books.restore(restoreId))?.works.find((step) => step.id === 'plan')?.epoch ?? 0;
  const run = { restoreId, work: 'plan', epoch } as const;
  expect(await beginWork(books, run)).toBeTruthy();
  const plan = planOf(disks);
  await books.transaction((tx) => tx.storePlan(restoreId, plan));
  expect(await recordOutcome(books, run, { kind: 'done', output: { planHash: plan.planHash } })).toBe(true);
  return restoreId;
}

function planOf(disks: number): RestorePlan {
  const plan = aRestorePlan();
  const [os] = plan.disks;
  assert.ok(os);
  const names = Array.from({ length: disks }, (_, index) => `disk-${index}`);
  const { machineSubnetId } = seedIds(SUBSCRIPTION);
  return {
    ...plan,
    destination: {
      ...plan.destination,
      ...{ subscriptionId: SUBSCRIPTION, resourceGroup: SEED.resourceGroup, region: SEED.region },
      subnetId: machineSubnetId,
    },
    disks: names.map((name, index) => ({
      ...os,
      ...{ name, from: `disk:${name}` as const, sizeBytes: GIB, azureName: `web-${index}` },
      ...(index === 0 ? {} : { role: 'data' as const, lun: index - 1 }),
    })),
    workers: [{ size: 'Standard_F2s_v2', disks: names }],
  };
}

/** The worker proves itself with the token that it was given, as it would at the API. */
async function report(workerId: string): Promise<void> {
  const path = join(folder, workerId);
  await until(() => Promise.resolve(existsSync(path) && readFileSync(path).length > 0));
  const bootstrapHash = createHash('sha256').update(readFileSync(path, 'utf8')).digest('hex');
  const session = { tokenHash: workerId, validSeconds: 600 };
  expect(await postgres.workers.redeemBootstrap(workerId, bootstrapHash, session)).toBeTruthy();
}

function start(
  changes: Record<string, string> = {},
  stdout: 'ignore' | 'pipe' = 'ignore',
  without: readonly string[] = [],
): ChildProcess {
  const child = spawn(process.execPath, [programOf('provisioner')], {
    stdio: ['ignore', stdout, 'inherit'],
    env: {
      ...{ PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: emulator.caPath, DATABASE_URL: database.url.reveal() },
      ...{ REDIS_URL: process.env.LANDFALL_TEST_REDIS_URL, LANDFALL_QUEUE_PREFIX: prefix },
      ...{ AZURE_SUBSCRIPTION_ID: SUBSCRIPTION, LANDFALL_AZURE_ENDPOINT: emulator.url },
      ...{ LANDFALL_AZURE_TOKEN: emulator.token, LANDFALL_APPLIANCE_ID: 'appliance' },
      ...{ LANDFALL_API_URL: 'http://127.0.0.1:9', LANDFALL_LOG_LEVEL: 'warn', LANDFALL_SECRET_KEY: 'ab'.repeat(32) },
      ...changes,
      ...Object.fromEntries(without.map((name) => [name, undefined])),
    },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** What a process has said when it ends: by itself, or asked to once it has said `endAfter`. */
async function outcome(child: ChildProcess, endAfter?: RegExp): Promise<{ code: number | null; output: string }> {
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (endAfter?.test(output)) child.kill('SIGTERM');
  });
  await once(child, 'close');
  return { code: child.exitCode, output };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

function reached(restoreId: string, step: StepId, state: string): Promise<void> {
  return until(async () => {
    const restore = await postgres.books.restore(restoreId);
    assert.ok(
      restore && ['planning', 'running'].includes(restore.state),
      `${restore?.state}: ${restore?.error?.message}`,
    );
    return restore.works.some((each) => each.id === step && each.state === state);
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, 'It takes too long.');
    await pause(20);
  }
}

/** IDs, in lower case, of what carries the restore's tag in Azure. */
async function made(restoreId: string): Promise<string[]> {
  const answer = await fetch(`${emulator.url}/_emulator/resources`, {
    headers: { authorization: `Bearer ${emulator.token}` },
  });
  const all = (await answer.json()) as { id: string; tags?: Record<string, string> }[];
  return all.flatMap((each) => (each.tags?.['landfall-restore'] === restoreId ? [each.id.toLowerCase()] : [])).sort();
}
