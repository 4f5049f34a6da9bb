import type { BlobListPart, ErrorDetails, PointSurvey, PointSurveys, RestorePoint } from '@landfall/domain';
import type { MemoryCatalogue } from './memory-catalogue.js';

interface Kept {
  lentUntil: number;
  /** Of the point's disks when it was surveyed. */
  locations?: readonly string[];
  survey?: PointSurvey;
  refusal?: ErrorDetails;
}

const CLEARED_AFTER_MS = 24 * 60 * 60_000;

/** The surveys of the points of a catalogue in memory. */
export class MemoryPointSurveys implements PointSurveys {
  readonly #kept = new Map<string, Kept>();
  readonly #parts = new Map<string, { part: BlobListPart; keptAt: number }>();

  constructor(
    private readonly catalogue: MemoryCatalogue,
    private readonly now: () => number = () => Date.now(),
  ) {
    catalogue.whenScanned((ids) => {
      for (const id of ids) if (this.#kept.get(id)?.refusal !== undefined) this.#kept.delete(id);
    });
  }

  async lend(seconds: number, repositoryName?: string): Promise<RestorePoint | null> {
    const now = this.now();
    const next = (await this.#points(repositoryName)).find(({ id }) => {
      const kept = this.#kept.get(id);
      return kept === undefined || (!isSettled(kept) && kept.lentUntil <= now);
    });
    if (next === undefined) return null;
    this.#kept.set(next.id, { lentUntil: now + seconds * 1_000 });
    return next;
  }

  async keep(pointId: string, survey: PointSurvey): Promise<void> {
    for (const { blobs } of survey.disks) {
      for (const part of blobs.parts) this.#parts.set(part.hash, { part, keptAt: this.now() });
    }
    const point = await this.catalogue.point(pointId);
    const locations = point?.disks.map(({ location }) => location) ?? [];
    if (point === null || survey.disks.some(({ location }) => !locations.includes(location))) return;
    this.#kept.set(pointId, { lentUntil: 0, locations, survey: structuredClone(survey) });
  }

  async refuse(pointId: string, refusal: ErrorDetails): Promise<void> {
    const kept = this.#kept.get(pointId);
    if (kept !== undefined && kept.survey === undefined) kept.refusal = refusal;
  }

  async survey(pointId: string): Promise<PointSurvey | null> {
    const survey = this.#current(pointId, await this.catalogue.point(pointId))?.survey;
    const parts = survey?.disks.flatMap(({ blobs }) => blobs.parts) ?? [];
    return survey === undefined || parts.some(({ hash }) => !this.#parts.has(hash)) ? null : survey;
  }

  async inspection(pointId: string): Promise<unknown> {
    return (await this.survey(pointId))?.inspection ?? null;
  }

  async waiting(repositoryName: string): Promise<number> {
    return (await this.#points(repositoryName)).filter(({ id }) => !isSettled(this.#kept.get(id) ?? {})).length;
  }

  async clear(): Promise<number> {
    const points = await this.#points();
    const surveys = points.flatMap(({ id }) => this.#kept.get(id)?.survey ?? []);
    const needed = new Set(
      surveys.flatMap(({ disks }) => disks.flatMap(({ blobs }) => blobs.parts.map(({ hash }) => hash))),
    );
    const before = this.#parts.size;
    for (const [hash, { keptAt }] of this.#parts) {
      if (!needed.has(hash) && keptAt < this.now() - CLEARED_AFTER_MS) this.#parts.delete(hash);
    }
    return before - this.#parts.size;
  }

  /** Newest first; of those that are gone, lie elsewhere, or could not be read at the last scan nothing is known. */
  async #points(repositoryName?: string): Promise<readonly RestorePoint[]> {
    const all = await this.catalogue.points();
    for (const id of this.#kept.keys()) this.#current(id, all.find((point) => point.id === id) ?? null);
    return all.filter(
      (point) =>
        point.kind !== 'snapshot' &&
        point.disks.length > 0 &&
        (repositoryName === undefined || point.repositoryName === repositoryName),
    );
  }

  #current(pointId: string, point: RestorePoint | null): Kept | undefined {
    const kept = this.#kept.get(pointId);
    const locations = point?.disks.map(({ location }) => location);
    const isElsewhere = kept?.locations !== undefined && String(kept.locations) !== String(locations);
    if (point === null || isElsewhere) this.#kept.delete(pointId);
    return this.#kept.get(pointId);
  }
}

function isSettled({ survey, refusal }: Partial<Kept>): boolean {
  return survey !== undefined || refusal !== undefined;
}
