/*
 * Things that are dear to open, lent out by key to any number of borrowers at once, and kept for a while after the last has
 * given them back: at most `idle` of them, the least recently used go first, and none for longer than it is good. What was
 * retired is lent to nobody any more and closed as soon as nobody has it.
 */
interface Entry<T> {
  readonly thing: Promise<T>;
  readonly goodUntil: number;
  borrowers: number;
  retired: boolean;
  closing?: Promise<void>;
}

export interface LendingCacheOptions<T> {
  /** How many may stay open that nobody has. */
  readonly idle: number;
  readonly close: (thing: T) => Promise<void>;
  /** Whether one may be lent again whose work has failed with this; left out: none may. */
  readonly isGoodAfter?: (error: unknown) => boolean;
  readonly now?: () => number;
}

export interface Wish {
  /** For how long it is good, in milliseconds; after that it is opened anew. */
  readonly goodForMs: number;
  /** It is opened now, and takes the place of the one that is open. */
  readonly fresh?: boolean;
}

export interface Lent<T> {
  readonly thing: T;
  /** It was open already, so it may be older than what it was made from. */
  readonly reused: boolean;
}

export class LendingCache<T> {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry<T>>();

  constructor(private readonly options: LendingCacheOptions<T>) {}

  /** Runs `work` with the thing of this key, opening it if need be. One that could not be opened is not kept. */
  async use<R>(key: string, wish: Wish, open: () => Promise<T>, work: (lent: Lent<T>) => Promise<R>): Promise<R> {
    const { entry, reused } = this.#take(key, wish, open);
    entry.borrowers += 1;
    try {
      const thing = await entry.thing.catch((error: unknown) => {
        this.#retire(key, entry);
        throw error;
      });
      return await work({ thing, reused });
    } catch (error) {
      if (this.options.isGoodAfter?.(error) !== true) this.#retire(key, entry);
      throw error;
    } finally {
      entry.borrowers -= 1;
      if (entry.retired) await this.#closeUnused(entry);
      else await this.#trim();
    }
  }

  #take(key: string, { goodForMs, fresh = false }: Wish, open: () => Promise<T>): { entry: Entry<T>; reused: boolean } {
    const now = this.options.now?.() ?? performance.now();
    const known = this.#entries.get(key);
    const reused = known !== undefined && !fresh && now < known.goodUntil;
    if (known !== undefined && !reused) this.#retire(key, known);
    const entry = reused ? known : { thing: open(), goodUntil: now + goodForMs, borrowers: 0, retired: false };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (!reused) setTimeout(() => this.#retire(key, entry), goodForMs).unref();
    return { entry, reused };
  }

  /** Closes everything that nobody has; the rest is closed when it is given back. */
  async close(): Promise<void> {
    const entries = [...this.#entries];
    for (const [key, entry] of entries) this.#retire(key, entry);
    await Promise.all(entries.map(([, entry]) => this.#closeUnused(entry)));
  }

  #retire(key: string, entry: Entry<T>): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    if (entry.retired) return;
    entry.retired = true;
    void this.#closeUnused(entry);
  }

  async #trim(): Promise<void> {
    const idle = [...this.#entries].filter(([, entry]) => entry.borrowers === 0);
    for (const [key, entry] of idle.slice(0, Math.max(0, idle.length - this.options.idle))) this.#retire(key, entry);
  }

  async #closeUnused(entry: Entry<T>): Promise<void> {
    if (entry.borrowers > 0) return;
    // What could not be opened, or not be closed, is of no use to anybody either way.
    entry.closing ??= entry.thing.then(this.options.close).catch(() => undefined);
    await entry.closing;
  }
}
