import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  LandfallError,
  Secret,
  type ApiTokens,
  type AuditLog,
  type DiskAccesses,
  type SecretBox,
} from '@landfall/domain';

export interface AccountsUnderTest {
  readonly tokens: ApiTokens;
  readonly audit: AuditLog;
  readonly diskAccesses: DiskAccesses;
  readonly secrets: SecretBox;
  /** A restore that exists, with two disks of its plan. */
  readonly restoreId: string;
  readonly disks: readonly [string, string];
  dispose(): Promise<void>;
}

const hash = (token: string) => createHash('sha256').update(token).digest('hex');
const SOON = () => new Date(Date.now() + 600_000);
const PAST = () => new Date(Date.now() - 1_000);

/** Registers the tests that tokens, audit log, disk accesses and the secret box have to pass; `name` heads them. */
export function accountsContract(name: string, make: () => Promise<AccountsUnderTest>): void {
  describe(`${name} as the keeper of accounts`, () => {
    let made: AccountsUnderTest;
    beforeAll(async () => {
      made = await make();
    });
    afterAll(() => made.dispose());

    test('knows a token by its hash, with its role', async () => {
      const put = await made.tokens.put({ name: 'ops', role: 'operator', tokenHash: hash('1'), expiresAt: null });
      expect(await made.tokens.byHash(hash('1'))).toStrictEqual(put);
      expect([put.name, put.role, put.expiresAt, put.revokedAt]).toStrictEqual(['ops', 'operator', null, null]);
      expect(await made.tokens.byHash(hash('2'))).toBe(null);
      expect(JSON.stringify(await made.tokens.list())).not.toContain(hash('1'));
    });

    test('takes a changed name, role and expiry for a token that it knows', async () => {
      const first = await made.tokens.put({ name: 'a', role: 'viewer', tokenHash: hash('3'), expiresAt: null });
      const again = await made.tokens.put({ name: 'b', role: 'admin', tokenHash: hash('3'), expiresAt: SOON() });
      expect([again.id, again.name, again.role]).toStrictEqual([first.id, 'b', 'admin']);
      expect((await made.tokens.list()).filter((token) => token.id === first.id).length).toBe(1);
    });

    test('does not know a token any more that has expired or was revoked', async () => {
      await made.tokens.put({ name: 'old', role: 'admin', tokenHash: hash('4'), expiresAt: PAST() });
      const { id } = await made.tokens.put({ name: 'void', role: 'admin', tokenHash: hash('5'), expiresAt: null });
      expect(await made.tokens.revoke(id)).toBe(true);
      expect(await made.tokens.revoke(id)).toBe(false);
      expect([await made.tokens.byHash(hash('4')), await made.tokens.byHash(hash('5'))]).toStrictEqual([null, null]);
      const revived = await made.tokens.put({ name: 'void', role: 'admin', tokenHash: hash('5'), expiresAt: null });
      expect(revived.revokedAt).not.toBe(null);
      expect(await made.tokens.byHash(hash('5'))).toBe(null);
    });

    test('makes a token for a person once, and says by whom it was made and who has revoked it', async () => {
      const { tokens, audit } = made;
      const from = (await audit.entries(0, 10_000)).at(-1)?.sequence ?? 0;
      const order = { name: 'bob', role: 'operator', tokenHash: hash('6'), validSeconds: 3_600 } as const;
      const token = await tokens.issue(order, 'ops');
      expect([token.name, token.role, token.createdBy, token.revokedAt]).toStrictEqual([
        'bob',
        'operator',
        'ops',
        null,
      ]);
      expect(token.expiresAt!.getTime() - token.createdAt.getTime()).toBe(3_600_000);
      expect(await tokens.byHash(hash('6'))).toStrictEqual(token);
      await expect(tokens.issue({ ...order, tokenHash: hash('7') }, 'ops')).rejects.toMatchObject({
        code: 'TOKEN_NAME_TAKEN',
      });
      expect(await tokens.withdraw('bob', 'eve')).toBe(true);
      expect(await tokens.withdraw('bob', 'eve')).toBe(false);
      expect(await tokens.byHash(hash('6'))).toBe(null);
      await expect(tokens.issue({ ...order, tokenHash: hash('8') }, 'ops')).rejects.toMatchObject({
        code: 'TOKEN_NAME_TAKEN',
      });
      expect((await audit.entries(from)).map(({ actor, action, subject }) => [actor, action, subject])).toStrictEqual([
        ['ops', 'token.create', 'bob'],
        ['eve', 'token.revoke', 'bob'],
      ]);
    });

    test('makes one token of two that take a name at the same time', async () => {
      const order = { name: 'twin', role: 'viewer', validSeconds: null } as const;
      const both = ['9', '10'].map((token) => made.tokens.issue({ ...order, tokenHash: hash(token) }, 'ops'));
      const ends = await Promise.allSettled(both);
      expect(ends.map(({ status }) => status).sort()).toStrictEqual(['fulfilled', 'rejected']);
      expect((await made.tokens.list()).filter(({ name }) => name === 'twin')).toHaveLength(1);
    });

    test('keeps the audit log in order, without gaps, and its chain verifies', async () => {
      const from = (await made.audit.entries(0, 10_000)).at(-1)?.sequence ?? 0;
      for (const subject of ['one', 'two', 'three']) {
        await made.audit.append({ actor: 'olivia', action: 'test.do', subject, details: { nested: { of: subject } } });
      }
      const entries = await made.audit.entries(from);
      expect(
        entries.map(({ sequence, actor, subject, details }) => [sequence - from, actor, subject, details]),
      ).toStrictEqual(
        ['one', 'two', 'three'].map((subject, index) => [index + 1, 'olivia', subject, { nested: { of: subject } }]),
      );
      expect(new Set(entries.map((entry) => entry.hash)).size).toBe(3);
      expect((await made.audit.entries(from, 2)).length).toStrictEqual(2);
      expect((await made.audit.verify()).brokenAt).toBe(null);
    });

    test('keeps one access for each disk of a restore, and changes it only as the one that was read', async () => {
      const { diskAccesses, restoreId, disks } = made;
      const access = (diskName: string, sealedUrl: string, purpose: 'write' | 'read' = 'write') => ({
        ...{ restoreId, diskName, sealedUrl, purpose, stepEpoch: 3, expiresAt: SOON() },
      });
      const a = access(disks[0], 'sealed-a');
      const b = access(disks[0], 'sealed-b', 'read');
      const c = access(disks[1], 'sealed-c');
      expect(await diskAccesses.put(a, null)).toBe(true);
      expect(await diskAccesses.access(restoreId, disks[0])).toStrictEqual(a);
      expect(await diskAccesses.put(b, null)).toBe(false);
      expect(await diskAccesses.put(b, c)).toBe(false);
      expect(await diskAccesses.put(b, a)).toBe(true);
      expect(await diskAccesses.access(restoreId, disks[0])).toStrictEqual(b);
      expect(await diskAccesses.put(c, a)).toBe(false);
      expect(await diskAccesses.put(c, null)).toBe(true);
      expect(await diskAccesses.remove(a)).toBe(false);
      expect(await diskAccesses.access(restoreId, disks[0])).toStrictEqual(b);
      expect(await diskAccesses.remove(b)).toBe(true);
      expect(await diskAccesses.remove(b)).toBe(false);
      expect(await diskAccesses.access(restoreId, disks[0])).toBe(null);
      expect(await diskAccesses.access(restoreId, disks[1])).toStrictEqual(c);
      await diskAccesses.removeAll(restoreId);
      expect(await diskAccesses.access(restoreId, disks[1])).toBe(null);
    });

    test('opens a sealed secret under its own context and no other', () => {
      const sealed = made.secrets.seal(new Secret('canary'), 'repository:a');
      expect(sealed).not.toContain('canary');
      expect(made.secrets.open(sealed, 'repository:a').reveal()).toBe('canary');
      for (const [text, context] of [
        [sealed, 'repository:b'],
        ['', 'repository:a'],
        [`${sealed}x`, 'repository:a'],
      ] as const) {
        assert.throws(
          () => made.secrets.open(text, context),
          (error) => error instanceof LandfallError && error.code === 'SECRET_UNREADABLE',
        );
      }
    });
  });
}
