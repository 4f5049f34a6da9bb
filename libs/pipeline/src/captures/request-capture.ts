import {
  captureHasEnded,
  ConflictError,
  newCaptureId,
  NotFoundError,
  type Capture,
  type CaptureBooks,
  type CaptureRequest,
} from '@landfall/domain';
import { keyReused } from '../request-restore.js';
import { dispatchCapture } from './dispatch-capture.js';

export interface CaptureOrder {
  readonly request: CaptureRequest;
  readonly requestedBy: string;
  /** `bodyHash`: SHA-256 of the request's body, in hexadecimal; like that of no restore. */
  readonly idempotency?: { readonly key: string; readonly bodyHash: string };
}

/**
 * Writes the capture, its first job and the audit entry in one transaction. The same idempotency key with the same body
 * gives the capture that was made for it before, with `created: false`.
 * @throws PermanentError `IDEMPOTENCY_KEY_REUSED`, ConflictError `CAPTURE_UNDER_WAY`
 */
export async function requestCapture(
  captures: CaptureBooks,
  { request, requestedBy, idempotency }: CaptureOrder,
): Promise<{ captureId: string; created: boolean }> {
  return captures.transaction(async (tx) => {
    const captureId = newCaptureId();
    if (idempotency) {
      const { key, bodyHash } = idempotency;
      const claim = await tx.claimIdempotencyKey({ key, bodyHash, restoreId: captureId });
      if (claim.bodyHash !== bodyHash) throw keyReused(key, claim.restoreId);
      if (claim.restoreId !== captureId) return { captureId: claim.restoreId, created: false };
    }
    await tx.createCapture({ ...request, id: captureId, requestedBy });
    await tx.addEvent(captureId, 'capture.queued', `Asked for by ${requestedBy}.`);
    await dispatchCapture(tx, { id: captureId, epoch: 0 });
    const { vmId: vm, repositoryName: repository, stop } = request;
    const details = { vm, repository, stop };
    await tx.audit({ actor: requestedBy, action: 'capture.request', subject: captureId, details });
    return { captureId, created: true };
  });
}

/**
 * Decides that the capture ends cancelled; a run of it notices, and the next one cleans up. Asked for again it changes nothing.
 * @throws NotFoundError `CAPTURE_NOT_FOUND`; ConflictError `NOT_CANCELLABLE` when it has ended, or its end is decided
 */
export async function requestCaptureCancel(captures: CaptureBooks, id: string, actor: string): Promise<void> {
  await captures.transaction(async (tx) => {
    const capture = await tx.lockCapture(id);
    if (capture === null) throw captureNotFound(id);
    const { state, epoch, begun, outcome } = capture;
    if (state === 'cancelling') return;
    if (captureHasEnded(state) || outcome !== null) throw notCancellable(capture);
    await tx.moveCapture(id, { from: state, epoch }, 'cancelling', { outcome: 'cancelled', attempts: 0 });
    await tx.addEvent(id, 'capture.cancelling', `Cancelled by ${actor}.`);
    await tx.audit({ actor, action: 'capture.cancel', subject: id, details: {} });
    // One that runs ends by itself, and is followed then: two runs at once would get into each other's way.
    if (!begun) await dispatchCapture(tx, capture);
  });
}

export function captureNotFound(text: string): NotFoundError {
  return new NotFoundError({
    code: 'CAPTURE_NOT_FOUND',
    message: `There is no capture "${text}".`,
    fix: 'GET /v1/captures lists them.',
  });
}

function notCancellable({ id, state, outcome }: Capture): ConflictError {
  const why = captureHasEnded(state) ? `is ${state}` : `is ${outcome} but for its clean-up`;
  return new ConflictError({
    code: 'NOT_CANCELLABLE',
    message: `Capture ${id} ${why}, so it can't be cancelled.`,
    fix: 'A restore point that is not wanted is removed with restic forget.',
  });
}
