import { createHash } from 'node:crypto';
import { canonicalJson, type AuditEntry } from '@landfall/domain';

/*
 * The chain of the audit log: an entry's hash is taken over the hash of the one before it and everything that the entry
 * says. Whoever changes, removes or inserts an entry breaks the chain at that place, unless every later hash is made
 * anew, which a copy of any later hash kept elsewhere brings to light.
 */
export const CHAIN_START = '0'.repeat(64);

export function entryHash(previousHash: string, entry: Omit<AuditEntry, 'hash'>): string {
  const { sequence, at, actor, action, subject, details } = entry;
  const text = canonicalJson([previousHash, sequence, at.toISOString(), actor, action, subject, details]);
  return createHash('sha256').update(text).digest('hex');
}

/** The sequence of the first entry that does not fit the one before it, or null. Entries come from the first on, in order. */
export class ChainCheck {
  #hash = CHAIN_START;
  #sequence = 0;
  brokenAt: number | null = null;

  add(entry: AuditEntry): void {
    if (this.brokenAt !== null) return;
    const fits = entry.sequence === this.#sequence + 1 && entry.hash === entryHash(this.#hash, entry);
    if (!fits) this.brokenAt = entry.sequence;
    this.#hash = entry.hash;
    this.#sequence = entry.sequence;
  }
}
