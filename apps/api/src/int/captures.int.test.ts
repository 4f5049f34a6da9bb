import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CAPTURE, CAPTURE_EVENT } from '@landfall/contract';
import { beginCapture, recordCapture } from '@landfall/pipeline';
import { z } from 'zod';
import { exactly } from './contract.fixture.test.js';
import { ApiUnderTest, tokenOf } from './running-api.fixture.test.js';

const GROUP = '/subscriptions/s/resourceGroups/apps/providers/Microsoft.Compute/virtualMachines';
const body = (name: string, change: object = {}) => ({ vmId: `${GROUP}/${name}`, repository: 'nightly', ...change });

let api: ApiUnderTest;
beforeAll(async () => {
  api = await ApiUnderTest.start();
  const { catalogue } = api.connections.ports;
  const repository = { url: '/srv/nightly', hostedByProvider: false, sealedPassword: 'sealed' };
  await catalogue.addRepository({ ...repository, name: 'nightly', kind: 'restic' });
  await catalogue.addRepository({ ...repository, name: 'images', kind: 'images' });
});
afterAll(() => api.close());

const create = (wanted: unknown, headers: Record<string, string> = {}) =>
  api.call('POST', '/v1/captures', { role: 'operator', body: wanted, headers });
const show = async (id: string) =>
  exactly(CAPTURE, (await api.call('GET', `/v1/captures/${id}`, { role: 'viewer' })).body);

describe('captures', () => {
  it('are asked for by operators, shown to viewers, and audited', async () => {
    const refused = await api.call('POST', '/v1/captures', { role: 'viewer', body: body('web') });
    expect(refused.status).toBe(403);
    const made = await create(body('web', { stop: true }));
    const capture = exactly(CAPTURE, made.body);
    expect([made.status, made.headers.get('location')]).toStrictEqual([201, `/v1/captures/${capture.id}`]);
    expect([capture.state, capture.stop, capture.requestedBy]).toStrictEqual(['queued', true, 'operator']);
    expect(await show(capture.id)).toStrictEqual(capture);
    const listed = await api.call('GET', '/v1/captures?limit=5', { role: 'viewer' });
    expect(z.array(CAPTURE).parse(listed.body)).toStrictEqual([capture]);
    const [entry] = (await api.connections.ports.audit.entries()).filter(({ subject }) => subject === capture.id);
    expect([entry?.actor, entry?.action]).toStrictEqual(['operator', 'capture.request']);
  });

  it('are made once for an idempotency key, whatever else it was meant for', async () => {
    const key = { 'idempotency-key': 'nightly-web-1' };
    const first = await create(body('once'), key);
    const again = await create(body('once'), key);
    expect([first.status, again.status]).toStrictEqual([201, 200]);
    expect(again.body).toStrictEqual(first.body);
    expect(await api.problem('POST', '/v1/captures', { body: body('other'), headers: key })).toMatchObject({
      status: 422,
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
  });

  it('are refused where they make no sense', async () => {
    const problems = [
      [body('web'), 409, 'CAPTURE_UNDER_WAY'],
      [body('db', { repository: 'none' }), 404, 'REPOSITORY_UNKNOWN'],
      [body('db', { repository: 'images' }), 422, 'REPOSITORY_KIND_UNAVAILABLE'],
      [{ ...body('db'), vmId: 'web' }, 400, 'BAD_REQUEST'],
      [body('db', { disks: [] }), 400, 'BAD_REQUEST'],
    ] as const;
    for (const [wanted, status, code] of problems) {
      expect(await api.problem('POST', '/v1/captures', { body: wanted })).toMatchObject({ status, code });
    }
    expect(await api.problem('GET', '/v1/captures/c0')).toMatchObject({ status: 404, code: 'CAPTURE_NOT_FOUND' });
  });

  it('are cancelled, which is told in their history and ends its stream', async () => {
    const { id } = exactly(CAPTURE, (await create(body('cancelled'))).body);
    const cancel = () => api.call('POST', `/v1/captures/${id}/cancel`, { role: 'operator' });
    for (const _time of [1, 2]) {
      const answer = await cancel();
      expect([answer.status, exactly(CAPTURE, answer.body).state]).toStrictEqual([202, 'cancelling']);
    }
    const { captures } = api.connections.ports;
    const begun = await beginCapture(captures, { captureId: id, epoch: 2 });
    await recordCapture(captures, begun!.run, { kind: 'done' });
    expect((await show(id)).state).toBe('cancelled');
    expect(await api.problem('POST', `/v1/captures/${id}/cancel`)).toMatchObject({
      status: 409,
      code: 'NOT_CANCELLABLE',
    });
    const events = await api.call('GET', `/v1/captures/${id}/events?after=1`, { role: 'viewer' });
    expect(
      z
        .array(CAPTURE_EVENT)
        .parse(events.body)
        .map(({ type }) => type),
    ).toStrictEqual(['capture.cancelling', 'capture.cancelled']);
    const stream = await fetch(`${api.url}/v1/captures/${id}/events`, {
      headers: { authorization: `Bearer ${tokenOf('viewer')}`, accept: 'text/event-stream' },
    });
    const text = await stream.text();
    expect([...text.matchAll(/^event: (.*)$/gm)].map((match) => match[1])).toStrictEqual([
      ...['capture.queued', 'capture.cancelling', 'capture.cancelled', 'capture'],
    ]);
  });
});
