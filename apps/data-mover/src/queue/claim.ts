import { setTimeout as pause } from 'node:timers/promises';
import { detailsOf, LandfallError, WaitingError } from '@landfall/domain';
import type { Held, SegmentGrant } from '@landfall/transfer';
import type { ApiClient } from '../session/api-client.js';
import { patiently } from '../session/patience.js';

/*
 * Claiming a segment: waits while somebody else may still write it. Once that one's lease has run out it is seen gone (on a
 * worker: killed, its lock free), and what it had to say is said for it, before the segment is claimed in its place.
 *
 * One that lives may have nothing in hand any more: its job was lost with Redis' memory. It never says so again, and only
 * itself may take the segment up at once. So the job is not waited with for ever: it is put off, and goes to whoever
 * has been idle for longest. The same where there is no access to the disk yet.
 */
const LOOK_AGAIN_MS = 500;
const WAIT_MS = 5_000;

export interface ClaimPorts {
  readonly api: Pick<ApiClient, 'claim'>;
  /** `name/instance`. */
  readonly mover: string;
  /** Returns when that data-mover writes nothing any more. */
  readonly seeGone: (mover: string) => Promise<void>;
  /** Delivers what it has left. */
  readonly deliverOf: (mover: string, signal: AbortSignal) => Promise<void>;
}

/** Whoever has the segment could not be seen gone. */
export class HolderStaysError extends Error {
  constructor(
    readonly held: Held,
    override readonly cause: LandfallError,
  ) {
    super(cause.message, { cause });
  }
}

/**
 * @throws LandfallError of the API's refusal; WaitingError `SEGMENT_HELD`, `ACCESS_MISSING`: put the job off
 * @throws HolderStaysError; the signal's reason
 */
export async function claimSegment(
  { api, mover, seeGone, deliverOf }: ClaimPorts,
  segmentId: string,
  epoch: number,
  signal: AbortSignal,
  onRetry: (error: unknown) => void,
): Promise<SegmentGrant> {
  const gone: string[] = [];
  const putOffAt = performance.now() + WAIT_MS;
  const ask = (): Promise<SegmentGrant | Held | 'no access'> =>
    api.claim(segmentId, { epoch, mover, gone }, signal).catch((error: unknown) => {
      if (detailsOf(error).code === 'ACCESS_MISSING') return 'no access';
      throw error;
    });
  for (;;) {
    const answer = await patiently(ask, { signal, onRetry });
    if (answer !== 'no access' && !('heldBy' in answer)) return answer;
    if (answer !== 'no access' && answer.expired && !gone.includes(answer.heldBy)) {
      await seenGone(answer, seeGone);
      await deliverOf(answer.heldBy, signal);
      gone.push(answer.heldBy);
      continue;
    }
    const mayPass = answer === 'no access' || !answer.expired;
    if (mayPass && performance.now() >= putOffAt) throw putOff(segmentId, answer);
    await pause(LOOK_AGAIN_MS, undefined, { signal });
  }
}

async function seenGone(held: Held, seeGone: (mover: string) => Promise<void>): Promise<void> {
  try {
    await seeGone(held.heldBy);
  } catch (error) {
    throw error instanceof LandfallError ? new HolderStaysError(held, error) : error;
  }
}

function putOff(segmentId: string, why: Held | 'no access'): WaitingError {
  const retry = { retryAfterMs: LOOK_AGAIN_MS };
  if (why === 'no access') {
    const message = `segment ${segmentId} is of a disk to which there is no access just now.`;
    return new WaitingError(
      { code: 'ACCESS_MISSING', message, fix: 'Nothing has to be done: it is granted soon.' },
      retry,
    );
  }
  const message = `segment ${segmentId} may still be written by the data-mover ${why.heldBy}, which lives.`;
  return new WaitingError(
    { code: 'SEGMENT_HELD', message, fix: 'Nothing has to be done: it is taken up later.' },
    retry,
  );
}
