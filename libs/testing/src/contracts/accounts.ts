import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
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
    before(async () => {
      made = await make();
    });
    after(() => made.dispose());

    test('knows a token by its hash, with its role', async () => {
      const put = await made.tokens.put({ name: 'ops', role: 'operator', tokenHash: hash('1'), expiresAt: null });
      assert.deepEqual(await made.tokens.byHash(hash('1')), put);
      assert.deepEqual([put.name, put.role, put.expiresAt, put.revokedAt], ['ops', 'operator', null, null]);
      assert.equal(await made.tokens.byHash(hash('2')), null);
      assert.ok(!JSON.stringify(await made.tokens.list()).includes(hash('1')));
    });

    test('takes a changed name, role and expiry for a token that it knows', async () => {
      const first = await made.tokens.put({ name: 'a', role: 'viewer', tokenHash: hash('3'), expiresAt: null });
      const again = await made.tokens.put({ name: 'b', role: 'admin', tokenHash: hash('3'), expiresAt: SOON() });
      assert.deepEqual([again.id, again.name, again.role], [first.id, 'b', 'admin']);
      assert.equal((await made.tokens.list()).filter((token) => token.id === first.id).length, 1);
    });

    test('does not know a token any more that has expired or was revoked', async () => {
      await made.tokens.put({ name: 'old', role: 'admin', tokenHash: hash('4'), expiresAt: PAST() });
      const { id } = await made.tokens.put({ name: 'void', role: 'admin', tokenHash: hash('5'), expiresAt: null });
      assert.equal(await made.tokens.revoke(id), true);
      assert.equal(await made.tokens.revoke(id), false);
      assert.deepEqual([await made.tokens.byHash(hash('4')), await made.tokens.byHash(hash('5'))], [null, null]);
      const revived = await made.tokens.put({ name: 'void', role: 'admin', tokenHash: hash('5'), expiresAt: null });
      assert.notEqual(revived.revokedAt, null);
      assert.equal(await made.tokens.byHash(hash('5')), null);
    });

    test('keeps the audit log in order, without gaps, and its chain verifies', async () => {
      const from = (await made.audit.entries(0, 10_000)).at(-1)?.sequence ?? 0;
      for (const subject of ['one', 'two', 'three']) {
        await made.audit.append({ actor: 'olivia', action: 'test.do', subject, details: { nested: { of: subject } } });
      }
      const entries = await made.audit.entries(from);
      assert.deepEqual(
        entries.map(({ sequence, actor, subject, details }) => [sequence - from, actor, subject, details]),
        ['one', 'two', 'three'].map((subject, index) => [index + 1, 'olivia', subject, { nested: { of: subject } }]),
      );
      assert.equal(new Set(entries.map((entry) => entry.hash)).size, 3);
      assert.deepEqual((await made.audit.entries(from, 2)).length, 2);
      assert.equal((await made.audit.verify()).brokenAt, null);
    });

    test('keeps one access for each disk of a restore, and changes it only as the one that was read', async () => {
      const { diskAccesses, restoreId, disks } = made;
      const access = (diskName: string, sealedUrl: string, purpose: 'write' | 'read' = 'write') => ({
        ...{ restoreId, diskName, sealedUrl, purpose, stepEpoch: 3, expiresAt: SOON() },
      });
      const a = access(disks[0], 'sealed-a');
      const b = access(disks[0], 'sealed-b', 'read');
      const c = access(disks[1], 'sealed-c');
      assert.equal(await diskAccesses.put(a, null), true);
      assert.deepEqual(await diskAccesses.access(restoreId, disks[0]), a);
      assert.equal(await diskAccesses.put(b, null), false);
      assert.equal(await diskAccesses.put(b, c), false);
      assert.equal(await diskAccesses.put(b, a), true);
      assert.deepEqual(await diskAccesses.access(restoreId, disks[0]), b);
      assert.equal(await diskAccesses.put(c, a), false);
      assert.equal(await diskAccesses.put(c, null), true);
      assert.equal(await diskAccesses.remove(a), false);
      assert.deepEqual(await diskAccesses.access(restoreId, disks[0]), b);
      assert.equal(await diskAccesses.remove(b), true);
      assert.equal(await diskAccesses.remove(b), false);
      assert.equal(await diskAccesses.access(restoreId, disks[0]), null);
      assert.deepEqual(await diskAccesses.access(restoreId, disks[1]), c);
      await diskAccesses.removeAll(restoreId);
      assert.equal(await diskAccesses.access(restoreId, disks[1]), null);
    });

    test('opens a sealed secret under its own context and no other', () => {
      const sealed = made.secrets.seal(new Secret('canary'), 'repository:a');
      assert.ok(!sealed.includes('canary'));
      assert.equal(made.secrets.open(sealed, 'repository:a').reveal(), 'canary');
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
