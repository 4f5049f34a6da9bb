import { setTimeout as pause } from 'node:timers/promises';
import { WaitingError } from '@landfall/domain';
import type { SegmentGrant } from '@landfall/transfer';
import type { ApiClient } from '../session/api-client.js';
import { patiently } from '../session/patience.js';

/*
 * Claiming a segment: waits while somebody else may still write it. Once that one's lease has run out it is seen gone (on a
 * worker: killed, its lock free) before the segment is claimed in its place.
 *
 * One that lives may have nothing in hand any more: its report was lost with Redis' memory. It never says so again, and only
 * itself may take the segment up at once. So the job is not waited with for ever: it is given back, and goes to whoever
 * has been idle for longest.
 */
const LOOK_AGAIN_MS = 500;
const WAIT_FOR_LIVING_MS = 5_000;

export interface ClaimPorts {
  readonly api: Pick<ApiClient, 'claim'>;
  /** `name/instance`. */
  readonly mover: string;
  /** Returns when that data-mover writes nothing any more. */
  readonly seeGone: (mover: string) => Promise<void>;
}

/** @throws LandfallError of the API's refusal, of `seeGone`, WaitingError `SEGMENT_HELD`; the signal's reason */
export async function claimSegment(
  { api, mover, seeGone }: ClaimPorts,
  segmentId: string,
  epoch: number,
  signal: AbortSignal,
  onRetry: (error: unknown) => void,
): Promise<SegmentGrant> {
  const gone: string[] = [];
  const giveBackAt = performance.now() + WAIT_FOR_LIVING_MS;
  for (;;) {
    const answer = await patiently(() => api.claim(segmentId, { epoch, mover, gone }, signal), { signal, onRetry });
    if (!('heldBy' in answer)) return answer;
    if (answer.expired && !gone.includes(answer.heldBy)) {
      await seeGone(answer.heldBy);
      gone.push(answer.heldBy);
    } else {
      if (!answer.expired && performance.now() >= giveBackAt) throw held(segmentId, answer.heldBy);
      await pause(LOOK_AGAIN_MS, undefined, { signal });
    }
  }
}

function held(segmentId: string, by: string): WaitingError {
  return new WaitingError(
    {
      code: 'SEGMENT_HELD',
      message: `segment ${segmentId} may still be written by the data-mover ${by}, which lives.`,
      fix: 'Nothing has to be done: it is handed out again.',
    },
    { retryAfterMs: LOOK_AGAIN_MS },
  );
}
