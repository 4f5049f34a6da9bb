import type { ArchiveCopies, ArchiveCopy, Restore, Retrieval, Retrievals, StoredFile } from '@landfall/domain';

/** @param restores tells when restores have ended */
export class MemoryRetrievals implements Retrievals {
  readonly #planned = new Map<string, Retrieval>();

  constructor(
    private readonly restore: (id: string) => Promise<Restore | null>,
    private readonly now: () => number = () => Date.now(),
  ) {}

  async plan(restoreId: string, retrieval: Retrieval): Promise<void> {
    const files = retrieval.files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    this.#planned.set(restoreId, structuredClone({ ...retrieval, files }));
  }

  async retrieval(restoreId: string): Promise<Retrieval | null> {
    return this.#planned.get(restoreId) ?? null;
  }

  async url(restoreId: string): Promise<string | null> {
    return this.#planned.get(restoreId)?.url ?? null;
  }

  async removed(restoreId: string): Promise<void> {
    this.#planned.delete(restoreId);
  }

  async due(): Promise<readonly string[]> {
    const due: string[] = [];
    for (const [id, { keepHours }] of this.#planned) {
      const endedAt = (await this.restore(id))?.endedAt ?? null;
      if (endedAt !== null && endedAt.getTime() + keepHours * 3_600_000 <= this.now()) due.push(id);
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
  const retrievals = new MemoryRetrievals(() => Promise.resolve(null));
  return { retrievals, copiesOf: () => Promise.resolve(new MemoryArchiveCopies([])) };
}
