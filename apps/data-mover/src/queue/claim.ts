import { setTimeout as pause } from 'node:timers/promises';
import type { SegmentGrant } from '@landfall/pipeline';
import type { ApiClient } from '../session/api-client.js';
import { patiently } from '../session/patience.js';

/*
 * Claiming a segment: waits while somebody else may still write it. Once that one's lease has run out it is seen gone (on a
 * worker: killed, its lock free) before the segment is claimed in its place.
 */
const LOOK_AGAIN_MS = 500;

export interface ClaimPorts {
  readonly api: Pick<ApiClient, 'claim'>;
  /** `name/instance`. */
  readonly mover: string;
  /** Returns when that data-mover writes nothing any more. */
  readonly seeGone: (mover: string) => Promise<void>;
}

/** @throws LandfallError of the API's refusal, of `seeGone`; the signal's reason */
export async function claimSegment(
  { api, mover, seeGone }: ClaimPorts,
  segmentId: string,
  epoch: number,
  signal: AbortSignal,
  onRetry: (error: unknown) => void,
): Promise<SegmentGrant> {
  const gone: string[] = [];
  for (;;) {
    const answer = await patiently(() => api.claim(segmentId, { epoch, mover, gone }, signal), { signal, onRetry });
    if (!('heldBy' in answer)) return answer;
    if (answer.expired && !gone.includes(answer.heldBy)) {
      await seeGone(answer.heldBy);
      gone.push(answer.heldBy);
    } else {
      await pause(LOOK_AGAIN_MS, undefined, { signal });
    }
  }
}
