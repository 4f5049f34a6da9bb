import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AUDIT_LOG, MADE_TOKEN, RESTORE, TOKEN } from '@landfall/contract';
import { restorePointId } from '@landfall/domain';
import { z } from 'zod';
import { exactly } from './contract.fixture.test.js';
import { ApiUnderTest, scanFinds } from './running-api.fixture.test.js';
import { discovered, planFor } from './samples.fixture.test.js';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await ApiUnderTest.start();
  scanFinds(api, [discovered()]);
  const body = { name: 'nightly', kind: 'restic', url: '/srv/nightly', password: 'x' };
  await api.call('POST', '/v1/repositories', { role: 'operator', body });
});
afterAll(() => api.close());

/** Makes a token by another one, the administrator's if none is given, and gives its text. */
async function tokenFor(name: string, role: string, by?: string): Promise<string> {
  const answer = await api.call('POST', '/v1/tokens', { ...as(by), body: { name, role } });
  return exactly(MADE_TOKEN, answer.body).token;
}

function as(token?: string) {
  return token === undefined ? ({ role: 'admin' } as const) : { headers: { authorization: `Bearer ${token}` } };
}

async function audited(action: string): Promise<readonly [string, string][]> {
  const { entries } = exactly(AUDIT_LOG, (await api.call('GET', '/v1/audit', { role: 'viewer' })).body);
  return entries.filter((entry) => entry.action === action).map(({ actor, subject }) => [actor, subject]);
}

describe('tokens', () => {
  it('are made for a person by an administrator, open what their role may, and nothing once they are revoked', async () => {
    const token = await tokenFor('bob', 'operator');
    expect(token).toMatch(/^lft_[\w-]{43}$/);
    expect((await api.call('GET', '/session', as(token))).body).toStrictEqual({ name: 'bob', role: 'operator' });
    expect((await api.call('GET', '/v1/tokens', as(token))).status).toBe(403);

    expect((await api.call('DELETE', '/v1/tokens/bob', { role: 'admin' })).status).toBe(204);
    expect((await api.call('GET', '/session', as(token))).status).toBe(401);
    expect(await api.problem('DELETE', '/v1/tokens/bob', { role: 'admin' })).toMatchObject({ code: 'TOKEN_UNKNOWN' });
    expect([await audited('token.create'), await audited('token.revoke')]).toStrictEqual([
      [['admin', 'bob']],
      [['admin', 'bob']],
    ]);
  });

  it('are listed with their ends and makers, and never with their text', async () => {
    const body = { name: 'carol', role: 'viewer', days: 30 };
    const made = await api.call('POST', '/v1/tokens', { role: 'admin', body });
    const answer = await api.call('GET', '/v1/tokens', { role: 'admin' });
    const carol = exactly(z.array(TOKEN), answer.body).find(({ name }) => name === 'carol')!;
    expect(Date.parse(carol.expiresAt!) - Date.parse(carol.createdAt)).toBe(30 * 24 * 3_600_000);
    expect([carol.createdBy, carol.revokedAt]).toStrictEqual(['admin', null]);
    expect(answer.text).not.toContain(exactly(MADE_TOKEN, made.body).token);
    expect(api.log.join('\n')).not.toContain('lft_');
  });

  it('are refused under a name that was used before, that is none, or for a role that is nobody’s', async () => {
    const refused = async (body: object) => (await api.problem('POST', '/v1/tokens', { role: 'admin', body })).code;
    expect(await refused({ name: 'bob', role: 'viewer' })).toBe('TOKEN_NAME_TAKEN');
    expect(await refused({ name: 'administrator', role: 'viewer' })).toBe('TOKEN_NAME_TAKEN');
    for (const body of [
      { name: 'worker:w-1', role: 'viewer' },
      { name: '../x', role: 'viewer' },
      { name: 'dave', role: 'mover' },
      { name: 'dave', role: 'viewer', days: 0 },
      { name: 'dave', role: 'viewer', token: 'a text of my own' },
    ]) {
      expect(await refused(body)).toBe('BAD_REQUEST');
    }
  });

  it('leave the one of the settings alone', async () => {
    const { code } = await api.problem('DELETE', '/v1/tokens/administrator', { role: 'admin' });
    expect(code).toBe('TOKEN_OF_SETTINGS');
  });
});

describe('an approval', () => {
  it('is given by somebody else than whoever has asked, or has made the token of whoever approves', async () => {
    const operator = await tokenFor('erin', 'admin');
    const point = restorePointId('nightly', discovered().reference);
    const body = { restorePointId: point, destination: { kind: 'original' } };
    const { id } = RESTORE.parse((await api.call('POST', '/v1/restores', { ...as(operator), body })).body);
    const plan = {
      ...planFor(point),
      steps: [{ number: 8, id: 'remove-source', applies: true, why: 'the machine is replaced' }] as const,
    };
    await api.connections.ports.books.transaction((tx) => tx.storePlan(id, plan));

    const approve = (token: string, planHash = plan.planHash) =>
      api.call('POST', `/v1/restores/${id}/approve`, { ...as(token), body: { planHash } });
    const codeOf = async (answer: ReturnType<typeof approve>) => {
      const { status, body: said } = await answer;
      return [status, (said as { code?: string }).code];
    };
    const friend = await tokenFor('erins-friend', 'approver', operator);
    const frank = await tokenFor('frank', 'approver');
    expect(await codeOf(approve(operator))).toStrictEqual([409, 'NOT_APPROVABLE']);
    expect(await codeOf(approve(friend))).toStrictEqual([409, 'NOT_APPROVABLE']);
    expect(await codeOf(approve(frank, `sha256:${'1'.repeat(64)}`))).toStrictEqual([409, 'NOT_APPROVABLE']);
    expect(await audited('restore.approve')).toStrictEqual([]);

    expect((await approve(frank)).status).toBe(200);
    expect(await audited('restore.approve')).toStrictEqual([['frank', id]]);
  });

  it('is refused where nothing is removed', async () => {
    const body = { restorePointId: restorePointId('nightly', discovered().reference), destination: { kind: 'new' } };
    const { id } = RESTORE.parse((await api.call('POST', '/v1/restores', { role: 'operator', body })).body);
    await api.connections.ports.books.transaction((tx) => tx.storePlan(id, planFor(body.restorePointId)));
    const answer = await api.problem('POST', `/v1/restores/${id}/approve`, {
      role: 'approver',
      body: { planHash: planFor(body.restorePointId).planHash },
    });
    expect([answer.code, answer.detail]).toStrictEqual([
      'NOT_APPROVABLE',
      `Restore ${id} removes nothing that needs an approval.`,
    ]);
  });
});
