import type { ArchiveCopies, ArchiveCopy, Retrieval, Retrievals, StoredFile } from '@landfall/domain';
import { MemoryBooks } from './memory-books.js';

/** What is written in these books. */
export class MemoryRetrievals implements Retrievals {
  readonly #removed = new Set<string>();

  constructor(
    private readonly books: MemoryBooks,
    private readonly now: () => number = () => Date.now(),
  ) {}

  async retrieval(restoreId: string): Promise<Retrieval | null> {
    return this.#removed.has(restoreId) ? null : (this.books.now.restores.get(restoreId)?.retrieval ?? null);
  }

  async url(restoreId: string): Promise<string | null> {
    return (await this.retrieval(restoreId))?.url ?? null;
  }

  async removed(restoreId: string): Promise<void> {
    this.#removed.add(restoreId);
  }

  async due(): Promise<readonly string[]> {
    const due: string[] = [];
    for (const [id, { endedAt }] of this.books.now.restores) {
      const { keepHours } = (await this.retrieval(id)) ?? {};
      if (endedAt === null || keepHours === undefined) continue;
      if (endedAt.getTime() + keepHours * 3_600_000 <= this.now()) due.push(id);
    }
    return due;
  }
}

/** Copies of archived files that are there once a test says so. */
export class MemoryArchiveCopies implements ArchiveCopies {
  readonly copies = new Map<string, ArchiveCopy>();
  /** What was asked for, in order: `standard data/ab/abcd`. */
  readonly begun: string[] = [];
  removals = 0;
  /** Thrown by the next call of any kind. */
  failure: Error | null = null;

  constructor(private readonly files: readonly StoredFile[]) {}

  async list(): Promise<readonly ArchiveCopy[]> {
    this.#fail();
    return [...this.copies.values()];
  }

  async begin(path: string, priority: 'standard' | 'high'): Promise<void> {
    this.#fail();
    this.begun.push(`${priority} ${path}`);
    const sizeBytes = this.files.find((file) => file.path === path)?.sizeBytes ?? 0;
    this.copies.set(path, { path, sizeBytes, state: 'pending' });
  }

  async remove(): Promise<void> {
    this.#fail();
    this.removals += 1;
    this.copies.clear();
  }

  settle(state: ArchiveCopy['state'], paths: readonly string[] = [...this.copies.keys()]): void {
    for (const path of paths) this.copies.set(path, { ...this.copies.get(path)!, state });
  }

  #fail(): void {
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
  }
}

/** For whoever has nothing to do with archives. */
export function nothingArchived() {
  const retrievals = new MemoryRetrievals(new MemoryBooks());
  return { retrievals, copiesOf: () => Promise.resolve(new MemoryArchiveCopies([])) };
}
