/*
 * Who may do what, what was done, and the few credentials that have to be kept. Tokens and keys come in as hashes or
 * sealed: no port of this file sees one in plain text.
 */

export type ApiRole = 'viewer' | 'operator' | 'approver' | 'admin' | 'mover';

export interface ApiTokenRecord {
  readonly id: string;
  readonly name: string;
  readonly role: ApiRole;
  readonly createdAt: Date;
  /** Null: does not expire. */
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  /** Name of the token by which it was made. Null: by nobody's, such as one from the environment. */
  readonly createdBy: string | null;
}

/** A token as an administrator makes it. */
export interface NewApiToken {
  readonly name: string;
  readonly role: ApiRole;
  /** SHA-256 of the token in hexadecimal. */
  readonly tokenHash: string;
  /** By the books' clock. Null: does not expire. */
  readonly validSeconds: number | null;
}

export interface ApiTokens {
  /** A token that is known already (same hash) keeps its row and takes the name, role and expiry given; it is not revived. */
  put(token: { name: string; role: ApiRole; tokenHash: string; expiresAt: Date | null }): Promise<ApiTokenRecord>;
  /** By the SHA-256 of the token in hexadecimal. Null when it is unknown, expired or revoked. */
  byHash(tokenHash: string): Promise<ApiTokenRecord | null>;
  /** Oldest first, expired and revoked ones included. */
  list(): Promise<readonly ApiTokenRecord[]>;
  /** False when there is none of that id, or it was revoked before. */
  revoke(id: string): Promise<boolean>;
  /**
   * Makes a token, and enters into the audit log who has made it.
   * @throws ConflictError `TOKEN_NAME_TAKEN` when a token of this name was ever made: a name is one person's for good
   */
  issue(token: NewApiToken, by: string): Promise<ApiTokenRecord>;
  /** Revokes what bears a name and still opens something, and enters who has done it. False: there is none. */
  withdraw(name: string, by: string): Promise<boolean>;
}

/** Taken through `RestoreTransaction.claimIdempotencyKey`, together with the restore that it stands for. */
export interface IdempotencyKeys {
  find(key: string): Promise<{ readonly restoreId: string; readonly bodyHash: string } | null>;
  /** Forgets keys that are older than that many seconds. Returns how many. */
  prune(olderThanSeconds: number): Promise<number>;
}

export interface AuditEntry {
  /** From 1, without gaps. */
  readonly sequence: number;
  readonly at: Date;
  readonly actor: string;
  /** Such as `restore.cancel`. */
  readonly action: string;
  /** What it was done to, such as a restore's id. */
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** SHA-256 over this entry and the hash of the one before, in hexadecimal. */
  readonly hash: string;
}

/** Grows at its end only; each entry is chained to the one before by its hash. */
export interface AuditLog {
  append(entry: Pick<AuditEntry, 'actor' | 'action' | 'subject' | 'details'>): Promise<void>;
  /** Ascending, those after `afterSequence`. */
  entries(afterSequence?: number, limit?: number): Promise<readonly AuditEntry[]>;
  /** Recomputes every hash. `brokenAt` is the sequence of the first entry that does not fit the one before it. */
  verify(): Promise<{ readonly entries: number; readonly brokenAt: number | null }>;
}

/** What gives access to a disk that a restore writes without a worker. */
export interface DiskAccess {
  readonly restoreId: string;
  readonly diskName: string;
  readonly purpose: 'write' | 'read';
  /** Of the run of step 5 that was granted it. */
  readonly stepEpoch: number;
  /** The SAS, sealed. */
  readonly sealedUrl: string;
  readonly expiresAt: Date;
}

/** One for each disk. It changes only as the one that was read: whoever is late changes nothing. */
export interface DiskAccesses {
  /** @param present as it was read; null: there was none. False: it is another by now, and stays. */
  put(access: DiskAccess, present: DiskAccess | null): Promise<boolean>;
  access(restoreId: string, diskName: string): Promise<DiskAccess | null>;
  /** @param present as it was read. False: it is another by now, and stays. */
  remove(present: DiskAccess): Promise<boolean>;
  /** For a restore that is over. */
  removeAll(restoreId: string): Promise<void>;
}
