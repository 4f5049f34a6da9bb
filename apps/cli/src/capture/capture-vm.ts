import { type CaptureView, type PointView, ROUTES } from '@landfall/contract';
import { detailsOf } from '@landfall/domain';
import type { Call } from '../command-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { checkedId, REPOSITORY_NAME, VM_ID } from '../ids.js';
import { formatTable } from '../output/table.js';
import { formatBytes, formatDuration } from '../output/units.js';
import type { Api } from '../stack/api.js';
import { connect } from '../stack/connect.js';
import type { CaptureOptions } from './capture-options.js';
import { watchCapture } from './watch-capture.js';

/*
 * Has the stack capture an Azure VM, and watches it to its end. The capture goes on when nobody watches any more.
 */
export async function captureVm(call: Call<CaptureOptions>, vm: string): Promise<ExitCode> {
  const { options, output, signal } = call;
  const vmId = checkedId(vm, VM_ID);
  const repository = checkedId(options.repo, REPOSITORY_NAME);
  const { api } = connect(options.data);
  const began = performance.now();
  const body = { vmId, repository, stop: options.stop === true };
  const asked = await api.ask(ROUTES.createCapture, { body, signal });
  output.say(`Capture ${asked.id} is under way; it goes on when this call is interrupted.`);
  output.say(`"./landfall cancel ${asked.id}" stops it.`);
  const capture = await watchCapture(api, asked.id, call);
  const point = capture.state === 'completed' ? await pointOf(api, capture, output.say.bind(output)) : null;
  const shown = { ...capture, restorePoint: point?.id ?? null };
  output.print(shown, () => textOf(capture, point, (performance.now() - began) / 1000));
  return capture.state === 'completed' ? EXIT.done : EXIT.failed;
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
