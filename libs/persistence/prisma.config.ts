import { defineConfig } from 'prisma/config';

// `generate` and `validate` ask for no database: the URL is needed by `migrate` only.
export default defineConfig({
  schema: '../../prisma/schema.prisma',
  migrations: { path: '../../prisma/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? '' },
});
