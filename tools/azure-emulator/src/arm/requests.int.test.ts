import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  diskId,
  GROUP,
  raw,
  REGION,
  startTestAzure,
  SUBSCRIPTION,
  vmId,
  type RawAnswer,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

const VERSION = '?api-version=2025-01-02';

describe('requests that are not in order', () => {
  let azure: TestAzure;
  beforeAll(async () => (azure = await startTestAzure()));
  afterAll(() => azure.close());

  const assertRefused = (answer: RawAnswer, status: number, code: string): void => {
    const { error } = answer.json as { error?: { code?: string; message?: string } };
    assert.deepEqual({ status: answer.status, code: error?.code }, { status, code }, answer.text);
    expect((error?.message ?? '').length).toBeGreaterThan(0);
    expect(answer.text).not.toMatch(/\.js:|\.ts:|node:internal/);
  };
  const disk = (properties: Record<string, unknown>, more: Record<string, unknown> = {}): string =>
    JSON.stringify({
      location: REGION,
      properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 1, ...properties },
      ...more,
    });

  it('asks for a token, and for the right one', async () => {
    assertRefused(await raw(azure, 'GET', `${diskId('d')}${VERSION}`, { token: null }), 401, 'AuthenticationFailed');
    const wrong = await raw(azure, 'GET', `${diskId('d')}${VERSION}`, { token: 'another' });
    assertRefused(wrong, 401, 'InvalidAuthenticationToken');
    expect(String(wrong.headers['www-authenticate'])).toMatch(/^Bearer /);
    assertRefused(await raw(azure, 'GET', '/_emulator/resources', { token: null }), 401, 'AuthenticationFailed');
  });

  it('answers for its health without a token', async () => {
    expect((await raw(azure, 'GET', '/health', { token: null })).status).toBe(200);
  });

  it('asks for an api-version that is a date', async () => {
    assertRefused(await raw(azure, 'GET', diskId('d')), 400, 'MissingApiVersionParameter');
    for (const version of ['latest', '2025-1-2', '2025-01-02x']) {
      assertRefused(
        await raw(azure, 'GET', `${diskId('d')}?api-version=${version}`),
        400,
        'InvalidApiVersionParameter',
      );
    }
  });

  it('knows paths without regard to case, and refuses those that it does not know', async () => {
    const shouted = `${diskId('none').toUpperCase()}${VERSION}`;
    assertRefused(await raw(azure, 'GET', shouted), 404, 'NotFound');
    const group = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}`;
    assertRefused(
      await raw(azure, 'GET', `${group}/providers/Microsoft.Web/sites/x${VERSION}`),
      404,
      'InvalidResourceType',
    );
    assertRefused(await raw(azure, 'GET', `/nowhere${VERSION}`), 404, 'NotFound');
    const other = diskId('d').replace(SUBSCRIPTION, '00000000-0000-0000-0000-000000000000');
    assertRefused(await raw(azure, 'GET', `${other}${VERSION}`), 404, 'SubscriptionNotFound');
  });

  it('refuses methods that a path does not have', async () => {
    const answer = await raw(azure, 'POST', `${diskId('d')}${VERSION}`);
    assertRefused(answer, 405, 'MethodNotAllowed');
    expect(String(answer.headers['allow'])).toMatch(/PUT/);
  });

  it('refuses bodies that are not JSON, are missing, or are too large', async () => {
    assertRefused(
      await raw(azure, 'PUT', `${diskId('d')}${VERSION}`, { body: '{"location":' }),
      400,
      'InvalidRequestContent',
    );
    assertRefused(await raw(azure, 'PUT', `${diskId('d')}${VERSION}`), 400, 'InvalidRequestContent');
    const body = JSON.stringify({ location: REGION, junk: 'x'.repeat(5 * 1024 ** 2) });
    assertRefused(await raw(azure, 'PUT', `${diskId('d')}${VERSION}`, { body }), 413, 'RequestContentTooLarge');
  });

  it('refuses properties that are not in the model, and says which', async () => {
    const answer = await raw(azure, 'PUT', `${diskId('d')}${VERSION}`, { body: disk({ colour: 'red' }) });
    assertRefused(answer, 400, 'InvalidRequestContent');
    expect(answer.text).toMatch(/Could not find member 'colour'.*Path 'properties\.colour'/);
    const top = await raw(azure, 'PUT', `${diskId('d')}${VERSION}`, { body: disk({}, { extra: 1 }) });
    assertRefused(top, 400, 'InvalidRequestContent');
  });

  it('refuses values of another type or outside of an enumeration, and names the parameter', async () => {
    for (const wrong of [
      { diskSizeGB: '4' },
      { diskSizeGB: 0 },
      { diskSizeGB: 1.5 },
      { hyperVGeneration: 'V3' },
      { osType: 'BeOS' },
    ]) {
      const answer = await raw(azure, 'PUT', `${diskId('d')}${VERSION}`, { body: disk(wrong) });
      assertRefused(answer, 400, 'InvalidParameter');
      expect(answer.text).toMatch(new RegExp(`properties\\.${Object.keys(wrong)[0]}`));
    }
    const tags = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`t${index}`, '']));
    assertRefused(
      await raw(azure, 'PUT', `${diskId('d')}${VERSION}`, { body: disk({}, { tags }) }),
      400,
      'InvalidParameter',
    );
  });

  it('says which required property is missing', async () => {
    const body = JSON.stringify({ location: REGION, properties: { diskSizeGB: 4 } });
    const answer = await raw(azure, 'PUT', `${diskId('d')}${VERSION}`, { body });
    assertRefused(answer, 400, 'InvalidParameter');
    expect(answer.text).toMatch(/Required parameter 'properties\.creationData' is missing \(null\)/);
  });

  it('carries a request id and hands the correlation id back', async () => {
    const answer = await raw(azure, 'GET', `${diskId('d')}${VERSION}`, {
      headers: { 'x-ms-correlation-request-id': 'mine' },
    });
    expect(answer.headers['x-ms-correlation-request-id']).toBe('mine');
    expect(String(answer.headers['x-ms-request-id'])).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('logs calls with their operation, version, status, tags and error', async () => {
    await raw(azure, 'DELETE', '/_emulator/calls');
    await raw(azure, 'PUT', `${diskId('logged')}${VERSION}`, { body: disk({}, { tags: { who: 'me' } }) });
    await raw(azure, 'GET', `${diskId('missing')}${VERSION}`);
    const calls = JSON.parse((await raw(azure, 'GET', '/_emulator/calls')).text) as Record<string, unknown>[];
    expect(
      calls.map(({ method, operation, apiVersion, status, tags, errorCode }) => ({
        method,
        operation,
        apiVersion,
        status,
        tags,
        errorCode,
      })),
    ).toStrictEqual([
      {
        method: 'PUT',
        operation: 'Disks_CreateOrUpdate',
        apiVersion: '2025-01-02',
        status: 202,
        tags: { who: 'me' },
        errorCode: undefined,
      },
      {
        method: 'GET',
        operation: 'Disks_Get',
        apiVersion: '2025-01-02',
        status: 404,
        tags: undefined,
        errorCode: 'NotFound',
      },
    ]);
  });

  it('answers whatever it is sent in the shape of an error, and goes on', async () => {
    const paths = fc.constantFrom(
      diskId('fuzz'),
      vmId('fuzz'),
      `${vmId('fuzz')}/attachDetachDataDisks`,
      `${diskId('fuzz')}/beginGetAccess`,
    );
    const methods = fc.constantFrom('PUT', 'PATCH', 'POST', 'DELETE', 'GET');
    await fc.assert(
      fc.asyncProperty(paths, methods, fc.jsonValue(), async (path, method, body) => {
        const answer = await raw(azure, method, `${path}${VERSION}`, { body: JSON.stringify(body) });
        assert.ok(answer.status < 500, `${answer.status} ${answer.text}`);
        if (answer.status >= 400) expect(typeof (answer.json['error'] as { code: unknown }).code).toBe('string');
      }),
      { numRuns: 150 },
    );
    expect((await raw(azure, 'GET', '/health')).status).toBe(200);
  });
});
