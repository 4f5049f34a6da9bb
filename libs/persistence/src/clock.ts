import type { Prisma } from './generated/client.js';

/** The database's clock, in the milliseconds that are kept. */
export async function clockOf(client: Prisma.TransactionClient): Promise<Date> {
  const [row] = await client.$queryRaw<{ at: Date }[]>`SELECT clock_timestamp()::timestamptz(3) AS "at"`;
  if (!row) throw new Error('the database has told no time');
  return row.at;
}
