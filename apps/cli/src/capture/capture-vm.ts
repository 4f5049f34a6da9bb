import { setTimeout as sleep } from 'node:timers/promises';
import { type CaptureEventView, type CaptureView, type PointView, ROUTES } from '@landfall/contract';
import { captureHasEnded, detailsOf } from '@landfall/domain';
import type { Call } from '../command-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { checkedId, REPOSITORY_NAME, VM_ID } from '../ids.js';
import { ProgressDisplay, type Progress } from '../output/progress.js';
import { formatTable } from '../output/table.js';
import { formatBytes, formatDuration } from '../output/units.js';
import type { Api } from '../stack/api.js';
import { connect } from '../stack/connect.js';
import { ApiProblem, Unreachable } from '../stack/errors.js';
import type { CaptureOptions } from './capture-options.js';

/*
 * Has the stack capture an Azure VM, and watches it to its end. The capture goes on when nobody watches any more.
 */
const LOOK_EVERY_MS = 500;
const PATIENCE_MS = 120_000;
/** What a watcher is told of its history. */
const TOLD = /^(?:capture\.(?:retried|failing|left|stopping|snapshots-taken|source-started)|disk\.stored)$/;

export async function captureVm(call: Call<CaptureOptions>, vm: string): Promise<ExitCode> {
  const { options, output, signal } = call;
  const vmId = checkedId(vm, VM_ID);
  const repository = checkedId(options.repo, REPOSITORY_NAME);
  const { api } = connect(options.data);
  const began = performance.now();
  const body = { vmId, repository, stop: options.stop === true };
  const asked = await api.ask(ROUTES.createCapture, { body, signal });
  output.say(`Capture ${asked.id} is under way; it goes on when this call is interrupted.`);
  const capture = await watch(api, asked.id, call);
  const point = capture.state === 'completed' ? await pointOf(api, capture, output.say.bind(output)) : null;
  const shown = { ...capture, restorePoint: point?.id ?? null };
  output.print(shown, () => textOf(capture, point, (performance.now() - began) / 1000));
  return capture.state === 'completed' ? EXIT.done : EXIT.failed;
}

async function watch(api: Api, id: string, { output, signal }: Call<CaptureOptions>): Promise<CaptureView> {
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

/** Lets the stack find the new point at once; that it can't does not undo the capture. */
async function pointOf(
  api: Api,
  { id, repository }: CaptureView,
  say: (line: string) => void,
): Promise<PointView | null> {
  try {
    await api.ask(ROUTES.rescanRepository, { params: { name: repository } });
    return await api.ask(ROUTES.showRestorePoint, { params: { id } });
  } catch (error) {
    say(`The point is stored; reading the repository anew failed: ${detailsOf(error).message}`);
    say(`"./landfall repo rescan ${repository}" tries again.`);
    return null;
  }
}

function textOf(capture: CaptureView, point: PointView | null, seconds: number): string {
  if (capture.state !== 'completed') {
    const { message = '', fix = '' } = capture.error ?? {};
    return [`Capture ${capture.id} is ${capture.state}.`, message, fix].filter(Boolean).join(' ');
  }
  const moment = capture.oneState === true ? 'Its disks are of one moment.' : 'Each disk is of a moment of its own.';
  return [
    `The restore point ${point?.id ?? capture.id} of ${capture.machine} was made in ${formatDuration(seconds)}. ${moment}`,
    formatTable(
      ['  disk', 'size', 'from'],
      capture.disks.map(({ name, sizeBytes, diskId }) => [`  ${name}`, formatBytes(sizeBytes), diskId]),
    ),
  ].join('\n');
}
