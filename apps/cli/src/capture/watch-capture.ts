import { setTimeout as sleep } from 'node:timers/promises';
import { type CaptureEventView, type CaptureView, ROUTES } from '@landfall/contract';
import { captureHasEnded } from '@landfall/domain';
import type { Call } from '../command-line.js';
import { ProgressDisplay, type Progress } from '../output/progress.js';
import type { Api } from '../stack/api.js';
import { ApiProblem, Unreachable } from '../stack/errors.js';

const LOOK_EVERY_MS = 500;
const PATIENCE_MS = 120_000;
/** What a watcher is told of its history. */
const TOLD = /^(?:capture\.(?:retried|failing|left|stopping|snapshots-taken|source-started)|disk\.stored)$/;

/** Until it has ended, however. It goes on when nobody watches any more. */
export async function watchCapture(
  api: Api,
  id: string,
  { output, signal }: Pick<Call, 'output' | 'signal'>,
): Promise<CaptureView> {
  const display = new ProgressDisplay(output.terminal.stderr);
  let heardAt = performance.now();
  let after = 0;
  try {
    for (;;) {
      try {
        const capture = await api.ask(ROUTES.showCapture, { params: { id }, signal });
        const events = await api.ask(ROUTES.listCaptureEvents, {
          params: { id },
          query: { after: `${after}` },
          signal,
        });
        heardAt = performance.now();
        for (const event of events) tell(event, display);
        after = events.at(-1)?.sequence ?? after;
        display.show(progressOf(capture));
        if (captureHasEnded(capture.state)) return capture;
      } catch (error) {
        signal.throwIfAborted();
        const mayPass = error instanceof Unreachable || (error instanceof ApiProblem && error.status >= 500);
        if (!mayPass || performance.now() - heardAt > PATIENCE_MS) throw error;
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
  } finally {
    display.end();
  }
}

function tell({ type, message }: CaptureEventView, display: ProgressDisplay): void {
  if (TOLD.test(type)) display.say(message);
}

function progressOf({ state, disks, takenAt }: CaptureView): Progress {
  const isMoving = state === 'running' && takenAt !== null && disks.some(({ stored }) => !stored);
  if (!isMoving) return { label: state, bytesDone: 0, bytesTotal: 0 };
  const index = disks.findIndex(({ stored }) => !stored);
  const sum = (of: 'bytesDone' | 'sizeBytes') => disks.reduce((total, disk) => total + disk[of], 0);
  const label = `disk ${index + 1} of ${disks.length}, ${disks[index]?.name}`;
  return { label, bytesDone: sum('bytesDone'), bytesTotal: sum('sizeBytes') };
}
