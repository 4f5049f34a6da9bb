import {
  type ErrorDetails,
  type Restore,
  type RestoreBooks,
  RetryableError,
  type Segment,
  type WorkerRegistry,
} from '@landfall/domain';
import { backOffMs, errorFrom, MOVER_STARTED, SEGMENT_DONE, SEGMENT_FAILED, STEP_ATTEMPTS } from '@landfall/pipeline';
import { handOut, type HandOutAgain, isMoving, nameOfMover, routeOf, transferStep } from '@landfall/transfer';
import type { z } from 'zod';
import type { Coordinator } from './coordinator.js';

/*
 * What data-movers report, entered into the books.
 *
 * A result counts only for the epoch under which its segment is held: one of an earlier holder says no more than that it
 * does not write the segment any more. After
 * a segment is done it is never handed out again. A failure hands it out under the next epoch, or ends the step. The
 * report that a data-mover has started means that its predecessor of the same name is gone: what that one held
 * is handed out at once, without waiting for its locks to run out.
 */
export const SEGMENT_ATTEMPTS = 8;
/** A data-mover that was told to stop gives its segment back; another takes it up. */
const GIVEN_BACK_DELAY_MS = 200;

export interface ResultPorts {
  readonly books: RestoreBooks;
  readonly workers: Pick<WorkerRegistry, 'worker'>;
  readonly coordinator: Coordinator;
}

export class MoverResults {
  constructor(private readonly ports: ResultPorts) {}

  /**
   * @param name of the job on the results queue
   * @throws z.ZodError when the payload is malformed, LandfallError when the books can't be written: repeat it then
   */
  async enter(name: string, payload: unknown): Promise<void> {
    switch (name) {
      case 'segment-done':
        return this.#done(SEGMENT_DONE.parse(payload));
      case 'segment-failed':
        return this.#failed(SEGMENT_FAILED.parse(payload));
      case 'mover-started':
        return this.#started(MOVER_STARTED.parse(payload));
    }
  }

  async #done(result: z.infer<typeof SEGMENT_DONE>): Promise<void> {
    const { books, coordinator } = this.ports;
    const segment = await books.segment(result.segmentId);
    if (segment === null) return;
    await this.#letGo(segment, result);
    await books.transaction(async (tx) => {
      const restore = await tx.lockRestore(segment.restoreId);
      // It is a fact even while the step is between two attempts; only a restore that goes back has no use for it.
      if (restore?.state !== 'running' && restore?.state !== 'needs-attention') return;
      const guard = { from: 'running', epoch: result.epoch } as const;
      if (!(await tx.moveSegment(segment.id, guard, 'done', { mover: result.mover, error: null }))) return;
      await tx.addEvent(segment.restoreId, 'segment.done', `${title(segment)} is ${past(segment)}.`, {
        ...reference(segment),
        offsetBytes: segment.offsetBytes,
        lengthBytes: segment.lengthBytes,
        epoch: result.epoch,
        mover: result.mover,
        bytesRead: result.bytesRead,
        bytesWritten: result.bytesWritten,
        bytesZero: result.bytesZero,
        milliseconds: Math.round(result.milliseconds),
      });
    });
    await coordinator.proceed(segment.restoreId);
  }

  async #failed(result: z.infer<typeof SEGMENT_FAILED>): Promise<void> {
    const { books, coordinator } = this.ports;
    const segment = await books.segment(result.segmentId);
    if (segment === null) return;
    if (segment.epoch !== result.epoch) return this.#letGo(segment, result);
    if (segment.state !== 'running' && segment.state !== 'pending') return;
    // A failure may come before the claim was granted; once it was granted to another one it is none of the segment's.
    if (segment.state === 'running' && segment.mover !== result.mover) return;
    const restore = await books.restore(segment.restoreId);
    if (!isMoving(restore)) return;

    // Who reports it may have come to nothing but waiting for the one before.
    const writerMayLive = segment.mover !== result.mover;
    if (result.kind === 'waiting') {
      return this.handOutAgain(restore, segment, result.error, { delayMs: GIVEN_BACK_DELAY_MS, writerMayLive });
    }
    const attempts = segment.attempts + 1;
    if (result.kind === 'retryable' && attempts < SEGMENT_ATTEMPTS) {
      const delayMs = backOffMs(attempts);
      return this.handOutAgain(restore, segment, result.error, { attempts, delayMs, writerMayLive });
    }
    if (!(await this.#giveUp(restore, segment, attempts, result, writerMayLive))) return;
    await coordinator.fail(restore, errorFrom(result.kind, result.error));
  }

  /** An earlier holder's run has ended: another one may be given what was handed out again meanwhile. */
  async #letGo(segment: Segment, result: { readonly epoch: number; readonly mover: string }): Promise<void> {
    if (segment.state !== 'pending' || segment.epoch === result.epoch || segment.mover !== result.mover) return;
    const guard = { from: 'pending', epoch: segment.epoch } as const;
    await this.ports.books.transaction((tx) => tx.moveSegment(segment.id, guard, 'pending', { mover: null }));
  }

  /** Records that a segment has failed for good. */
  async #giveUp(
    restore: Restore,
    segment: Segment,
    attempts: number,
    result: z.infer<typeof SEGMENT_FAILED>,
    writerMayLive: boolean,
  ): Promise<boolean> {
    return this.ports.books.transaction(async (tx) => {
      const now = await tx.lockRestore(restore.id);
      if (!isMoving(now)) return false;
      const guard = { from: segment.state, epoch: segment.epoch };
      const moved = await tx.moveSegment(segment.id, guard, 'failed', {
        ...{ attempts, error: result.error },
        ...(writerMayLive ? {} : { mover: null }),
      });
      if (!moved) return false;
      await tx.addEvent(restore.id, 'segment.failed', `${title(segment)} has failed: ${result.error.message}`, {
        ...reference(segment),
        ...result.error,
        epoch: segment.epoch,
        mover: result.mover,
        attempts,
      });
      if (result.kind === 'retryable') {
        // Its attempts were the step's: the step's own would only repeat them.
        const step = transferStep(now);
        const stepGuard = { from: step.state, epoch: step.epoch };
        await tx.moveStep(restore.id, step.id, stepGuard, 'running', { attempts: STEP_ATTEMPTS - 1 });
      }
      return true;
    });
  }

  async #started(mover: z.infer<typeof MOVER_STARTED>): Promise<void> {
    for (const restore of await this.#restoresOf(mover.workerId)) {
      const held = await this.ports.books.segments(restore.id, { states: ['running'] });
      for (const segment of held) {
        if (segment.mover === null || !isPredecessor(segment.mover, mover.mover)) continue;
        await this.lost(restore, segment, {
          code: 'MOVER_LOST',
          message: `The data-mover ${segment.mover} ended before it had finished.`,
          fix: 'Look into the log of the data-mover for its end.',
        });
      }
    }
  }

  /** Hands out a segment whose holder is gone. That counts as an attempt: a segment may be what killed it. */
  async lost(restore: Restore, segment: Segment, why: ErrorDetails): Promise<void> {
    const attempts = segment.attempts + 1;
    const writerMayLive = true;
    if (attempts < SEGMENT_ATTEMPTS) return this.handOutAgain(restore, segment, why, { attempts, writerMayLive });
    const { id: segmentId, restoreId, epoch } = segment;
    const result = { segmentId, restoreId, epoch, mover: segment.mover ?? '', kind: 'retryable', error: why } as const;
    if (await this.#giveUp(restore, segment, attempts, result, writerMayLive)) {
      await this.ports.coordinator.fail(restore, new RetryableError(why));
    }
  }

  async handOutAgain(restore: Restore, segment: Segment, why: ErrorDetails, again: HandOutAgain): Promise<void> {
    const route = routeOf(restore, segment);
    await this.ports.books.transaction(async (tx) => {
      if (!isMoving(await tx.lockRestore(restore.id))) return;
      if (!(await handOut(tx, segment, route.queue, again))) return;
      await tx.addEvent(restore.id, 'segment.retry', `${title(segment)} is handed out again: ${why.message}`, {
        ...reference(segment),
        ...why,
        epoch: segment.epoch + 1,
        mover: segment.mover,
        attempts: again.attempts ?? segment.attempts,
      });
    });
  }

  async #restoresOf(workerId: string | null): Promise<readonly Restore[]> {
    const { books, workers } = this.ports;
    if (workerId === null) {
      const running = await books.restores({ states: ['running'] });
      return running.filter((restore) => isMoving(restore) && restore.plan?.options.transfer === 'direct');
    }
    const worker = await workers.worker(workerId);
    const restore = worker === null ? null : await books.restore(worker.restoreId);
    return isMoving(restore) ? [restore] : [];
  }
}

/** A data-mover calls itself `name/instance`; a restarted one has the name, but not the instance, of the one before. */
export function isPredecessor(holder: string, started: string): boolean {
  return holder !== started && nameOfMover(holder) === nameOfMover(started);
}

function reference(segment: Segment): Record<string, unknown> {
  return { segmentId: segment.id, disk: segment.diskName, purpose: segment.purpose, index: segment.index };
}

function title(segment: Segment): string {
  return `Segment ${segment.index} of disk "${segment.diskName}"`;
}

function past(segment: Segment): string {
  return segment.purpose === 'move' ? 'written' : 'verified';
}
