import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { canonicalJson, type AuditEntry } from '@landfall/domain';
import { CHAIN_START, ChainCheck, entryHash } from './audit-chain.js';

function chain(length: number): AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (let sequence = 1; sequence <= length; sequence += 1) {
    const entry = {
      sequence,
      at: new Date(1_700_000_000_000 + sequence),
      actor: 'olivia',
      action: 'restore.cancel',
      subject: `r-${sequence}`,
      details: { b: 1, a: { d: 2, c: [3] } },
    };
    entries.push({ ...entry, hash: entryHash(entries.at(-1)?.hash ?? CHAIN_START, entry) });
  }
  return entries;
}

function brokenAt(entries: readonly AuditEntry[]): number | null {
  const check = new ChainCheck();
  for (const entry of entries) check.add(entry);
  return check.brokenAt;
}

describe('the chain of the audit log', () => {
  it('hashes the canonical JSON of the hash before and of everything that the entry says', () => {
    const [first] = chain(1);
    const text =
      `["${'0'.repeat(64)}",1,"2023-11-14T22:13:20.001Z","olivia","restore.cancel","r-1",` +
      `{"a":{"c":[3],"d":2},"b":1}]`;
    expect(first?.hash).toBe(createHash('sha256').update(text).digest('hex'));
  });

  it('does not depend on the order of keys', () => {
    expect(canonicalJson({ b: 1, a: { d: null, c: [] } })).toBe(canonicalJson({ a: { c: [], d: null }, b: 1 }));
  });

  it('holds for what was written, and breaks where it was changed', () => {
    expect(brokenAt(chain(5))).toBe(null);
    const changes: Partial<AuditEntry>[] = [
      { actor: 'mallory' },
      { action: 'restore.approve' },
      { subject: 'r-9' },
      { details: {} },
      { at: new Date(0) },
      { hash: '1'.repeat(64) },
      { sequence: 30 },
    ];
    for (const change of changes) {
      const entries = chain(5).map((entry, index) => (index === 2 ? { ...entry, ...change } : entry));
      assert.ok([3, 4, 30].includes(brokenAt(entries) ?? 0), JSON.stringify(change));
    }
  });

  it('breaks where an entry was taken out, put in, or put elsewhere', () => {
    const [a, b, c, d] = chain(4) as [AuditEntry, AuditEntry, AuditEntry, AuditEntry];
    expect(brokenAt([a, c, d])).toBe(3);
    expect(brokenAt([b, c, d])).toBe(2);
    expect(brokenAt([a, a, b])).toBe(1);
    expect(brokenAt([a, c, b, d])).toBe(3);
  });
});
