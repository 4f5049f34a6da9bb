import {
  ConflictError,
  hasEnded,
  NotFoundError,
  placesOf,
  restorePointId,
  type Catalogue,
  type DiscoveredPoint,
  type Machine,
  type RepositoryRecord,
  type Restore,
  type RestorePoint,
} from '@landfall/domain';

type Added = Parameters<Catalogue['addRepository']>[0];

interface Kept extends Added {
  addedAt: Date;
  scannedAt: Date | null;
  /** The number of the scan that was begun last, and of the one whose points are shown. */
  lastScan: number;
  shownScan: number;
}

/** Repositories, machines and points in memory. `restores` tells which of them are being restored. */
export class MemoryCatalogue implements Catalogue {
  readonly #repositories = new Map<string, Kept>();
  readonly #scanned: ((ids: readonly string[]) => void)[] = [];
  #points: RestorePoint[] = [];

  constructor(private readonly restores: () => Promise<readonly Restore[]> = async () => []) {}

  /** Tells after every scan which points its repository has. */
  whenScanned(tell: (ids: readonly string[]) => void): void {
    this.#scanned.push(tell);
  }

  async addRepository(repository: Added): Promise<void> {
    if (this.#repositories.has(repository.name)) {
      throw new ConflictError({
        code: 'REPOSITORY_EXISTS',
        message: `There is a repository named ${repository.name} already.`,
        fix: 'Choose another name, or remove that repository first.',
      });
    }
    this.#repositories.set(repository.name, {
      ...repository,
      ...{ addedAt: new Date(), scannedAt: null, lastScan: 0, shownScan: 0 },
    });
  }

  async repository(name: string): Promise<RepositoryRecord | null> {
    return (await this.repositories()).find((repository) => repository.name === name) ?? null;
  }

  async repositories(): Promise<readonly RepositoryRecord[]> {
    return [...this.#repositories.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ sealedPassword: _password, lastScan: _last, shownScan: _shown, ...repository }) => ({
        ...repository,
        points: this.#countsOf(repository.name).points,
      }));
  }

  async sealedPassword(name: string): Promise<string | null> {
    return this.#repositories.get(name)?.sealedPassword ?? null;
  }

  async removeRepository(name: string): Promise<boolean> {
    const [user] = await this.#usersOf(name);
    if (user) {
      throw new ConflictError({
        code: 'REPOSITORY_IN_USE',
        message: `Restore ${user.id} reads from repository ${name} and has not ended.`,
        fix: 'Wait for it, or cancel it, then remove the repository.',
      });
    }
    this.#points = this.#points.filter((point) => point.repositoryName !== name);
    return this.#repositories.delete(name);
  }

  async beginScan(repositoryName: string): Promise<number> {
    return (this.#kept(repositoryName).lastScan += 1);
  }

  async replacePoints(
    repositoryName: string,
    points: readonly DiscoveredPoint[],
    scan?: number,
    unread: readonly string[] = [],
  ): Promise<{ machines: number; points: number }> {
    const repository = this.#kept(repositoryName);
    if (scan !== undefined && scan < repository.shownScan) return this.#countsOf(repositoryName);
    const used = new Set((await this.#usersOf(repositoryName)).map((restore) => restore.request.restorePointId));
    const latest = new Map(
      points
        .toSorted((a, b) => a.takenAt.getTime() - b.takenAt.getTime())
        .map(({ machineKey, machineName, aliases }) => [machineKey, { machineName, aliases }]),
    );
    const fresh = points.map((point) => ({
      ...structuredClone(point),
      ...latest.get(point.machineKey),
      id: restorePointId(repositoryName, point.reference),
      repositoryName,
      machineId: `m-${repositoryName}-${point.machineKey}`,
    }));
    const stays = ({ id, reference }: RestorePoint): boolean =>
      used.has(id) || (unread.includes(reference) && !fresh.some((found) => found.id === id));
    this.#points = [
      ...this.#points.filter((point) => point.repositoryName !== repositoryName || stays(point)),
      ...fresh.filter((point) => !used.has(point.id)),
    ];
    repository.scannedAt = new Date();
    repository.shownScan = scan ?? repository.lastScan;
    const ids = this.#points.filter((point) => point.repositoryName === repositoryName).map(({ id }) => id);
    for (const tell of this.#scanned) tell(ids);
    return this.#countsOf(repositoryName);
  }

  async machines(): Promise<readonly Machine[]> {
    const ids = [...new Set(this.#points.map((point) => point.machineId))];
    return ids
      .flatMap((id) => {
        const points = this.#newestFirst().filter((point) => point.machineId === id);
        const [newest] = points;
        if (!newest) return [];
        const { machineName: name, aliases, repositoryName, takenAt: latestPointAt } = newest;
        return [{ id, name, aliases, repositoryName, points: points.length, latestPointAt, ...placesOf(newest.disks) }];
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async findMachines(text: string): Promise<readonly Machine[]> {
    return (await this.machines()).filter(
      ({ id, name, aliases }) => id === text || name.toLowerCase() === text.toLowerCase() || aliases.includes(text),
    );
  }

  async points(machineIds?: readonly string[]): Promise<readonly RestorePoint[]> {
    return this.#newestFirst().filter((point) => !machineIds || machineIds.includes(point.machineId));
  }

  async point(id: string): Promise<RestorePoint | null> {
    return this.#points.find((point) => point.id === id) ?? null;
  }

  async findPoints(text: string): Promise<readonly RestorePoint[]> {
    const all = this.#newestFirst();
    const exact = all.filter((point) => point.id === text || point.reference === text);
    if (exact.length > 0 || text.length < 6) return exact;
    return all.filter((point) => point.id.startsWith(text) || point.reference.startsWith(text));
  }

  #kept(name: string): Kept {
    const repository = this.#repositories.get(name);
    if (repository) return repository;
    throw new NotFoundError({
      code: 'REPOSITORY_NOT_FOUND',
      message: `There is no repository named ${name}.`,
      fix: 'List the repositories to see their names.',
    });
  }

  #countsOf(repositoryName: string): { machines: number; points: number } {
    const held = this.#points.filter((point) => point.repositoryName === repositoryName);
    return { machines: new Set(held.map((point) => point.machineId)).size, points: held.length };
  }

  /** Restores that have not ended and use a point of this repository. */
  async #usersOf(repositoryName: string): Promise<readonly Restore[]> {
    const ids = this.#points.filter((point) => point.repositoryName === repositoryName).map((point) => point.id);
    return (await this.restores()).filter(
      (restore) => !hasEnded(restore.state) && ids.includes(restore.request.restorePointId),
    );
  }

  #newestFirst(): RestorePoint[] {
    return this.#points.toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime() || (a.id < b.id ? -1 : 1));
  }
}
