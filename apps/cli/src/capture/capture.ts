import { type PointView, ROUTES } from '@landfall/contract';
import { inspectPaths, type Inspection } from '@landfall/disk';
import { detailsOf, withoutCredentials } from '@landfall/domain';
import { Restic } from '@landfall/repository/writing';
import { MANIFEST_FILE, MANIFEST_SCHEMA, type MachineManifestInput } from '@landfall/repository/manifest';
import type { Call } from '../command-line.js';
import type { ExitCode } from '../exit-codes.js';
import { problemsText } from '../output/plan-text.js';
import { ProgressDisplay } from '../output/progress.js';
import { formatTable } from '../output/table.js';
import { formatBytes, formatDuration } from '../output/units.js';
import { repositoryPassword } from '../repository-password.js';
import { badUsage } from '../usage.js';
import type { CaptureOptions } from './capture-options.js';
import { captureVm } from './capture-vm.js';
import { diskPaths, diskTwice, planCapture, type CapturePlan } from './capture-plan.js';
import { DiskInput } from './disk-input.js';
import { repositoryLocation, type RepositoryLocation } from './repository-location.js';

/*
 * Backs up a computer's disks:
 *
 *   look into the disks (firmware, system)     nothing is stored yet
 *   each disk → restic backup --stdin          one snapshot each, all with the same tag
 *   machine.json → restic backup --stdin       last: without it the snapshots are not a restore point
 *   the stack, if it knows the repository, reads it anew
 */
interface StoredDisk {
  readonly name: string;
  readonly path: string;
  readonly file: string;
  readonly sizeBytes: number;
  readonly snapshot: string;
}

export async function capture(call: Call<CaptureOptions>): Promise<ExitCode | void> {
  const { options, output, signal } = call;
  requireOneKind(options);
  if (options.vm !== undefined) return captureVm(call, options.vm);
  const began = performance.now();
  const takenAt = new Date();
  const paths = diskPaths(options);
  const inputs = await openAll(paths);
  try {
    const inspection = await inspectPaths(paths);
    const plan = planCapture(options, inspection);
    warnOfDisks(inspection, output);
    const repository = await repositoryLocation(options.repo, options.data, signal);
    const restic = new Restic(repository.location, repositoryPassword(options.passwordFile));
    await restic.open(signal);
    let disks: readonly StoredDisk[];
    try {
      disks = await storeDisks(restic, plan, inputs, call);
      await storeManifest(restic, manifestOf(plan, disks, inspection, takenAt), plan, signal);
    } catch (error) {
      output.say(
        'The capture did not finish: no restore point was made. What it stored so far carries the tag ' +
          `${plan.tags.join(',')} and can be removed with restic forget.`,
      );
      throw error;
    }
    const point = await announce(repository, plan.pointId, output.say.bind(output));
    const seconds = (performance.now() - began) / 1000;
    const made = {
      id: point?.id ?? null,
      reference: plan.pointId,
      machine: plan.machine,
      repository: repository.known?.name ?? withoutCredentials(repository.location),
      disks,
      seconds: Number(seconds.toFixed(1)),
    };
    output.print(made, () =>
      [
        `The restore point ${made.id ?? made.reference} of ${made.machine} was made in ${formatDuration(seconds)}.`,
        formatTable(
          ['  disk', 'size', 'from', 'snapshot'],
          disks.map((disk) => [`  ${disk.name}`, formatBytes(disk.sizeBytes), disk.path, disk.snapshot]),
        ),
      ].join('\n'),
    );
  } finally {
    await Promise.all(inputs.map((input) => input.close()));
  }
}

/** @throws BadInputError `CONTRADICTION`, `USAGE` */
function requireOneKind({ vm, stop, machine, disk, volume, level, passwordFile }: CaptureOptions): void {
  if (vm === undefined && stop === true) {
    throw badUsage('CONTRADICTION', '--stop needs --vm.', 'Name the VM, or leave out --stop.');
  }
  if (vm === undefined && machine === undefined) {
    throw badUsage('USAGE', 'Neither --machine nor --vm was given.', 'Name a computer with its disks, or an Azure VM.');
  }
  const ofComputers = {
    machine,
    disk,
    volume,
    'password-file': passwordFile,
    level: level === 'volume' ? level : undefined,
  };
  const named = Object.entries(ofComputers).find(([, value]) => value !== undefined)?.[0];
  if (vm === undefined || named === undefined) return;
  throw badUsage(
    'CONTRADICTION',
    `--vm and --${named} exclude each other.`,
    'An Azure VM is captured whole, by the stack.',
  );
}

/** What no plan would restore is captured all the same, because it may be all that there is; but not without a word. */
function warnOfDisks({ problems }: Inspection, output: Call['output']): void {
  const refused = problems.filter(({ severity }) => severity === 'error');
  if (refused.length > 0) output.say(`A restore of this would be refused:\n${problemsText(refused)}`);
}

async function openAll(paths: readonly string[]): Promise<DiskInput[]> {
  const inputs: DiskInput[] = [];
  try {
    for (const path of paths) {
      const input = await DiskInput.open(path);
      const twin = inputs.find(({ identity }) => identity === input.identity);
      inputs.push(input);
      if (twin !== undefined) throw diskTwice(`${twin.path} and ${path} are one disk`);
    }
    return inputs;
  } catch (error) {
    await Promise.all(inputs.map((input) => input.close()));
    throw error;
  }
}

async function storeDisks(
  restic: Restic,
  plan: CapturePlan,
  inputs: readonly DiskInput[],
  { output, signal }: Call<CaptureOptions>,
): Promise<readonly StoredDisk[]> {
  const display = new ProgressDisplay(output.terminal.stderr);
  const stored: StoredDisk[] = [];
  try {
    for (const [index, { path, name, fileName, leftOut }] of plan.disks.entries()) {
      const input = inputs[index]!;
      const label = `disk ${index + 1} of ${plan.disks.length}, ${name}`;
      const shown = async function* () {
        let bytesDone = 0;
        for await (const chunk of input.chunks(leftOut)) {
          yield chunk;
          bytesDone += chunk.length;
          display.show({ label, bytesDone, bytesTotal: input.sizeBytes });
        }
      };
      const snapshot = await restic.backup({
        fileName,
        tags: plan.tags,
        host: plan.machine,
        content: shown(),
        signal,
      });
      stored.push({ name, path, file: fileName, sizeBytes: input.sizeBytes, snapshot });
    }
  } finally {
    display.end();
  }
  return stored;
}

async function storeManifest(
  restic: Restic,
  manifest: MachineManifestInput,
  plan: CapturePlan,
  signal: AbortSignal,
): Promise<void> {
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  const content = (async function* () {
    yield text;
  })();
  await restic.backup({ fileName: MANIFEST_FILE, tags: plan.tags, host: plan.machine, content, signal });
}

function manifestOf(
  plan: CapturePlan,
  disks: readonly StoredDisk[],
  { os, firmware }: Inspection,
  takenAt: Date,
): MachineManifestInput {
  return {
    schema: MANIFEST_SCHEMA,
    name: plan.machine,
    kind: 'computer',
    level: plan.level,
    ...(os === null ? {} : { os }),
    ...(firmware === null ? {} : { firmware }),
    takenAt: takenAt.toISOString(),
    disks: disks.map(({ name, file, sizeBytes }, index) => {
      const volumes = plan.disks[index]!.volumes;
      const place = index === 0 ? { role: 'os' as const } : { role: 'data' as const, lun: index - 1 };
      return { file, name, ...place, sizeBytes, ...(volumes === null ? {} : { volumes: [...volumes] }) };
    }),
  };
}

/** Lets the stack find the new point; that it can't does not undo the capture. */
async function announce(
  { known }: RepositoryLocation,
  reference: string,
  say: (line: string) => void,
): Promise<PointView | null> {
  if (known === null) return null;
  try {
    await known.api.ask(ROUTES.rescanRepository, { params: { name: known.name } });
    return await known.api.ask(ROUTES.showRestorePoint, { params: { id: reference } });
  } catch (error) {
    say(`The point is stored; reading the repository anew failed: ${detailsOf(error).message}`);
    say(`"./landfall repo rescan ${known.name}" tries again.`);
    return null;
  }
}
