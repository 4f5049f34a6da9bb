import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';

/**
 * A worker that can be left behind. BullMQ's own end waits for Redis, for as long as it is away, and `@nestjs/bullmq` waits
 * for that end.
 */
export class LeavableWorker extends Worker {
  readonly #left = Promise.withResolvers<undefined>();

  /** Resolves once everything in hand has ended and Redis was told so, or once it is left. */
  override close(force?: boolean): Promise<void> {
    return Promise.race([super.close(force), this.#left.promise]);
  }

  /** Not before `close`. What is still in hand goes on, and comes to its end with nobody to tell. */
  leave(): void {
    this.#left.resolve(undefined);
    this.#connection.disconnect();
  }

  /** Without it no job can come, and none be given back. */
  get isConnected(): boolean {
    return this.#connection.status === 'ready';
  }

  get #connection(): Redis {
    return this.opts.connection as Redis;
  }
}
