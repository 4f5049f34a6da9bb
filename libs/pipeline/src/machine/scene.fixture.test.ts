import { expect } from '@jest/globals';
import assert from 'node:assert/strict';
import type { LockedRestore, StepId, WorkRun } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest, MemoryBooks } from '@landfall/testing';
import { requestRestore } from '../request-restore.js';
import { OUTPUTS } from '../step-outputs.fixture.test.js';
import { beginWork, recordOutcome, type RunResult } from './advance.js';
import type { requestCancel } from './turn-round.js';
import type { WorkTable } from './work-table.js';

/** For tests: a restore in the books, asked for by olivia, whose works are those of a table. */
export class Scene {
  readonly books = new MemoryBooks({ locksNeeded: true, clock: () => this.now });
  restoreId = '';
  /** By the books' own clock. */
  now = new Date('2026-02-01T10:00:00Z');

  private constructor(private readonly works: WorkTable) {}

  static async requested(works: WorkTable): Promise<Scene> {
    const scene = new Scene(works);
    const order = { request: aRestoreRequest(), requestedBy: 'olivia' };
    scene.restoreId = (await requestRestore(scene.books, order)).restoreId;
    return scene;
  }

  /** @param plan what it wants done; step 0 is */
  static async planned(works: WorkTable, plan: Parameters<typeof aRestorePlan>[0]): Promise<Scene> {
    const scene = await Scene.requested(works);
    const run = await scene.begin('plan');
    await scene.books.transaction(async (tx) => {
      await tx.lockRestore(scene.restoreId);
      await tx.storePlan(scene.restoreId, aRestorePlan(plan));
    });
    await scene.end(run, doneAs('plan'));
    return scene;
  }

  async restore(): Promise<LockedRestore> {
    return (await this.books.restore(this.restoreId))!;
  }

  async run(work: string): Promise<WorkRun> {
    const found = (await this.restore()).works.findLast(({ id }) => id === work);
    assert.ok(found, `there is no ${work}`);
    return { restoreId: this.restoreId, work, epoch: found.epoch };
  }

  async begin(work: string): Promise<WorkRun> {
    const run = await this.run(work);
    assert.ok(await beginWork(this.books, run, this.works), `${work} can't begin`);
    return run;
  }

  end(run: WorkRun, result: RunResult): Promise<boolean> {
    return recordOutcome(this.books, run, result, this.works);
  }

  async does(work: string, result: RunResult = doneAs(work)): Promise<void> {
    expect(await this.end(await this.begin(work), result)).toBe(true);
  }

  async asked(person: typeof requestCancel): Promise<void> {
    await person(this.books, this.restoreId, 'olivia', this.works);
  }

  async moving(): Promise<string[]> {
    return (await this.books.runnable()).map(({ work }) => work);
  }

  async states(direction: 'back' | 'after'): Promise<unknown[]> {
    const { works } = await this.restore();
    return works
      .filter((work) => work.direction === direction)
      .map(({ id, round, state }) => `${id} ${round} ${state}`);
  }
}

export function doneAs(work: string): Extract<RunResult, { kind: 'done' }> {
  return { kind: 'done', output: work in OUTPUTS ? OUTPUTS[work as StepId] : {} };
}
