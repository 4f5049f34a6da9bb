import { setTimeout as pause } from 'node:timers/promises';
import { detailsOf, LandfallError, type PointSurveys, type RestorePoint } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import type { OpenRepositories } from '@landfall/repository';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { surveyPoint } from '../facts/look-into-point.js';

/*
 * Surveys the points that scans have found: what their disks show and which blobs they are made of goes into the books, for
 * the day on which their bytes are archived.
 *
 * A scan's caller waits for a while, so that few points are surveyed when the scan is answered. What is left over, by a repository
 * with thousands of points or a planner that has died, is done between times, by any planner, the newest first.
 */
export interface PointSurveyorPorts {
  readonly surveys: PointSurveys;
  readonly repositories: Pick<OpenRepositories, 'useAsItIsNow'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** One that takes longer is lent to another planner as well; the later one of the two surveys is kept. */
const LENT_SECONDS = 15 * 60;
const SCAN_WAITS_MS = 10_000;
const LOOK_EVERY_MS = 30_000;
const CLEAR_EVERY_MS = 60 * 60_000;

export class PointSurveyor implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #clearedAt: number | null = null;

  constructor(private readonly ports: PointSurveyorPorts) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.lookForPoints(), LOOK_EVERY_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort(new Error('The planner stops.'));
    await Promise.all(this.#underWay);
  }

  /** Surveys this repository's points, until all are or the time is up. What fails is left to the next round. */
  async surveyAfterScan(repositoryName: string): Promise<void> {
    const stop = new AbortController();
    const isUp = pause(SCAN_WAITS_MS, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
    let goOn = true;
    await Promise.race([this.#surveyAll(() => goOn, repositoryName), isUp]);
    goOn = false;
    stop.abort();
  }

  /** One round over all repositories, unless one is under way. */
  async lookForPoints(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    await this.#surveyAll(() => true);
    await this.#attempt(() => this.#clear());
    this.#looking = false;
  }

  #surveyAll(goOn: () => boolean, repositoryName?: string): Promise<void> {
    return this.#attempt(async () => {
      while (goOn() && !this.#stop.signal.aborted) {
        const point = await this.ports.surveys.lend(LENT_SECONDS, repositoryName);
        if (point === null) return;
        await this.#survey(point);
      }
    });
  }

  async #survey(point: RestorePoint): Promise<void> {
    const { surveys, repositories, log } = this.ports;
    const { signal } = this.#stop;
    try {
      const survey = await repositories.useAsItIsNow(point.repositoryName, (repository) =>
        surveyPoint(repository, point, signal),
      );
      await surveys.keep(point.id, survey);
    } catch (error) {
      if (signal.aborted || !(error instanceof LandfallError) || error.kind !== 'permanent') throw error;
      await surveys.refuse(point.id, detailsOf(error));
      log.info({ point: point.id, error: detailsOf(error) }, 'What the disks of this point hold can’t be noted.');
    }
  }

  async #clear(): Promise<void> {
    const now = performance.now();
    if (this.#clearedAt !== null && now - this.#clearedAt < CLEAR_EVERY_MS) return;
    await this.ports.surveys.clear();
    this.#clearedAt = now;
  }

  /** Never rejects: what was not done is found undone by the next round. */
  #attempt(work: () => Promise<void>): Promise<void> {
    const attempt: Promise<void> = work()
      .catch((error: unknown) => {
        if (this.#stop.signal.aborted) return;
        this.ports.log.warn({ error: detailsOf(error) }, 'The points of the repositories are looked into later.');
      })
      .finally(() => this.#underWay.delete(attempt));
    this.#underWay.add(attempt);
    return attempt;
  }
}
