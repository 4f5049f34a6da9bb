import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { LandfallError } from '@landfall/domain';
import { givenDatabase, givenRedis, withoutPassword } from './given-servers.js';
import { freePort } from './servers/index.js';

const never = () => assert.fail('the stack started a server of its own');

describe('servers of the user', () => {
  const before = { ...process.env };
  beforeEach(() => {
    delete process.env.DATABASE_URL;
    delete process.env.REDIS_URL;
  });
  afterEach(() => {
    process.env = { ...before };
  });

  it('are used where DATABASE_URL and REDIS_URL name them', async () => {
    process.env.DATABASE_URL = before.LANDFALL_TEST_DATABASE_URL;
    process.env.REDIS_URL = before.LANDFALL_TEST_REDIS_URL;
    expect(await givenDatabase(never)).toStrictEqual({ url: before.LANDFALL_TEST_DATABASE_URL, spec: null });
    expect(await givenRedis(never)).toStrictEqual({ url: before.LANDFALL_TEST_REDIS_URL, spec: null });
  });

  it('that do not answer are named, without their password', async () => {
    const port = await freePort();
    process.env.DATABASE_URL = `postgresql://u:topsecret@127.0.0.1:${port}/x`;
    process.env.REDIS_URL = `redis://:topsecret@127.0.0.1:${port}`;
    for (const [ask, code] of [
      [() => givenDatabase(never), 'POSTGRES_UNREACHABLE'],
      [() => givenRedis(never), 'REDIS_UNREACHABLE'],
    ] as const) {
      await assert.rejects(ask, (error: unknown) => {
        assert.ok(error instanceof LandfallError);
        expect(error.code).toBe(code);
        expect(error.kind).toBe('retryable');
        expect(error.message).toContain(String(port));
        expect(`${error.message} ${error.fix}`).not.toMatch(/topsecret/);
        return true;
      });
    }
  });

  it('that refuse the password are told by their own words', async () => {
    const url = new URL(before.LANDFALL_TEST_REDIS_URL!);
    url.password = 'wrong';
    process.env.REDIS_URL = url.toString();
    await expect(givenRedis(never)).rejects.toThrow(/WRONGPASS/);
  });

  it('are shown without their password', () => {
    expect(withoutPassword('redis://u:secret@h:1/2')).toBe('redis://u:***@h:1/2');
    expect(withoutPassword('nonsense')).toBe('not a URL');
  });
});
