import type { Capture, CapturePatch, CaptureTransaction } from '@landfall/domain';
import { CAPTURE_JOB, captureJobId, QUEUES } from '../queues.js';

/** The capture's next run: a higher epoch and its job, in one transaction. Every job that was sent before is stale from then on. */
export async function dispatchCapture(
  tx: CaptureTransaction,
  { id, epoch: before }: Pick<Capture, 'id' | 'epoch'>,
  { patch = {}, delayMs = 0 }: { patch?: CapturePatch; delayMs?: number } = {},
): Promise<void> {
  const epoch = before + 1;
  await tx.patchCapture(id, { ...patch, epoch, begun: false });
  await tx.enqueue({
    queue: QUEUES.captures,
    jobId: captureJobId(id, epoch),
    name: CAPTURE_JOB,
    payload: { captureId: id, epoch },
    delayMs,
  });
}
