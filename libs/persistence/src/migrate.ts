import { detailsOf, Secret } from '@landfall/domain';
import { migrate } from './migrations.js';

/** `DATABASE_URL=… node dist/migrate.js`: brings the database to the present schema; exit code 1 when it can't. */
const databaseUrl = process.env.DATABASE_URL;
if (databaseUrl) {
  try {
    const changed = await migrate(new Secret(databaseUrl));
    process.stderr.write(changed ? 'The database is at the present schema now.\n' : 'The database was up to date.\n');
  } catch (error) {
    const { code, message, fix } = detailsOf(error);
    process.stderr.write(`${code}: ${message} ${fix}\n`);
    process.exitCode = 1;
  }
} else {
  process.stderr.write('DATABASE_URL is not set: set it to postgresql://user:password@host:port/database.\n');
  process.exitCode = 1;
}
