import { createHash } from 'node:crypto';
import {
  PermanentError,
  Secret,
  tokenNameTaken,
  type ApiRole,
  type ApiTokenRecord,
  type ApiTokens,
  type AuditEntry,
  type AuditLog,
  type DiskAccess,
  type DiskAccesses,
  type NewApiToken,
  type SecretBox,
} from '@landfall/domain';

/** API tokens in memory, with a clock that tests can set. */
export class MemoryApiTokens implements ApiTokens {
  readonly #rows: (ApiTokenRecord & { tokenHash: string })[] = [];

  constructor(
    private readonly now: () => Date = () => new Date(),
    private readonly audit: AuditLog = new MemoryAuditLog(),
  ) {}

  async put(token: {
    name: string;
    role: ApiRole;
    tokenHash: string;
    expiresAt: Date | null;
  }): Promise<ApiTokenRecord> {
    const index = this.#rows.findIndex((row) => row.tokenHash === token.tokenHash);
    const known = this.#rows[index];
    const row = {
      id: known?.id ?? `token-${this.#rows.length + 1}`,
      createdAt: known?.createdAt ?? this.now(),
      revokedAt: known?.revokedAt ?? null,
      createdBy: known?.createdBy ?? null,
      ...token,
    };
    if (known) this.#rows[index] = row;
    else this.#rows.push(row);
    return this.#shown(row);
  }

  async byHash(tokenHash: string): Promise<ApiTokenRecord | null> {
    const row = this.#rows.find((candidate) => candidate.tokenHash === tokenHash);
    if (!row || row.revokedAt !== null) return null;
    if (row.expiresAt !== null && row.expiresAt <= this.now()) return null;
    return this.#shown(row);
  }

  async list(): Promise<readonly ApiTokenRecord[]> {
    return this.#rows.map((row) => this.#shown(row));
  }

  async revoke(id: string): Promise<boolean> {
    const index = this.#rows.findIndex((row) => row.id === id && row.revokedAt === null);
    const row = this.#rows[index];
    if (!row) return false;
    this.#rows[index] = { ...row, revokedAt: this.now() };
    return true;
  }

  async issue({ validSeconds, ...token }: NewApiToken, by: string): Promise<ApiTokenRecord> {
    if (this.#rows.some(({ name }) => name === token.name)) throw tokenNameTaken(token.name);
    const createdAt = this.now();
    const expiresAt = validSeconds === null ? null : new Date(createdAt.getTime() + validSeconds * 1_000);
    const row = {
      id: `token-${this.#rows.length + 1}`,
      createdAt,
      expiresAt,
      revokedAt: null,
      createdBy: by,
      ...token,
    };
    this.#rows.push(row);
    const details = { role: row.role, expiresAt: expiresAt?.toISOString() ?? null };
    await this.audit.append({ actor: by, action: 'token.create', subject: row.name, details });
    return this.#shown(row);
  }

  async withdraw(name: string, by: string): Promise<boolean> {
    const now = this.now();
    const found = this.#rows.filter(
      (row) => row.name === name && row.revokedAt === null && (row.expiresAt === null || row.expiresAt > now),
    );
    for (const { id } of found) await this.revoke(id);
    if (found.length === 0) return false;
    await this.audit.append({ actor: by, action: 'token.revoke', subject: name, details: {} });
    return true;
  }

  #shown({ tokenHash: _, ...record }: ApiTokenRecord & { tokenHash: string }): ApiTokenRecord {
    return record;
  }
}

/** An audit log in memory whose chain always verifies. */
export class MemoryAuditLog implements AuditLog {
  readonly written: AuditEntry[] = [];

  async append(entry: Pick<AuditEntry, 'actor' | 'action' | 'subject' | 'details'>): Promise<void> {
    const sequence = this.written.length + 1;
    const hash = createHash('sha256')
      .update(JSON.stringify([this.written.at(-1)?.hash ?? '', sequence, entry]))
      .digest('hex');
    this.written.push({ ...entry, sequence, at: new Date(), hash });
  }

  async entries(afterSequence = 0, limit = 1_000): Promise<readonly AuditEntry[]> {
    return this.written.filter((entry) => entry.sequence > afterSequence).slice(0, limit);
  }

  async verify(): Promise<{ entries: number; brokenAt: number | null }> {
    return { entries: this.written.length, brokenAt: null };
  }
}

export class MemoryDiskAccesses implements DiskAccesses {
  readonly #rows = new Map<string, DiskAccess>();

  async put(access: DiskAccess, present: DiskAccess | null): Promise<boolean> {
    if (!this.#isAsRead(access, present)) return false;
    this.#rows.set(keyOf(access), access);
    return true;
  }

  async access(restoreId: string, diskName: string): Promise<DiskAccess | null> {
    return this.#rows.get(keyOf({ restoreId, diskName })) ?? null;
  }

  async remove(present: DiskAccess): Promise<boolean> {
    return this.#isAsRead(present, present) && this.#rows.delete(keyOf(present));
  }

  async removeAll(restoreId: string): Promise<void> {
    for (const [key, access] of this.#rows) if (access.restoreId === restoreId) this.#rows.delete(key);
  }

  #isAsRead(of: Pick<DiskAccess, 'restoreId' | 'diskName'>, present: DiskAccess | null): boolean {
    return this.#rows.get(keyOf(of))?.sealedUrl === present?.sealedUrl;
  }
}

function keyOf({ restoreId, diskName }: Pick<DiskAccess, 'restoreId' | 'diskName'>): string {
  return JSON.stringify([restoreId, diskName]);
}

/** Keeps the secrets itself and gives out numbers for them: a number opens under its own context only. */
export class MemorySecretBox implements SecretBox {
  readonly #kept: { value: string; context: string }[] = [];

  seal(secret: Secret, context: string): string {
    return `sealed-${this.#kept.push({ value: secret.reveal(), context }) - 1}`;
  }

  open(sealed: string, context: string): Secret {
    const entry = this.#kept[Number(/^sealed-(\d+)$/.exec(sealed)?.[1] ?? NaN)];
    if (entry?.context === context) return new Secret(entry.value);
    throw new PermanentError({
      code: 'SECRET_UNREADABLE',
      message: `What is sealed for ${context} can't be opened.`,
      fix: 'Seal it again.',
    });
  }
}
