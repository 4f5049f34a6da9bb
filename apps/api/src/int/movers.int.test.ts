import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  patchId,
  type PlannedContents,
  recipeOf,
  restorePointId,
  SEALING_CONTEXT,
  Secret,
  type RestorePlan,
  stepKey,
  wholeImage,
} from '@landfall/domain';
import { theContents } from '@landfall/testing';
import { REGISTERED, SEGMENT_GRANT, writerLease } from '@landfall/transfer';
import { hashOf } from '../access/session.js';
import { type Answer, ApiUnderTest, scanFinds, tokenOf } from './running-api.fixture.test.js';
import { discovered, planFor } from './samples.fixture.test.js';

const MIB = 2 ** 20;
const MOVER = { name: 'worker-0', pid: 4711 };
const PROCESS = 'worker-0/a1';
let api: ApiUnderTest;

beforeAll(async () => {
  api = await ApiUnderTest.start();
  scanFinds(api, [discovered()]);
  await addRepository('nightly', '/srv/nightly');
});
afterAll(() => api.close());

function addRepository(name: string, url: string): Promise<Answer> {
  const body = { name, kind: 'restic', url, password: `canary-password-of-${name}` };
  return api.call('POST', '/v1/repositories', { role: 'operator', body });
}

/** A restore whose step 5 is running, with one pending segment of each disk. */
async function restoreInTransfer(
  transfer: 'worker' | 'direct',
  {
    repository = 'nightly',
    planned = (plan: RestorePlan) => plan,
    contents = (plan: RestorePlan): readonly PlannedContents[] => theContents(plan),
    patches = [] as readonly Buffer[],
  } = {},
) {
  const { books } = api.connections.ports;
  const pointId = restorePointId(repository, discovered().reference);
  const body = { restorePointId: pointId, destination: { kind: 'new' }, transfer };
  const { id } = (await api.call('POST', '/v1/restores', { role: 'operator', body })).body as { id: string };
  await books.transaction(async (tx) => {
    const plan = planned(planFor(pointId, transfer, repository));
    await tx.storePlan(id, plan);
    await tx.storeContents(id, contents(plan), patches);
    const { epoch = 0 } = (await tx.lockRestore(id)) ?? {};
    await tx.moveRestore(id, { from: 'planning', epoch }, 'running');
    await tx.moveWork(id, stepKey('restore-data'), { from: 'pending', epoch: 0 }, 'running');
    const segment = (diskName: string) => ({
      restoreId: id,
      diskName,
      purpose: 'move' as const,
      index: 0,
      offsetBytes: 0,
      lengthBytes: 128 * MIB,
    });
    await tx.createSegments([segment('web-os'), segment('web-data')]);
  });
  const segments = await books.segments(id);
  const of = (disk: string) => segments.find((segment) => segment.diskName === disk)!;
  return { id, os: of('web-os'), data: of('web-data') };
}

/** A worker VM of a restore, registered. */
async function registeredWorker(restoreId: string, id: string) {
  await createWorker(restoreId, id, 60);
  const answer = await register(id, `bootstrap-of-${id}`);
  const session = REGISTERED.parse(answer.body);
  return { answer, session, headers: { authorization: `Bearer ${session.sessionToken}` } };
}

function createWorker(restoreId: string, id: string, bootstrapSeconds: number): Promise<boolean> {
  return api.connections.ports.workers.enter({
    id,
    restoreId,
    azureId: `/vms/${id}`,
    disks: ['web-os', 'web-data'],
    bootstrapTokenHash: hashOf(`bootstrap-of-${id}`),
    bootstrapSeconds,
  });
}

function register(id: string, bootstrapToken: string): Promise<Answer> {
  return api.call('POST', `/internal/v1/workers/${id}/register`, { body: { bootstrapToken, mover: MOVER } });
}

/** By a process that has its lease. */
async function claim(segmentId: string, epoch: number, headers: Record<string, string>, mover = PROCESS) {
  await lease('lease', headers, mover);
  return claimAs(mover, segmentId, epoch, headers);
}

function claimAs(mover: string, segmentId: string, epoch: number, headers: Record<string, string>, gone?: string[]) {
  const body = { epoch, mover, ...(gone ? { gone } : {}) };
  return api.call('POST', `/internal/v1/segments/${segmentId}/claim`, { body, headers });
}

function lease(verb: 'lease' | 'renew' | 'leave', headers: Record<string, string>, mover = PROCESS): Promise<Answer> {
  return api.call('POST', `/internal/v1/movers/${verb}`, { body: { mover }, headers });
}

describe('a data-mover on a worker', () => {
  it('exchanges its bootstrap token once for a session, and is then seen on its worker', async () => {
    const { id } = await restoreInTransfer('worker');
    const { answer, session } = await registeredWorker(id, 'w-once');
    expect(answer.status).toBe(200);
    const services = new URL(api.environment.REDIS_URL.reveal());
    const told = new URL(session.redisUrl);
    expect([told.host, told.username]).toStrictEqual([services.host, `${session.queuePrefix}.worker.w-once`]);
    expect(told.password).not.toBe(services.password);
    expect(session.queuePrefix).toBe(api.environment.LANDFALL_QUEUE_PREFIX);
    expect(session.queue).toBe('mover-worker-w-once');
    expect(session.sessionToken.length).toBeGreaterThanOrEqual(43);
    expect((await register('w-once', 'bootstrap-of-w-once')).status).toBe(401);
    const listed = await api.call('GET', '/v1/workers', { role: 'viewer' });
    const worker = (listed.body as { id: string; state: string; movers: { name: string }[] }[]).find(
      (one) => one.id === 'w-once',
    );
    expect([worker?.state, worker?.movers.map((mover) => mover.name)]).toStrictEqual(['ready', ['worker-0']]);
    expect(listed.text).not.toMatch(new RegExp(session.sessionToken));
  });

  it('is not registered with a wrong or expired bootstrap token, nor as somebody else', async () => {
    const { id } = await restoreInTransfer('worker');
    await createWorker(id, 'w-late', -1);
    await createWorker(id, 'w-other', 60);
    expect((await register('w-late', 'bootstrap-of-w-late')).status).toBe(401);
    expect((await register('w-other', 'bootstrap-of-w-late')).status).toBe(401);
    expect((await register('w-nobody', 'x')).status).toBe(401);
  });

  it('prolongs its own session and no other', async () => {
    const { id } = await restoreInTransfer('worker');
    const { headers } = await registeredWorker(id, 'w-beat');
    const beat = (worker: string) =>
      api.call('POST', `/internal/v1/workers/${worker}/heartbeat`, { body: { mover: MOVER }, headers });
    const answer = await beat('w-beat');
    expect(answer.status).toBe(200);
    expect((answer.body as { validSeconds: number }).validSeconds).toBe(3600);
    expect((await beat('w-once')).status).toBe(403);
  });

  it('gets with a claim all that it needs', async () => {
    const { id, data } = await restoreInTransfer('worker');
    const { headers } = await registeredWorker(id, 'w-claim');
    const answer = await claim(data.id, data.epoch, headers);
    expect(answer.status).toBe(200);
    expect(SEGMENT_GRANT.parse(answer.body)).toStrictEqual({
      segmentId: data.id,
      restoreId: id,
      epoch: data.epoch,
      purpose: 'move',
      verify: 'sampled',
      offsetBytes: 0,
      lengthBytes: 128 * MIB,
      repository: {
        kind: 'restic',
        store: { kind: 'folder', path: '/srv/nightly' },
        password: 'canary-password-of-nightly',
      },
      recipe: wholeImage('web-data', 5 * 2 ** 30),
      images: [{ name: 'web-data', location: 'canary-location/1' }],
      patches: [],
      target: { kind: 'lun', lun: 1, sizeBytes: 5 * 2 ** 30 },
    });
    const events = await api.connections.ports.books.events(id);
    expect(events.filter((event) => event.type === 'segment.claimed').length).toBe(1);
    expect(JSON.stringify(events)).not.toMatch(/canary/);
  });

  it('reads what the plan says, whatever the catalogue says by now', async () => {
    const planned = (plan: RestorePlan): RestorePlan => ({
      ...plan,
      restorePoint: { ...plan.restorePoint, id: 'rp-ffffffffff' },
      disks: plan.disks.map((disk) => ({ ...disk, sourceLocation: `planned/${disk.name}`, sourceBytes: 7 })),
    });
    const { data } = await restoreInTransfer('worker', { planned });
    const { headers } = await registeredWorker(data.restoreId, 'w-planned');
    const grant = SEGMENT_GRANT.parse((await claim(data.id, data.epoch, headers)).body);
    expect(grant.images).toStrictEqual([{ name: 'web-data', location: 'planned/web-data' }]);
    expect(grant.recipe).toStrictEqual(wholeImage('web-data', 7));
  });

  it('gets of a disk’s recipe what reaches into its segment, with its patches', async () => {
    const patch = Buffer.from('boot code');
    const beyond = Buffer.from('of another segment');
    const from = (bytes: Buffer) => ({ length: bytes.length, from: { bytes: patchId(bytes) } });
    const recipe = recipeOf(2 ** 30, [
      { at: 128 * MIB - 4, ...from(patch) },
      { at: 128 * MIB + 4096, ...from(beyond) },
      { at: 512 * MIB, length: MIB, from: { image: 'far', offset: 0 } },
      { at: 4096, length: MIB, from: { image: 'near', offset: 7 } },
    ]);
    const images = ['far', 'near'].map((name) => ({ name, location: `canary-${name}`, sizeBytes: 2 * MIB }));
    const contents = (plan: RestorePlan) =>
      theContents(plan).map((each) => ({ ...each, recipe, source: { ...each.source, images } }));
    const { data } = await restoreInTransfer('worker', { contents, patches: [patch, beyond] });
    const { headers } = await registeredWorker(data.restoreId, 'w-composed');
    const grant = SEGMENT_GRANT.parse((await claim(data.id, data.epoch, headers)).body);
    expect(grant.recipe).toStrictEqual({ ...recipe, parts: recipe.parts.slice(0, 2) });
    expect(grant.images).toStrictEqual([{ name: 'near', location: 'canary-near' }]);
    expect(grant.patches).toStrictEqual([patch.toString('base64')]);
  });

  it('is told to drop a job that is done or stale', async () => {
    const { books } = api.connections.ports;
    const { id, os, data } = await restoreInTransfer('worker');
    const { headers } = await registeredWorker(id, 'w-drop');
    const stale = await claim(os.id, os.epoch + 5, headers);
    expect([stale.status, (stale.body as { code: string }).code]).toStrictEqual([409, 'SEGMENT_STALE']);
    await claim(data.id, data.epoch, headers);
    await books.transaction((tx) => tx.moveSegment(data.id, { from: 'running', epoch: data.epoch }, 'done'));
    const done = await claim(data.id, data.epoch, headers);
    expect([done.status, (done.body as { code: string }).code]).toStrictEqual([409, 'SEGMENT_DONE']);
    expect((await claim('unknown', 0, headers)).status).toBe(404);
  });

  it('keeps its lease by renewing it, until it leaves or another process has its name', async () => {
    const { id, os } = await restoreInTransfer('worker');
    const { headers } = await registeredWorker(id, 'w-lease');
    expect((await lease('renew', headers)).status).toBe(409);
    expect((await lease('lease', headers)).body).toStrictEqual({ leaseMs: 45_000 });
    expect((await lease('renew', headers)).body).toStrictEqual({ leaseMs: 45_000 });
    await lease('lease', headers, 'worker-0/b2');
    const lost = await lease('renew', headers);
    expect([lost.status, (lost.body as { code: string }).code]).toStrictEqual([409, 'LEASE_LOST']);
    const claimed = await claimAs(PROCESS, os.id, os.epoch, headers);
    expect([claimed.status, (claimed.body as { code: string }).code]).toStrictEqual([409, 'LEASE_LOST']);
    expect((await lease('leave', headers, 'worker-0/b2')).body).toStrictEqual({ left: true });
    expect((await lease('renew', headers, 'worker-0/b2')).status).toBe(409);
  });

  it('gets what another one had only when that one is gone for certain', async () => {
    const { leases } = api.connections.ports;
    const { id, os } = await restoreInTransfer('worker');
    const { headers } = await registeredWorker(id, 'w-fence');
    expect((await claim(os.id, os.epoch, headers)).status).toBe(200);
    const other = 'worker-1/c3';
    await lease('lease', headers, other);
    const held = { restoreId: id, heldBy: PROCESS, expired: false, epoch: os.epoch };
    expect((await claimAs(other, os.id, os.epoch, headers, [PROCESS])).body).toStrictEqual(held);
    await leases.takeOver(writerLease('w-fence', PROCESS), PROCESS, -1);
    expect((await claimAs(other, os.id, os.epoch, headers)).body).toStrictEqual({ ...held, expired: true });
    const grant = SEGMENT_GRANT.parse((await claimAs(other, os.id, os.epoch, headers, [PROCESS])).body);
    expect(grant.epoch).toBe(os.epoch + 1);
  });

  it('may claim only what is written on its own worker', async () => {
    const mine = await restoreInTransfer('worker');
    const other = await restoreInTransfer('worker');
    const { headers } = await registeredWorker(mine.id, 'w-mine');
    const answer = await claim(other.os.id, other.os.epoch, headers);
    expect([answer.status, (answer.body as { code: string }).code]).toStrictEqual([403, 'NOT_ITS_OWN']);
    const pool = await claim(mine.os.id, mine.os.epoch, { authorization: `Bearer ${tokenOf('mover')}` });
    expect([pool.status, (pool.body as { code: string }).code]).toStrictEqual([403, 'NOT_ITS_OWN']);
  });

  it('has no way into the rest of the API, and none at all once its worker is retired', async () => {
    const { id, os } = await restoreInTransfer('worker');
    const { headers } = await registeredWorker(id, 'w-end');
    for (const path of ['/v1/restores', '/metrics', '/admin/queues', '/']) {
      assert.equal((await api.call('GET', path, { headers })).status, 401, path);
    }
    await api.connections.ports.workers.retire('w-end');
    expect((await claim(os.id, os.epoch, headers)).status).toBe(401);
  });
});

describe('a data-mover of the pool', () => {
  const headers = { authorization: `Bearer ${tokenOf('mover')}` };

  it('gets the SAS of the disk that it writes directly', async () => {
    const { diskAccesses, secrets } = api.connections.ports;
    const { id, os } = await restoreInTransfer('direct');
    const early = await claim(os.id, os.epoch, headers);
    expect([early.status, (early.body as { code: string }).code]).toStrictEqual([503, 'ACCESS_MISSING']);
    assert.equal((await api.connections.ports.books.segment(os.id))?.state, 'pending', 'it is not given out');
    const url = 'https://disk.example/?sig=canary-sas';
    const sealedUrl = secrets.seal(new Secret(url), SEALING_CONTEXT.diskAccess(id, 'web-os'));
    const expiresAt = new Date(Date.now() + 60_000);
    const reading = { restoreId: id, diskName: 'web-os', sealedUrl, expiresAt, purpose: 'read', stepEpoch: 0 } as const;
    await diskAccesses.put(reading, null);
    assert.equal((await claim(os.id, os.epoch, headers)).status, 503, 'one for reading does not do');
    await diskAccesses.put({ ...reading, purpose: 'write' }, reading);
    const grant = SEGMENT_GRANT.parse((await claim(os.id, os.epoch, headers)).body);
    expect(grant.target).toStrictEqual({ kind: 'page-blob', url, sizeBytes: 3 * 2 ** 30 });
    expect(grant.epoch).toBe(os.epoch);
  });

  it("gets a SAS for a repository's container that reads for a while, and no key", async () => {
    await addRepository('offsite', 'azure://devaccount1/vault/machines');
    const { diskAccesses, secrets } = api.connections.ports;
    const { id, data } = await restoreInTransfer('direct', { repository: 'offsite' });
    const sealedUrl = secrets.seal(new Secret('https://disk'), SEALING_CONTEXT.diskAccess(id, 'web-data'));
    const expiresAt = new Date(Date.now() + 60_000);
    const place = { restoreId: id, diskName: 'web-data', purpose: 'write', stepEpoch: 0 } as const;
    await diskAccesses.put({ ...place, sealedUrl, expiresAt }, null);
    const answer = await claim(data.id, data.epoch, headers);
    const { store } = SEGMENT_GRANT.parse(answer.body).repository;
    expect(store.kind).toBe('blob');
    const url = new URL(store.kind === 'blob' ? store.containerUrl : '');
    expect(url.origin + url.pathname).toBe('http://127.0.0.1:1/devaccount1/vault');
    expect(url.searchParams.get('sp')).toBe('rl');
    expect(store.kind === 'blob' && store.prefix).toBe('machines');
    expect(answer.text).not.toMatch(/canary-account-key/);
  });

  it('leaves no credential in the log', () => expect(api.log.join('')).not.toMatch(/canary|bootstrap-of/));
});
