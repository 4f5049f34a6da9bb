import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AUDIT_LOG, CLOUD_RESOURCE, RESTORE, RESTORE_EVENT, RESTORE_PLAN } from '@landfall/contract';
import { PermanentError, restorePointId } from '@landfall/domain';
import { PLANNER_JOBS, QUEUES } from '@landfall/pipeline';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { exactly } from './contract.fixture.test.js';
import { ApiUnderTest, scanFinds, tokenOf, until } from './running-api.fixture.test.js';
import { discovered, planFor } from './samples.fixture.test.js';

const POINT = restorePointId('nightly', discovered().reference);
const REQUEST = { restorePointId: POINT, destination: { kind: 'new', name: 'web-2' } };

let api: ApiUnderTest;
beforeAll(async () => {
  api = await ApiUnderTest.start();
  scanFinds(api, [discovered()]);
  await api.call('POST', '/v1/repositories', {
    role: 'operator',
    body: { name: 'nightly', kind: 'restic', url: '/srv/nightly', password: 'canary-password' },
  });
});
afterAll(() => api.close());

const create = async (body: unknown = REQUEST, headers: Record<string, string> = {}) => {
  const answer = await api.call('POST', '/v1/restores', { role: 'operator', body, headers });
  return { answer, restore: answer.status < 300 ? RESTORE.parse(answer.body) : null };
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
    expect(answer.status).toBe(200);
    expect(RESTORE_PLAN.parse(answer.body)).toStrictEqual(JSON.parse(JSON.stringify(planFor(POINT))));
    expect(asked).toStrictEqual([
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
        },
      },
    ]);
    expect((await api.call('GET', '/v1/restores', { role: 'viewer' })).body).toStrictEqual([]);
  });

  it('does not hand on what is no plan', async () => {
    const { restorePoint: _, ...rest } = planFor(POINT);
    api.planner[PLANNER_JOBS.dryRun] = async () => ({ ...rest, planHash: 7 });
    const problem = await api.problem('POST', '/v1/restore-plans', { body: REQUEST });
    expect([problem.status, problem.code]).toStrictEqual([422, 'PLAN_UNREADABLE']);
    expect(problem.detail).toMatch(/restorePoint.*planHash/);
  });

  it('passes the error of the planner on with its code', async () => {
    api.planner[PLANNER_JOBS.dryRun] = async () => {
      throw new PermanentError({ code: 'PACK_MISSING', message: 'Pack ab is missing.', fix: 'Repair it.' });
    };
    const problem = await api.problem('POST', '/v1/restore-plans', { body: REQUEST });
    expect([problem.status, problem.code, problem.fix]).toStrictEqual([422, 'PACK_MISSING', 'Repair it.']);
  });

  it('is refused for a point that nobody knows', async () => {
    const body = { ...REQUEST, restorePointId: 'rp-ffffffffff' };
    expect((await api.problem('POST', '/v1/restore-plans', { body })).code).toBe('POINT_NOT_FOUND');
    expect((await api.problem('POST', '/v1/restores', { body })).code).toBe('POINT_NOT_FOUND');
  });
});

describe('what is damaged', () => {
  const RANGE = {
    ...{ disk: 'web-os', code: 'BLOB_CORRUPT', exact: true, offset: 4096, length: 1024, moreParts: 0 },
    parts: [
      {
        ...{ offset: 4096, length: 1024, partition: { number: 1, typeName: 'Linux' }, logicalVolume: null },
        ...{ content: 'ext4', holds: ['files'], files: ['/var/log/syslog'], moreFiles: 0, notNamed: null },
      },
    ],
  };
  const failedWith = async (code: string): Promise<string> => {
    const { restore } = await create();
    const id = restore!.id;
    await api.connections.ports.books.transaction(async (tx) => {
      await tx.lockRestore(id);
      await tx.patchRestore(id, { error: { code, message: 'It has failed.', fix: 'Mend it.' } });
    });
    return id;
  };

  it('is what the planner has found of it, and nothing where nothing is damaged', async () => {
    const asked: unknown[] = [];
    api.planner[PLANNER_JOBS.damage] = async (payload) => {
      asked.push(payload);
      return [RANGE];
    };
    const id = await failedWith('BLOB_CORRUPT');
    const answer = await api.call('GET', `/v1/restores/${id.slice(0, 8)}/damage`, { role: 'viewer' });
    expect([answer.status, answer.body]).toStrictEqual([200, [RANGE]]);
    expect(asked).toStrictEqual([{ restoreId: id }]);
    const other = await failedWith('TARGET_FULL');
    expect((await api.call('GET', `/v1/restores/${other}/damage`, { role: 'viewer' })).body).toStrictEqual([]);
    expect(asked.length).toBe(1);
  });

  it('is not handed on where it is no such thing, and fails as the planner does', async () => {
    const id = await failedWith('PACK_MISSING');
    api.planner[PLANNER_JOBS.damage] = async () => [{ ...RANGE, parts: [{ files: 'all' }] }];
    const unreadable = await api.problem('GET', `/v1/restores/${id}/damage`);
    expect([unreadable.status, unreadable.code]).toStrictEqual([422, 'DAMAGE_UNREADABLE']);
    api.planner[PLANNER_JOBS.damage] = async () => {
      throw new PermanentError({ code: 'REPOSITORY_NOT_FOUND', message: 'It is gone.', fix: 'Look for it.' });
    };
    expect((await api.problem('GET', `/v1/restores/${id}/damage`)).code).toBe('REPOSITORY_NOT_FOUND');
    expect((await api.problem('GET', '/v1/restores/nosuchthing/damage')).code).toBe('RESTORE_NOT_FOUND');
  });
});

describe('a restore', () => {
  it('is taken down with its first job and an audit entry', async () => {
    const { answer, restore } = await create({ ...REQUEST, restorePointId: POINT.slice(0, 9) });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/v1/restores/${restore?.id}`);
    expect([
      restore?.state,
      restore?.requestedBy,
      restore?.planHash,
      restore?.restorePoint,
      restore?.vm,
      restore?.error,
    ]).toStrictEqual(['planning', 'operator', null, { id: POINT }, null, null]);
    const connection = new Redis(api.environment.REDIS_URL.reveal(), { maxRetriesPerRequest: null });
    const queue = new Queue(QUEUES.planner, { connection, prefix: api.environment.LANDFALL_QUEUE_PREFIX });
    const job = await until('the job', async () =>
      (await queue.getJobs()).find((one) => (one?.data as { restoreId?: string }).restoreId === restore?.id),
    );
    expect([job.name, (job.data as { work: string }).work]).toStrictEqual(['run-work', 'plan']);
    await queue.close();
    connection.disconnect();
    const audit = AUDIT_LOG.parse((await api.call('GET', '/v1/audit', { role: 'viewer' })).body);
    const entry = audit.entries.at(-1);
    expect([entry?.actor, entry?.action, entry?.subject]).toStrictEqual(['operator', 'restore.request', restore?.id]);
    expect(audit.chainVerified).toBe(true);
    const later = await api.call('GET', `/v1/audit?after=${entry?.sequence}`, { role: 'viewer' });
    expect(AUDIT_LOG.parse(later.body).entries).toStrictEqual([]);
  });

  it('is made once for one idempotency key, however often and by how many it is asked for at once', async () => {
    const headers = { 'idempotency-key': 'night-run/1' };
    const answers = await Promise.all(Array.from({ length: 6 }, () => create(REQUEST, headers)));
    expect(new Set(answers.map(({ restore }) => restore?.id)).size).toBe(1);
    expect(answers.map(({ answer }) => answer.status).sort()).toStrictEqual([200, 200, 200, 200, 200, 201]);
    const spelledOut = await create({ ...REQUEST, verify: 'sampled', generation: 'auto' }, headers);
    expect(spelledOut.answer.status).toBe(200);
    const other = await create({ ...REQUEST, powerOn: false }, headers);
    expect(other.answer.status).toBe(422);
    expect((other.answer.body as { code: string }).code).toBe('IDEMPOTENCY_KEY_REUSED');
    const without = await create();
    expect(without.restore?.id).not.toBe(answers[0]?.restore?.id);
    expect((await create(REQUEST, { 'idempotency-key': 'two words' })).answer.status).toBe(400);
  });

  it('is found by the beginning of its id and in lists by its state', async () => {
    const { restore } = await create();
    const id = restore?.id ?? '';
    const shown = await api.call('GET', `/v1/restores/${id.slice(0, 9)}`, { role: 'viewer' });
    expect(RESTORE.parse(shown.body).id).toBe(id);
    const list = async (query: string) =>
      z.array(RESTORE).parse((await api.call('GET', `/v1/restores${query}`, { role: 'viewer' })).body);
    expect((await list(''))[0]?.id).toBe(id);
    expect((await list('?state=planning,running')).some((one) => one.id === id)).toBe(true);
    expect((await list('?state=completed')).some((one) => one.id === id)).toBe(false);
    expect((await list('?limit=1')).length).toBe(1);
    expect((await api.problem('GET', '/v1/restores?state=dancing')).status).toBe(400);
    const unknown = await api.problem('GET', '/v1/restores/rzzzzzzzzzzz');
    expect([unknown.status, unknown.code]).toStrictEqual([404, 'RESTORE_NOT_FOUND']);
  });

  it('shows its plan, its disks and its ledger once they are there', async () => {
    const { books } = api.connections.ports;
    const { restore } = await create();
    const id = restore?.id ?? '';
    const early = await api.problem('GET', `/v1/restores/${id}/plan`);
    expect([early.status, early.code]).toStrictEqual([404, 'PLAN_NOT_MADE']);
    await books.transaction((tx) => tx.storePlan(id, planFor(POINT)));
    const plan = RESTORE_PLAN.parse((await api.call('GET', `/v1/restores/${id}/plan`, { role: 'viewer' })).body);
    expect(plan.planHash).toBe(planFor(POINT).planHash);
    const shown = RESTORE.parse((await api.call('GET', `/v1/restores/${id}`, { role: 'viewer' })).body);
    expect(
      shown.disks.map(({ name, role, lun, azureId, bytesDone }) => [name, role, lun, azureId, bytesDone]),
    ).toStrictEqual([
      ['web-os', 'os', null, null, 0],
      ['web-data', 'data', 0, null, 0],
    ]);
    expect((shown.destination as { vmName?: string }).vmName).toBe('web');
    const resources = await api.call('GET', `/v1/restores/${id}/resources`, { role: 'viewer' });
    expect(z.array(CLOUD_RESOURCE).parse(resources.body)).toStrictEqual([]);
  });

  it('is cancelled, twice to the same end, and refuses what its state forbids', async () => {
    const { restore } = await create();
    const id = restore?.id ?? '';
    for (const [verb, code] of [
      ['resume', 'NOT_RESUMABLE'],
      ['rollback', 'NOT_ROLLBACKABLE'],
    ] as const) {
      const problem = await api.problem('POST', `/v1/restores/${id}/${verb}`);
      expect([problem.status, problem.code]).toStrictEqual([409, code]);
    }
    for (let time = 0; time < 2; time += 1) {
      const answer = await api.call('POST', `/v1/restores/${id}/cancel`, { role: 'operator' });
      expect(answer.status).toBe(202);
      expect(RESTORE.parse(answer.body).state).toBe('cancelling');
    }
    expect((await api.problem('POST', '/v1/restores/rzzzzzzzzzzz/cancel')).status).toBe(404);
    expect((await api.problem('POST', `/v1/restores/${id}/settle`)).code).toBe('ROUTE_NOT_FOUND');
  });

  it('tells its history as an array', async () => {
    const { restore } = await create();
    const path = `/v1/restores/${restore?.id}/events`;
    const events = z.array(RESTORE_EVENT).parse((await api.call('GET', path, { role: 'viewer' })).body);
    expect(events.length).toBeGreaterThan(0);
    const last = events.at(-1)!.sequence;
    expect((await api.call('GET', `${path}?after=${last}`, { role: 'viewer' })).body).toStrictEqual([]);
    expect((await api.problem('GET', `${path}?after=x`)).status).toBe(400);
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
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
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
    expect(events.map((message) => [message.event, exactly(RESTORE_EVENT, message.data).sequence])).toStrictEqual(
      (await books.events(id)).map((event) => [event.type, event.sequence]),
    );
    const views = messages.filter((message) => message.event === 'restore').map(({ data }) => exactly(RESTORE, data));
    expect(views.at(-1)?.state).toBe('refused');
    const again = parse(await (await open(id, { 'last-event-id': events.at(-2)?.id ?? '' })).text());
    expect(again.map((message) => message.event)).toStrictEqual(['restore.refused', 'restore']);
  });

  it('is refused for a restore that nobody knows', async () => {
    expect((await open('rzzzzzzzzzzz')).status).toBe(404);
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
