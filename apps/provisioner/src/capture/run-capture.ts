import { isCurrentRun, LandfallError, type CaptureRun } from '@landfall/domain';
import { beginCapture, duringCleanUp, recordCapture, type CaptureResult, type ServiceLog } from '@landfall/pipeline';
import { goBack } from './go-back.js';
import { goForward } from './go-forward.js';
import type { CapturePorts } from './ports.js';

const LOOK_FOR_UNWANTED_EVERY_MS = 500;

/** One run of a capture, from its job to what came of it. `dropped`: the job was stale, or became so. */
export async function runCapture(
  ports: CapturePorts,
  job: Pick<CaptureRun, 'captureId' | 'epoch'>,
  signal: AbortSignal,
  log: ServiceLog,
): Promise<'recorded' | 'dropped'> {
  const { captures } = ports;
  const begun = await beginCapture(captures, job);
  if (begun === null) return 'dropped';
  const { capture, run } = begun;
  log.info(run, 'Capture taken up.');
  const unwanted = new AbortController();
  const stop = AbortSignal.any([signal, unwanted.signal]);
  const timer = setInterval(() => void stopUnwanted(ports, run, unwanted), LOOK_FOR_UNWANTED_EVERY_MS);
  let result: CaptureResult = { kind: 'done' };
  try {
    const context = { capture, run, journal: captures.journal(run), signal: stop };
    await (run.goesBack ? duringCleanUp(() => goBack(ports, context)) : goForward(ports, context));
  } catch (error) {
    if (!(error instanceof LandfallError) && !stop.aborted) log.error({ ...run, err: error }, 'An unexpected error.');
    // Whatever is thrown after it was told to stop says nothing about the capture.
    result = stop.aborted ? { kind: 'interrupted' } : { kind: 'failed', error };
  } finally {
    clearInterval(timer);
  }
  const recorded = await recordCapture(captures, run, result);
  log.info({ ...run, result: result.kind, recorded }, 'Capture put down.');
  return recorded ? 'recorded' : 'dropped';
}

/** Without Postgres nothing is known: the run goes on, and what it writes down is guarded by its epoch. */
async function stopUnwanted({ captures }: CapturePorts, run: CaptureRun, stop: AbortController): Promise<void> {
  const capture = await captures.capture(run.captureId).catch(() => null);
  if (capture !== null && !isCurrentRun(capture, run)) stop.abort(new Error('The run is not wanted any more.'));
}
