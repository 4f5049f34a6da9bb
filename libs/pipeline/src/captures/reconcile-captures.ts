import type { Capture, CaptureBooks, JobQueues } from '@landfall/domain';
import { captureJobId, QUEUES } from '../queues.js';
import { redispatchCapture } from './advance-capture.js';

/** What the reconciler does for captures, in the same way. Returns those that were sent out again. */
export async function reconcileCaptures(
  captures: CaptureBooks,
  queues: Pick<JobQueues, 'isLive'>,
): Promise<readonly Capture[]> {
  const sent: Capture[] = [];
  for (const capture of await captures.runnable()) {
    if (await queues.isLive(QUEUES.captures, captureJobId(capture.id, capture.epoch))) continue;
    if (await redispatchCapture(captures, capture)) sent.push(capture);
  }
  return sent;
}
