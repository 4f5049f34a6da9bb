import {
  captureHasEnded,
  detailsOf,
  isCurrentRun,
  kindOf,
  LandfallError,
  PermanentError,
  RetryableError,
  WaitingError,
  type Capture,
  type CaptureBooks,
  type CaptureEnd,
  type CaptureRun,
  type CaptureTransaction,
} from '@landfall/domain';
import { PLANNER_JOBS, QUEUES } from '../queues.js';
import { backOffMs, STEP_ATTEMPTS } from '../retry-policy.js';
import { dispatchCapture } from './dispatch-capture.js';

/*
 * What moves a capture on. It has two kinds of runs: forward, which ends by deciding how the capture ends; and back, which takes
 * away what it has made that is not the restore point, and starts a VM again that it has stopped.
 *
 *   forward, done          → its end is `completed`: a run goes back
 *   forward, permanent     → its end is `failed`, with the error: a run goes back
 *   forward, retryable     → dispatched again after a back-off; attempts used up: as permanent
 *   waiting                → dispatched again after its delay, no attempt counted
 *   interrupted            → dispatched again at once, no attempt counted (shutdown, lost lock, cancelled meanwhile)
 *   back, done             → the capture has ended as was decided
 *   back, failed           → dispatched again after a back-off, for as long as it takes: else a VM stays stopped
 *
 * A job of a process that has died is given out again and finds that its run was begun: that counts as a failed attempt.
 */
export type CaptureResult =
  { readonly kind: 'done' } | { readonly kind: 'failed'; readonly error: unknown } | { readonly kind: 'interrupted' };

export interface BegunCapture {
  readonly capture: Capture;
  readonly run: CaptureRun;
}

/** Null: the job is stale and must be dropped. */
export async function beginCapture(
  captures: CaptureBooks,
  { captureId, epoch }: Pick<CaptureRun, 'captureId' | 'epoch'>,
): Promise<BegunCapture | null> {
  return captures.transaction(async (tx) => {
    const capture = await tx.lockCapture(captureId);
    if (capture?.epoch !== epoch || captureHasEnded(capture.state)) return null;
    if (capture.begun) {
      await failed(tx, capture, processDied(capture));
      return null;
    }
    if (capture.state === 'queued') {
      await tx.moveCapture(captureId, { from: 'queued', epoch }, 'running');
      await tx.addEvent(captureId, 'capture.running', 'The capture has begun.');
    }
    await tx.patchCapture(captureId, { begun: true });
    const run = { captureId, epoch, goesBack: capture.outcome !== null };
    return { capture: { ...capture, state: capture.state === 'queued' ? 'running' : capture.state, begun: true }, run };
  });
}

/** Returns false when the run is stale and what came of it was dropped. */
export async function recordCapture(captures: CaptureBooks, run: CaptureRun, result: CaptureResult): Promise<boolean> {
  return captures.transaction(async (tx) => {
    const capture = await tx.lockCapture(run.captureId);
    if (capture?.epoch !== run.epoch || !capture.begun || captureHasEnded(capture.state)) return false;
    // Its end was decided while this run went forward: whatever came of it, the next one cleans up.
    if (!isCurrentRun(capture, run) || result.kind === 'interrupted') await dispatchCapture(tx, capture);
    else if (result.kind === 'failed') await failed(tx, capture, result.error);
    else if (run.goesBack) await ended(tx, capture);
    else await decided(tx, capture, 'completed');
    return true;
  });
}

/** Sends one out again whose job is provably gone. */
export async function redispatchCapture(captures: CaptureBooks, { id, epoch }: Capture): Promise<boolean> {
  return captures.transaction(async (tx) => {
    const capture = await tx.lockCapture(id);
    if (capture?.epoch !== epoch || captureHasEnded(capture.state)) return false;
    if (capture.begun) await failed(tx, capture, processDied(capture));
    else await dispatchCapture(tx, capture);
    return true;
  });
}

async function failed(tx: CaptureTransaction, capture: Capture, error: unknown): Promise<void> {
  const { id, outcome } = capture;
  const { code, message, fix } = detailsOf(error);
  const kind = kindOf(error);
  if (kind === 'waiting') {
    const delayMs = error instanceof WaitingError ? error.retryAfterMs : 0;
    return dispatchCapture(tx, capture, { delayMs });
  }
  const attempts = capture.attempts + 1;
  const mayBeTriedAgain = outcome !== null || (kind === 'retryable' && attempts < STEP_ATTEMPTS);
  if (!mayBeTriedAgain) return decided(tx, capture, 'failed', error);
  const atLeastMs = error instanceof RetryableError ? error.retryAfterMs : undefined;
  await tx.addEvent(id, 'capture.retried', message, { code, fix, attempts });
  await dispatchCapture(tx, capture, { patch: { attempts }, delayMs: backOffMs(attempts, atLeastMs) });
}

/** Written together with its reason: whoever comes by later comes to the same end. */
async function decided(tx: CaptureTransaction, capture: Capture, outcome: CaptureEnd, error?: unknown): Promise<void> {
  const reason = outcome === 'failed' ? { error: detailsOf(error) } : {};
  await dispatchCapture(tx, capture, { patch: { outcome, attempts: 0, ...reason } });
  const message = reason.error?.message ?? 'All disks and the model are stored; the snapshots are removed now.';
  await tx.addEvent(capture.id, outcome === 'failed' ? 'capture.failing' : 'capture.stored', message, {
    ...(reason.error ? { code: reason.error.code, fix: reason.error.fix } : {}),
  });
}

async function ended(tx: CaptureTransaction, { id, state, epoch, outcome, repositoryName }: Capture): Promise<void> {
  if (outcome === null) throw new Error(`Nothing is decided of capture ${id}.`);
  await tx.moveCapture(id, { from: state, epoch }, outcome, { begun: false });
  await tx.addEvent(id, `capture.${outcome}`, `The capture is ${outcome}.`);
  if (outcome !== 'completed') return;
  // The catalogue learns of the new point; whoever is in a hurry has it scanned.
  const job = { queue: QUEUES.planner, jobId: `scan-${id}`, name: PLANNER_JOBS.scan };
  await tx.enqueue({ ...job, payload: { name: repositoryName } });
}

function processDied({ id }: Capture): LandfallError {
  return new RetryableError({
    code: 'PROCESS_LOST',
    message: `The process that did capture ${id} is gone.`,
    fix: 'Nothing has to be done: another one goes on where it was.',
  });
}

/** For whoever finds nothing to go on with. */
export function captureBroken(id: string, what: string): PermanentError {
  return new PermanentError({
    code: 'CAPTURE_BROKEN',
    message: `Of capture ${id} ${what}.`,
    fix: 'Capture the VM again; report this with the log of the provisioner if it happens again.',
  });
}
