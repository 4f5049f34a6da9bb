import { setTimeout as delay } from 'node:timers/promises';
import { RetryableError, type ByteRange, type FileStore, type StoredFile } from '@landfall/domain';

export interface RetryPolicy {
  /** Tries in all, the first included. */
  readonly attempts: number;
  /** Waits before the second try, doubled for each further one. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** In [0, 1): how much of a wait's second half is waited. */
  readonly random: () => number;
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

const DEFAULT_POLICY: RetryPolicy = {
  attempts: 5,
  firstWaitMs: 200,
  longestWaitMs: 10_000,
  random: Math.random,
  sleep: async (milliseconds, signal) => {
    await delay(milliseconds, undefined, { signal });
  },
};

/**
 * Asks again when a store fails with a RetryableError, a bounded number of times, after growing waits with jitter
 * (never shorter than the error's `retryAfterMs`). Every other error passes at once.
 */
export function retryingFileStore(store: FileStore, policy: Partial<RetryPolicy> = {}): FileStore {
  return new RetryingFileStore(store, { ...DEFAULT_POLICY, ...policy });
}

class RetryingFileStore implements FileStore {
  readonly description: string;
  readonly hasArchive: boolean;

  constructor(
    private readonly store: FileStore,
    private readonly policy: RetryPolicy,
  ) {
    this.description = store.description;
    this.hasArchive = store.hasArchive;
  }

  /** A listing that broke off starts again from the beginning; what was handed out already is not handed out twice. */
  async *list(directory: string, signal?: AbortSignal): AsyncIterable<StoredFile> {
    const given = new Set<string>();
    for (let attempt = 1; ; attempt += 1) {
      try {
        for await (const file of this.store.list(directory, signal)) {
          if (given.has(file.path)) continue;
          given.add(file.path);
          yield file;
        }
        return;
      } catch (error) {
        await this.#waitOrThrow(error, attempt, signal);
      }
    }
  }

  async read(path: string, range?: ByteRange, signal?: AbortSignal): Promise<Buffer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.store.read(path, range, signal);
      } catch (error) {
        await this.#waitOrThrow(error, attempt, signal);
      }
    }
  }

  async #waitOrThrow(error: unknown, attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const { attempts, firstWaitMs, longestWaitMs, random, sleep } = this.policy;
    if (!(error instanceof RetryableError) || attempt >= attempts || signal?.aborted === true) throw error;
    // A store that wants to be left alone for longer is the pipeline's business: it puts the job off.
    const asked = error.retryAfterMs ?? 0;
    if (asked > longestWaitMs) throw error;
    const wait = Math.min(firstWaitMs * 2 ** (attempt - 1), longestWaitMs);
    await sleep(Math.max(wait * (0.5 + random() / 2), asked), signal);
  }
}
