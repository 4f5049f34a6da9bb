import type { DATABASE } from '@landfall/config';
import { booksObserver, type Metrics } from '@landfall/observability';
import { type Books, connectBooks, waitForPostgres } from '@landfall/persistence';
import { underCrashPoints, underObservation } from '@landfall/pipeline';
import { type DynamicModule, Inject, type OnApplicationShutdown, Module } from '@nestjs/common';
import type { z } from 'zod';
import { BOOKS, ENVIRONMENT, METRICS } from './tokens.js';

/**
 * The books in Postgres under `BOOKS`, once they answer; observed by the metrics, and with the points at which tests let the
 * process die. Making the application throws RetryableError `POSTGRES_UNREACHABLE` when they don't within that time.
 */
export function booksModule(withinMs: number): DynamicModule {
  const openBooks = async (environment: z.infer<typeof DATABASE>, metrics: Metrics): Promise<Books> => {
    const database = { databaseUrl: environment.DATABASE_URL };
    await waitForPostgres(database, withinMs);
    return underObservation(underCrashPoints(connectBooks(database)), booksObserver(metrics));
  };
  return {
    module: BooksModule,
    global: true,
    providers: [{ provide: BOOKS, inject: [ENVIRONMENT, METRICS], useFactory: openBooks }],
    exports: [BOOKS],
  };
}

@Module({})
class BooksModule implements OnApplicationShutdown {
  constructor(@Inject(BOOKS) private readonly books: Books) {}

  onApplicationShutdown(): Promise<void> {
    return this.books.close();
  }
}
