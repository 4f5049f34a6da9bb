import type { AuditEntry, AuditLog } from '@landfall/domain';
import { CHAIN_START, ChainCheck, entryHash } from './audit-chain.js';
import { clockOf } from './clock.js';
import type { Database } from './database.js';
import type { Prisma } from './generated/client.js';
import { requiredJson, storableText } from './rows.js';

export type NewAuditEntry = Pick<AuditEntry, 'actor' | 'action' | 'subject' | 'details'>;

/** Any number that nothing else in this database locks by. */
const CHAIN_LOCK = 4_113_055;
const PAGE = 1_000;

export class PostgresAuditLog implements AuditLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async append(entry: NewAuditEntry): Promise<void> {
    await this.#database.transaction((client) => appendAudit(client, entry));
  }

  async entries(afterSequence = 0, limit = PAGE): Promise<readonly AuditEntry[]> {
    const rows = await this.#database.run((client) =>
      client.auditEvent.findMany({
        where: { sequence: { gt: afterSequence } },
        orderBy: { sequence: 'asc' },
        take: limit,
      }),
    );
    return rows.map((row) => ({ ...row, details: row.details as Record<string, unknown> }));
  }

  async verify(): Promise<{ entries: number; brokenAt: number | null }> {
    const check = new ChainCheck();
    let entries = 0;
    for (let last = 0; ;) {
      const page = await this.entries(last);
      for (const entry of page) check.add(entry);
      entries += page.length;
      last = page.at(-1)?.sequence ?? last;
      if (page.length < PAGE) return { entries, brokenAt: check.brokenAt };
    }
  }
}

/** One writer at a time, until its commit: the chain has no forks and no gaps. */
export async function appendAudit(client: Prisma.TransactionClient, entry: NewAuditEntry): Promise<void> {
  await client.$executeRaw`SELECT 1 FROM (SELECT pg_advisory_xact_lock(${CHAIN_LOCK}::bigint)) AS "locked"`;
  const last = await client.auditEvent.findFirst({ orderBy: { sequence: 'desc' } });
  const next = {
    sequence: (last?.sequence ?? 0) + 1,
    at: await clockOf(client),
    actor: storableText(entry.actor),
    action: entry.action,
    subject: storableText(entry.subject),
    details: requiredJson(entry.details),
  };
  const hash = entryHash(last?.hash ?? CHAIN_START, { ...next, details: next.details as Record<string, unknown> });
  await client.auditEvent.create({ data: { ...next, hash } });
}
