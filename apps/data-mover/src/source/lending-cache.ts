/*
 * Things that are dear to open, lent out by key to any number of borrowers at once, and kept for a while after the last has
 * given them back: at most `idle` of them, the least recently used go first. What was retired is lent to nobody any more and
 * closed as soon as nobody has it.
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
  readonly now?: () => number;
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

  /**
   * Runs `work` with the thing of this key, opening it if need be. One whose opening or whose work has failed is retired.
   * @param goodForMs after that it is opened anew
   */
  async use<R>(
    key: string,
    goodForMs: number,
    open: () => Promise<T>,
    work: (lent: Lent<T>) => Promise<R>,
  ): Promise<R> {
    const now = this.options.now ?? (() => performance.now());
    let entry = this.#entries.get(key);
    if (entry !== undefined && now() >= entry.goodUntil) {
      this.#retire(key, entry);
      entry = undefined;
    }
    const reused = entry !== undefined;
    entry ??= { thing: open(), goodUntil: now() + goodForMs, borrowers: 0, retired: false };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.borrowers += 1;
    try {
      return await work({ thing: await entry.thing, reused });
    } catch (error) {
      this.#retire(key, entry);
      throw error;
    } finally {
      entry.borrowers -= 1;
      if (entry.retired) await this.#closeUnused(entry);
      else await this.#trim();
    }
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
