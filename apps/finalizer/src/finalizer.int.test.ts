import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connectAzure } from '@landfall/azure';
import { programOf } from '@landfall/config';
import { SEED, seedIds, startEmulator, trustEmulator, type Emulator } from '@landfall/azure-emulator';
import {
  ownerTags,
  Secret,
  type CallJournal,
  type Cloud,
  type ResourceRole,
  type RestorePlan,
  type StepId,
} from '@landfall/domain';
import { connectBooks, type Books } from '@landfall/persistence';
import { temporaryDatabase, type TemporaryDatabase } from '@landfall/persistence/temporary-database';
import {
  beginWork,
  recordOutcome,
  requestCancel,
  requestRestore,
  requestRollback,
  type StageOutput,
} from '@landfall/pipeline';
import { aRestorePlan, aRestoreRequest, MemoryJournal } from '@landfall/testing';

/* The finalizer as a process, on a real database, a real queue and the emulator. What comes before it is done here. */
const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000cc';
const SUBNET = seedIds(SUBSCRIPTION).machineSubnetId;
const APPLIANCE = 'appliance';
const PATIENCE_MS = 90_000;
const GIB = 1024 ** 3;

let emulator: Emulator;
let folder: string;
let database: TemporaryDatabase;
let postgres: Books;
let cloud: Cloud;
const prefix = `test-${randomBytes(4).toString('hex')}`;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  const server = process.env.LANDFALL_TEST_DATABASE_URL;
  assert.ok(server && process.env.LANDFALL_TEST_REDIS_URL, 'Run this with the test runner: it starts the servers.');
  folder = await mkdtemp(join(tmpdir(), 'landfall-finalizer-'));
  const token = 'token-of-the-test';
  emulator = await startEmulator({ dataDirectory: folder, token, subscriptionId: SUBSCRIPTION, delayMs: 60 });
  trustEmulator(emulator);
  const settings = { subscriptionId: SUBSCRIPTION, endpoint: emulator.url, applianceId: APPLIANCE };
  cloud = connectAzure({ ...settings, token: new Secret(token) });
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

describe('the finalizer', () => {
  it('makes a running VM of written disks, removes the worker, and takes it all back on a roll-back', async () => {
    const restoreId = await written(3, '10.20.1.50');
    const child = start();
    await settled(restoreId, 'completed');
    const restore = await postgres.books.restore(restoreId);
    const vm = await cloud.reader.vm(restore?.vmAzureId ?? '');
    expect(vm?.powerState).toBe('running');
    expect(vm!.dataDisks.map((disk) => [disk.diskId.split('/').at(-1), disk.lun])).toStrictEqual([
      [`disk-1-${restoreId}`, 0],
      [`disk-2-${restoreId}`, 1],
    ]);
    expect((await cloud.reader.nic(vm!.nicIds[0] ?? ''))?.privateAddresses).toStrictEqual(['10.20.1.50']);
    await expectLedgerToFit(restoreId, ['disk', 'disk', 'disk', 'nic', 'vm']);

    await requestRollback(postgres.books, restoreId, 'tester');
    await settled(restoreId, 'rolled-back');
    await end(child, 'SIGTERM');
    expect(child.exitCode).toBe(0);
    await expectLedgerToFit(restoreId, []);
  });

  it('goes on after being killed while it makes the VM', async () => {
    const restoreId = await written(2, null);
    const first = start();
    await until(async () => (await present(restoreId)).some((each) => each.role === 'vm'));
    await end(first, 'SIGKILL');
    const second = start();
    await settled(restoreId, 'completed');
    await end(second, 'SIGTERM');
    await expectLedgerToFit(restoreId, ['disk', 'disk', 'nic', 'vm']);
  });

  it('leaves nothing of a cancelled restore whose worker still holds the disks', async () => {
    const restoreId = await written(2, null);
    await requestCancel(postgres.books, restoreId, 'tester');
    const child = start();
    await settled(restoreId, 'cancelled');
    await end(child, 'SIGTERM');
    await expectLedgerToFit(restoreId, []);
  });

  it('sweeps away what an ended restore has left, on its own, and nothing of a stranger', async () => {
    const restoreId = await written(1, null);
    await requestCancel(postgres.books, restoreId, 'tester');
    const child = start({ LANDFALL_SWEEP_MINUTES: '0.02' });
    await settled(restoreId, 'cancelled');
    // A call that was on its way for long has its effect after the clean-up.
    const late = { ...located(restoreId, 'disk-0', 'disk'), sizeBytes: GIB, sku: 'StandardSSD_LRS', os: null };
    const alike = { ...located(restoreId, 'disk-9', 'disk'), sizeBytes: GIB, sku: 'StandardSSD_LRS', os: null };
    const unlisted = new MemoryJournal(restoreId);
    const stranger = await cloud.disks.ensureEmpty({ ...alike, tags: {} }, unlisted);
    const tagged = await cloud.disks.ensureEmpty({ ...alike, name: `disk-8-${restoreId}` }, unlisted);
    const { azureId } = await cloud.disks.ensureEmpty(late, unlisted);
    await until(async () => (await cloud.reader.disk(azureId)) === null);
    await end(child, 'SIGTERM');
    expect(await cloud.reader.disk(stranger.azureId)).toBeTruthy();
    expect(await cloud.reader.disk(tagged.azureId)).toBeTruthy();
  });

  it('leaves the disks and nothing else when only disks are wanted', async () => {
    const restoreId = await written(2, null, [
      'plan',
      'create-empty-disks',
      'launch-worker',
      'restore-data',
      'detach-disks',
      'deallocate-worker',
    ]);
    const child = start();
    await settled(restoreId, 'completed');
    await end(child, 'SIGTERM');
    await expectLedgerToFit(restoreId, ['disk', 'disk']);
  });
});

/** Azure's inventory of the restore equals what the ledger has as created, and consists of these roles. */
async function expectLedgerToFit(restoreId: string, roles: readonly string[]): Promise<void> {
  const there = await present(restoreId);
  expect(there.map((each) => each.role).sort()).toStrictEqual([...roles].sort());
  const ledger = await postgres.books.ledger(restoreId);
  expect(ledger.every((entry) => entry.state !== 'intended')).toBe(true);
  const created = ledger.filter((entry) => entry.state === 'created').map((entry) => entry.azureId.toLowerCase());
  expect(created.sort()).toStrictEqual(there.map((each) => each.id).sort());
}

/** A restore whose steps up to 5 are done: disks on a worker. The next one is dispatched and waits for a finalizer. */
async function written(disks: number, privateIp: string | null, steps?: readonly StepId[]): Promise<string> {
  const { books } = postgres;
  const { restoreId } = await requestRestore(books, { request: aRestoreRequest(), requestedBy: 'tester' });
  const plan = planOf(disks, privateIp, steps);
  await done(restoreId, 'plan', async () => {
    await books.transaction((tx) => tx.storePlan(restoreId, plan));
    return { planHash: plan.planHash };
  });
  const made = await done(restoreId, 'create-empty-disks', (journal) => createDisks(restoreId, plan, journal));
  await done(restoreId, 'launch-worker', (journal) => launchWorker(restoreId, made.disks, journal));
  await done(restoreId, 'restore-data', async () => ({ segments: 0, bytesMoved: 0, bytesVerified: 0 }));
  return restoreId;
}

async function done<S extends StepId>(
  restoreId: string,
  step: S,
  work: (journal: CallJournal) => Promise<StageOutput<S>>,
): Promise<StageOutput<S>> {
  const { books } = postgres;
  const epoch = (await books.restore(restoreId))?.works.find((each) => each.id === step)?.epoch ?? 0;
  const run = { restoreId, work: step, epoch };
  assert.ok(await beginWork(books, run), `${step} can't begin`);
  const output = await work(books.journal(restoreId, step, epoch));
  expect(await recordOutcome(books, run, { kind: 'done', output })).toBe(true);
  return output;
}

async function createDisks(restoreId: string, plan: RestorePlan, journal: CallJournal) {
  const disks = [];
  for (const { name, role, sku } of plan.disks) {
    const os = role === 'os' ? ({ family: 'linux', generation: 1 } as const) : null;
    const spec = { ...located(restoreId, name, 'disk'), sizeBytes: GIB, sku, os };
    const { azureId } = await cloud.disks.ensureEmpty(spec, journal);
    await postgres.books.transaction((tx) => tx.setDiskAzureId(restoreId, name, azureId));
    disks.push({ name, azureId });
  }
  return { disks };
}

async function launchWorker(
  restoreId: string,
  disks: StageOutput<'create-empty-disks'>['disks'],
  journal: CallJournal,
): Promise<StageOutput<'launch-worker'>> {
  const network = { subnetId: SUBNET, privateIp: null };
  const nic = await cloud.network.ensureNic({ ...located(restoreId, 'worker-nic', 'worker-nic'), ...network }, journal);
  const worker = await cloud.machines.ensureWorker(
    {
      ...located(restoreId, 'worker', 'worker'),
      ...{ size: 'Standard_F2s_v2', nicId: nic.azureId, image: 'Debian:debian-12:12-gen2:latest' },
      ...{ osDiskName: `worker-os-${restoreId}`, environment: {} },
    },
    journal,
  );
  const attached = disks.map(({ azureId }, lun) => ({ diskId: azureId, lun, caching: 'None' as const }));
  await cloud.machines.attach(worker.azureId, attached, journal);
  const workerId = `worker-${restoreId}`;
  await postgres.workers.enter({
    ...{ id: workerId, restoreId, azureId: worker.azureId, disks: disks.map((disk) => disk.name) },
    ...{ bootstrapTokenHash: workerId, bootstrapSeconds: 600 },
  });
  return {
    workers: [{ workerId, azureId: worker.azureId, disks: disks.map(({ name }, lun) => ({ name, lun })) }],
  };
}

function planOf(disks: number, privateIp: string | null, steps?: readonly StepId[]): RestorePlan {
  const plan = aRestorePlan(steps === undefined ? {} : { steps });
  const [os] = plan.disks;
  assert.ok(os);
  return {
    ...plan,
    destination: {
      ...plan.destination,
      ...{ subscriptionId: SUBSCRIPTION, resourceGroup: SEED.resourceGroup, region: SEED.region },
      ...{ vmName: `vm-${randomBytes(4).toString('hex')}`, size: 'Standard_D2s_v5', subnetId: SUBNET, privateIp },
    },
    disks: Array.from({ length: disks }, (_, index) => ({
      ...os,
      ...{ name: `disk-${index}`, from: `disk:disk-${index}` as const, sizeBytes: GIB },
      ...(index === 0 ? {} : { role: 'data' as const, lun: index - 1 }),
    })),
  };
}

function located(restoreId: string, name: string, role: ResourceRole) {
  const tags = ownerTags(APPLIANCE, restoreId, role);
  const place = { resourceGroup: SEED.resourceGroup, region: SEED.region, zone: null };
  const purpose = role.startsWith('worker') ? ('help' as const) : ('result' as const);
  return { ...place, name: `${name}-${restoreId}`, role, purpose, tags };
}

function start(changes: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [programOf('finalizer')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...{ PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: emulator.caPath, DATABASE_URL: database.url.reveal() },
      ...{ REDIS_URL: process.env.LANDFALL_TEST_REDIS_URL, LANDFALL_QUEUE_PREFIX: prefix },
      ...{ AZURE_SUBSCRIPTION_ID: SUBSCRIPTION, LANDFALL_AZURE_ENDPOINT: emulator.url },
      ...{ LANDFALL_AZURE_TOKEN: emulator.token, LANDFALL_APPLIANCE_ID: APPLIANCE },
      ...{ LANDFALL_SECRET_KEY: 'ab'.repeat(32), LANDFALL_LOG_LEVEL: 'warn' },
      ...changes,
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

function settled(restoreId: string, state: string): Promise<void> {
  return until(async () => {
    const restore = await postgres.books.restore(restoreId);
    assert.ok(restore && !['failed', 'needs-attention'].includes(restore.state), restore?.error?.message);
    return restore.state === state;
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, 'It takes too long.');
    await pause(20);
  }
}

/** What carries the restore's tag in Azure. */
async function present(restoreId: string): Promise<{ id: string; role: string }[]> {
  const answer = await fetch(`${emulator.url}/_emulator/resources`, {
    headers: { authorization: `Bearer ${emulator.token}` },
  });
  const all = (await answer.json()) as { id: string; tags?: Record<string, string> }[];
  return all.flatMap(({ id, tags }) =>
    tags?.['landfall-restore'] === restoreId ? [{ id: id.toLowerCase(), role: tags['landfall-role'] ?? '' }] : [],
  );
}
