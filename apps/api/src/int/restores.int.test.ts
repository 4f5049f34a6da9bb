import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PermanentError, restorePointId } from '@landfall/domain';
import { PLANNER_JOBS, QUEUES } from '@landfall/pipeline';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { AUDIT_ANSWER, EVENT_ANSWER, PLAN_ANSWER, RESOURCE_ANSWER, RESTORE_ANSWER } from '../openapi.js';
import { ApiUnderTest, scanFinds, tokenOf, until } from './running-api.fixture.test.js';
import { discovered, planFor } from './samples.fixture.test.js';

const POINT = restorePointId('nightly', discovered().reference);
const REQUEST = { restorePointId: POINT, destination: { kind: 'new', name: 'web-2' } };

let api: ApiUnderTest;
before(async () => {
  api = await ApiUnderTest.start();
  scanFinds(api, [discovered()]);
  await api.call('POST', '/v1/repositories', {
    role: 'operator',
    body: { name: 'nightly', kind: 'restic', url: '/srv/nightly', password: 'canary-password' },
  });
});
after(() => api.close());

const create = async (body: unknown = REQUEST, headers: Record<string, string> = {}) => {
  const answer = await api.call('POST', '/v1/restores', { role: 'operator', body, headers });
  return { answer, restore: answer.status < 300 ? RESTORE_ANSWER.parse(answer.body) : null };
};

describe('a dry run', () => {
  it('gives the plan that the planner makes of the whole request', async () => {
    const asked: Record<string, unknown>[] = [];
    api.planner[PLANNER_JOBS.dryRun] = async (payload) => {
      asked.push(payload);
      return planFor(POINT);
    };
    const answer = await api.call('POST', '/v1/restore-plans', {
      role: 'operator',
      body: { ...REQUEST, restorePointId: discovered().reference.slice(0, 8), generation: 1 },
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(PLAN_ANSWER.parse(answer.body), JSON.parse(JSON.stringify(planFor(POINT))));
    assert.deepEqual(asked, [
      {
        request: {
          ...REQUEST,
          generation: 1,
          disksOnly: false,
          excludeDisks: [],
          transfer: 'worker',
          verify: 'sampled',
          archivePriority: 'standard',
          powerOn: true,
          isolated: false,
          bootCheck: 'none',
        },
      },
    ]);
    assert.deepEqual((await api.call('GET', '/v1/restores', { role: 'viewer' })).body, []);
  });

  it('passes the error of the planner on with its code', async () => {
    api.planner[PLANNER_JOBS.dryRun] = async () => {
      throw new PermanentError({ code: 'PACK_MISSING', message: 'Pack ab is missing.', fix: 'Repair it.' });
    };
    const problem = await api.problem('POST', '/v1/restore-plans', { body: REQUEST });
    assert.deepEqual([problem.status, problem.code, problem.fix], [422, 'PACK_MISSING', 'Repair it.']);
  });

  it('is refused for a point that nobody knows', async () => {
    const body = { ...REQUEST, restorePointId: 'rp-ffffffffff' };
    assert.equal((await api.problem('POST', '/v1/restore-plans', { body })).code, 'POINT_NOT_FOUND');
    assert.equal((await api.problem('POST', '/v1/restores', { body })).code, 'POINT_NOT_FOUND');
  });
});

describe('a restore', () => {
  it('is taken down with its first job and an audit entry', async () => {
    const { answer, restore } = await create({ ...REQUEST, restorePointId: POINT.slice(0, 9) });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.get('location'), `/v1/restores/${restore?.id}`);
    assert.deepEqual(
      [restore?.state, restore?.requestedBy, restore?.planHash, restore?.restorePoint, restore?.vm, restore?.error],
      ['planning', 'operator', null, { id: POINT }, null, null],
    );
    const connection = new Redis(api.environment.REDIS_URL.reveal(), { maxRetriesPerRequest: null });
    const queue = new Queue(QUEUES.planner, { connection, prefix: api.environment.LANDFALL_QUEUE_PREFIX });
    const job = await until('the job', async () =>
      (await queue.getJobs()).find((one) => (one?.data as { restoreId?: string }).restoreId === restore?.id),
    );
    assert.deepEqual([job.name, (job.data as { step: string }).step], ['run-step', 'plan']);
    await queue.close();
    connection.disconnect();
    const audit = AUDIT_ANSWER.parse((await api.call('GET', '/v1/audit', { role: 'viewer' })).body);
    const entry = audit.entries.at(-1);
    assert.deepEqual([entry?.actor, entry?.action, entry?.subject], ['operator', 'restore.request', restore?.id]);
    assert.equal(audit.chainVerified, true);
    const later = await api.call('GET', `/v1/audit?after=${entry?.sequence}`, { role: 'viewer' });
    assert.deepEqual(AUDIT_ANSWER.parse(later.body).entries, []);
  });

  it('is made once for one idempotency key, however often and by how many it is asked for at once', async () => {
    const headers = { 'idempotency-key': 'night-run/1' };
    const answers = await Promise.all(Array.from({ length: 6 }, () => create(REQUEST, headers)));
    assert.equal(new Set(answers.map(({ restore }) => restore?.id)).size, 1);
    assert.deepEqual(answers.map(({ answer }) => answer.status).sort(), [200, 200, 200, 200, 200, 201]);
    const spelledOut = await create({ ...REQUEST, verify: 'sampled', generation: 'auto' }, headers);
    assert.equal(spelledOut.answer.status, 200);
    const other = await create({ ...REQUEST, powerOn: false }, headers);
    assert.equal(other.answer.status, 422);
    assert.equal((other.answer.body as { code: string }).code, 'IDEMPOTENCY_KEY_REUSED');
    const without = await create();
    assert.notEqual(without.restore?.id, answers[0]?.restore?.id);
    assert.equal((await create(REQUEST, { 'idempotency-key': 'two words' })).answer.status, 400);
  });

  it('is found by the beginning of its id and in lists by its state', async () => {
    const { restore } = await create();
    const id = restore?.id ?? '';
    const shown = await api.call('GET', `/v1/restores/${id.slice(0, 9)}`, { role: 'viewer' });
    assert.equal(RESTORE_ANSWER.parse(shown.body).id, id);
    const list = async (query: string) =>
      z.array(RESTORE_ANSWER).parse((await api.call('GET', `/v1/restores${query}`, { role: 'viewer' })).body);
    assert.equal((await list(''))[0]?.id, id);
    assert.ok((await list('?state=planning,running')).some((one) => one.id === id));
    assert.ok(!(await list('?state=completed')).some((one) => one.id === id));
    assert.equal((await list('?limit=1')).length, 1);
    assert.equal((await api.problem('GET', '/v1/restores?state=dancing')).status, 400);
    const unknown = await api.problem('GET', '/v1/restores/rzzzzzzzzzzz');
    assert.deepEqual([unknown.status, unknown.code], [404, 'RESTORE_NOT_FOUND']);
  });

  it('shows its plan, its disks and its ledger once they are there', async () => {
    const { books } = api.connections.ports;
    const { restore } = await create();
    const id = restore?.id ?? '';
    const early = await api.problem('GET', `/v1/restores/${id}/plan`);
    assert.deepEqual([early.status, early.code], [404, 'PLAN_NOT_MADE']);
    await books.transaction((tx) => tx.storePlan(id, planFor(POINT)));
    const plan = PLAN_ANSWER.parse((await api.call('GET', `/v1/restores/${id}/plan`, { role: 'viewer' })).body);
    assert.equal(plan.planHash, planFor(POINT).planHash);
    const shown = RESTORE_ANSWER.parse((await api.call('GET', `/v1/restores/${id}`, { role: 'viewer' })).body);
    assert.deepEqual(
      shown.disks.map(({ name, role, lun, azureId, bytesDone }) => [name, role, lun, azureId, bytesDone]),
      [
        ['web-os', 'os', null, null, 0],
        ['web-data', 'data', 0, null, 0],
      ],
    );
    assert.equal((shown.destination as { vmName?: string }).vmName, 'web');
    const resources = await api.call('GET', `/v1/restores/${id}/resources`, { role: 'viewer' });
    assert.deepEqual(z.array(RESOURCE_ANSWER).parse(resources.body), []);
  });

  it('is cancelled, twice to the same end, and refuses what its state forbids', async () => {
    const { restore } = await create();
    const id = restore?.id ?? '';
    for (const [verb, code] of [
      ['resume', 'NOT_RESUMABLE'],
      ['rollback', 'NOT_ROLLBACKABLE'],
    ] as const) {
      const problem = await api.problem('POST', `/v1/restores/${id}/${verb}`);
      assert.deepEqual([problem.status, problem.code], [409, code]);
    }
    for (let time = 0; time < 2; time += 1) {
      const answer = await api.call('POST', `/v1/restores/${id}/cancel`, { role: 'operator' });
      assert.equal(answer.status, 202);
      assert.equal(RESTORE_ANSWER.parse(answer.body).state, 'cancelling');
    }
    assert.equal((await api.problem('POST', '/v1/restores/rzzzzzzzzzzz/cancel')).status, 404);
    assert.equal((await api.problem('POST', `/v1/restores/${id}/approve`)).code, 'ROUTE_NOT_FOUND');
  });

  it('tells its history as an array', async () => {
    const { restore } = await create();
    const path = `/v1/restores/${restore?.id}/events`;
    const events = z.array(EVENT_ANSWER).parse((await api.call('GET', path, { role: 'viewer' })).body);
    assert.ok(events.length > 0);
    const last = events.at(-1)!.sequence;
    assert.deepEqual((await api.call('GET', `${path}?after=${last}`, { role: 'viewer' })).body, []);
    assert.equal((await api.problem('GET', `${path}?after=x`)).status, 400);
  });
});

describe('the stream of a restore', () => {
  const open = (id: string, headers: Record<string, string> = {}) =>
    fetch(`${api.url}/v1/restores/${id}/events`, {
      headers: { authorization: `Bearer ${tokenOf('viewer')}`, accept: 'text/event-stream', ...headers },
    });

  it('tells what happens and ends when the restore has settled; a later one goes on where it broke off', async () => {
    const { books } = api.connections.ports;
    const { restore } = await create();
    const id = restore?.id ?? '';
    const response = await open(id);
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    const text = response.text();
    await books.transaction(async (tx) => {
      await tx.storePlan(id, planFor(POINT));
      await tx.addEvent(id, 'step.done', 'Planned.\nWell.');
      const { epoch = 0 } = (await tx.lockRestore(id)) ?? {};
      await tx.moveRestore(id, { from: 'planning', epoch }, 'refused', { endedAt: new Date() });
      await tx.addEvent(id, 'restore.refused', 'Refused.');
    });
    const messages = parse(await text);
    const events = messages.filter((message) => message.event !== 'restore');
    assert.deepEqual(
      events.map((message) => [message.event, EVENT_ANSWER.parse(message.data).sequence]),
      (await books.events(id)).map((event) => [event.type, event.sequence]),
    );
    const views = messages
      .filter((message) => message.event === 'restore')
      .map(({ data }) => RESTORE_ANSWER.parse(data));
    assert.equal(views.at(-1)?.state, 'refused');
    const again = parse(await (await open(id, { 'last-event-id': events.at(-2)?.id ?? '' })).text());
    assert.deepEqual(
      again.map((message) => message.event),
      ['restore.refused', 'restore'],
    );
  });

  it('is refused for a restore that nobody knows', async () => {
    assert.equal((await open('rzzzzzzzzzzz')).status, 404);
  });
});

function parse(stream: string): { id: string; event: string; data: unknown }[] {
  return stream
    .split('\n\n')
    .filter((message) => message !== '' && !message.startsWith(':'))
    .map((message) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(message)?.[1] ?? '';
      return { id: field('id'), event: field('event'), data: JSON.parse(field('data')) as unknown };
    });
}
