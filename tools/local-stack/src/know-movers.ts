import { createHash } from 'node:crypto';
import { Secret } from '@landfall/domain';
import { connectBooks } from '@landfall/persistence';

/*
 * Makes the pool's token known to the database: `know-movers.js` with DATABASE_URL and LANDFALL_MOVER_TOKEN.
 * The same token again changes nothing.
 */
const { DATABASE_URL, LANDFALL_MOVER_TOKEN } = process.env;
if (DATABASE_URL === undefined || LANDFALL_MOVER_TOKEN === undefined) {
  console.error('DATABASE_URL and LANDFALL_MOVER_TOKEN have to be set.');
  process.exit(2);
}
const books = connectBooks({ databaseUrl: new Secret(DATABASE_URL), poolSize: 1 });
try {
  const tokenHash = createHash('sha256').update(LANDFALL_MOVER_TOKEN).digest('hex');
  await books.tokens.put({ name: 'data-mover pool', role: 'mover', tokenHash, expiresAt: null });
} finally {
  await books.close();
}
