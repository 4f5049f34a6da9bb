import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROUTES } from '@landfall/contract';
import { CANARIES, givenAway } from '@landfall/testing';
import { ApiUnderTest, scanFails, tokenOf } from './running-api.fixture.test.js';

/* No route shows a secret that it was given, and none stands in the log afterwards. */
describe('a secret that the API was given', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await ApiUnderTest.start();
    scanFails(api, 'REPOSITORY_PASSWORD_WRONG');
  });
  afterAll(() => api.close());

  /** Bypasses the contract's check: these requests are meant to be bad. */
  async function said(method: string, path: string, headers: Record<string, string>, body?: string): Promise<string> {
    const response = await fetch(api.url + path, {
      method,
      headers,
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
    return `${JSON.stringify([...response.headers])} ${await response.text()}`;
  }

  const json = { authorization: `Bearer ${tokenOf('admin')}`, 'content-type': 'application/json' };

  it('is not shown as the password of a repository', async () => {
    const repository = { name: 'locked', kind: 'restic', url: '/srv/nowhere' };
    for (const canary of CANARIES) {
      for (const body of [
        JSON.stringify({ ...repository, password: canary }),
        JSON.stringify({ ...repository, password: [canary] }),
        JSON.stringify({ ...repository, password: canary, hostedByProvider: canary, kind: canary }),
        JSON.stringify({ ...repository, url: `rest:https://me:${canary}@host/?sig=${canary}` }),
        `{"password": ${canary}`,
        `{"password": "${canary}"`,
      ]) {
        expect(givenAway(await said('POST', '/v1/repositories', json, body))).toBe(null);
      }
    }
  });

  it('is not shown as the token of a sign-in, of a browser or of a worker', async () => {
    for (const canary of CANARIES) {
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      expect(
        givenAway(await said('POST', '/session', form, `token=${encodeURIComponent(canary.toWellFormed())}`)),
      ).toBe(null);
      for (const body of [
        JSON.stringify({ token: canary }),
        JSON.stringify({ token: { canary } }),
        `{"token": ${canary}}`,
      ]) {
        for (const path of ['/session', '/internal/v1/workers/w-1/register']) {
          expect(givenAway(await said('POST', path, { 'content-type': 'application/json' }, body))).toBe(null);
        }
      }
    }
  });

  it('is not shown as what identifies the caller, by any route', async () => {
    for (const { method, path } of Object.values(ROUTES)) {
      const address = path.replace(/\{\w+\}/g, 'x');
      const callers: Record<string, string>[] = [
        { authorization: 'Bearer canary4711' },
        { authorization: 'canary4711' },
        { cookie: 'landfall-session=canary4711' },
      ];
      for (const headers of callers) {
        expect({
          path,
          gives: givenAway(await said(method, address, headers)),
        }).toStrictEqual({ path, gives: null });
      }
    }
  });

  it('is not shown where nobody foresaw the error of whoever used it, and stands in no line of the log', async () => {
    api.planner['scan'] = async () => {
      throw new TypeError('canary4711');
    };
    const body = JSON.stringify({ name: 'locked', kind: 'restic', url: '/srv/nowhere', password: 'canary4711' });
    expect(givenAway(await said('POST', '/v1/repositories', json, body))).toBe(null);
    expect(givenAway(api.log.join('\n'))).toBe(null);
  });
});
