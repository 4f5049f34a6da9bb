import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { PermanentError, Secret } from '@landfall/domain';
import { MemoryApiTokens } from '@landfall/testing';
import { establishAdministrator } from './administrator.js';
import { hashOf } from './session.js';

describe("the administrator's token", () => {
  const roleOf = async (tokens: MemoryApiTokens, token: string) => (await tokens.byHash(hashOf(token)))?.role ?? null;

  it('is the one from the environment, start after start', async () => {
    const tokens = new MemoryApiTokens();
    await establishAdministrator(tokens, new Secret('first'));
    await establishAdministrator(tokens, new Secret('first'));
    expect(await roleOf(tokens, 'first')).toBe('admin');
    expect((await tokens.list()).length).toBe(1);
  });

  it('voids the one before it and leaves those of others', async () => {
    const tokens = new MemoryApiTokens();
    await tokens.put({ name: 'grafana', role: 'viewer', tokenHash: hashOf('other'), expiresAt: null });
    await establishAdministrator(tokens, new Secret('first'));
    await establishAdministrator(tokens, new Secret('second'));
    expect([
      await roleOf(tokens, 'first'),
      await roleOf(tokens, 'second'),
      await roleOf(tokens, 'other'),
    ]).toStrictEqual([null, 'admin', 'viewer']);
  });

  it('is not brought back to life once it was voided', async () => {
    const tokens = new MemoryApiTokens();
    await establishAdministrator(tokens, new Secret('first'));
    await establishAdministrator(tokens, new Secret('second'));
    await assert.rejects(
      establishAdministrator(tokens, new Secret('first')),
      (error) => error instanceof PermanentError && error.code === 'API_TOKEN_REVOKED',
    );
    expect(await roleOf(tokens, 'second')).toBe('admin');
  });
});
