import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type PointView, type RestoreOrder, ROUTES } from '@landfall/contract';
import { outlineOf, PermanentError } from '@landfall/domain';
import type { Call } from '../command-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { placesText } from '../output/places-text.js';
import { restoreText } from '../output/restore-text.js';
import { formatDuration } from '../output/units.js';
import type { Connection } from '../stack/connect.js';
import {
  compareAll,
  comparisonText,
  demonstrate,
  follow,
  powerStateOf,
  type DemoOptions,
  type Stage,
} from './demo-parts.js';

/*
 * The main job, from end to end, on this machine: make a sample machine, back it up with the ordinary restic, start the
 * stack, restore to the emulated Azure, and prove by SHA-256 that the new VM's disks hold what the machine's held.
 * What it made is taken away again, however it ends, unless `--keep` is given.
 */
const run = promisify(execFile);

export function demo(call: Call<DemoOptions>): Promise<ExitCode> {
  return demonstrate(call, (stage) => play(call, stage));
}

async function play(call: Call, stage: Stage): Promise<ExitCode> {
  const { output, signal } = call;
  const { phases, workFolder, data, name, makeMachine, stackUp } = stage;
  const machine = await makeMachine();
  const repository = await phases.do(
    'restic backup',
    () => backUp(workFolder),
    ({ folder }) => folder,
  );
  const connection = await stackUp();
  const point = await phases.do(
    'repo add',
    () => addRepository(connection, name, repository),
    (found) => `restore point ${found.id} with ${found.disks.length} disks`,
  );
  const request: RestoreOrder = {
    restorePointId: point.id,
    destination: { kind: 'new', name: `landfall-${name}` },
    // There is a file system and no boot loader on the disk, so that the firmware can't be told from it.
    generation: 1,
    reason: 'demonstration',
  };
  await phases.do(
    'plan',
    () => connection.api.ask(ROUTES.planRestore, { body: request, signal }),
    (plan) =>
      `${plan.steps.filter((step) => step.applies).length} steps, ${plan.disks.length} disks, ${plan.workers.length} worker`,
  );
  const restore = await phases.do(
    'restore',
    async () =>
      follow(
        connection,
        (await connection.api.ask(ROUTES.createRestore, { body: request, signal })).id,
        'completed',
        call,
      ),
    ({ state, vm }) => `${state}, ${vm?.azureId ?? 'no VM'}`,
  );
  const power = await phases.do(
    'virtual machine',
    () => powerStateOf(connection, restore),
    (state) => state,
  );
  const disks = await phases.do(
    'compare',
    () => compareAll(connection, machine, restore),
    (compared) => `${compared.filter((disk) => disk.equal).length} of ${compared.length} disks are equal`,
  );
  for (const disk of disks) output.say(comparisonText(disk));
  output.say(`\n${restoreText(restore)}\n`);

  const equal = disks.every((disk) => disk.equal);
  const seconds = stage.seconds();
  const { api, console, dashboard } = connection.stack;
  const summary = { equal, seconds, data, phases: phases.all, disks, restore, power, api, console, dashboard };
  output.print(summary, () =>
    [
      equal ? 'The restored disks equal the sources.' : 'THE RESTORED DISKS DIFFER FROM THEIR SOURCES.',
      `Everything took ${formatDuration(seconds)}.`,
      placesText(data, connection.stack),
    ].join('\n'),
  );
  return equal ? EXIT.done : EXIT.unexpected;
}

interface DemoRepository {
  readonly folder: string;
  readonly password: string;
}

/** A plain backup, as anybody would make it: no tag, no manifest. */
async function backUp(workFolder: string): Promise<DemoRepository> {
  const repository = { folder: join(workFolder, 'repository'), password: randomBytes(12).toString('hex') };
  const env = { ...process.env, RESTIC_REPOSITORY: repository.folder, RESTIC_PASSWORD: repository.password };
  try {
    await run('restic', ['init', '--quiet'], { env });
    await run('restic', ['backup', '--quiet', '--host', 'demo', '.'], { env, cwd: join(workFolder, 'machine') });
  } catch (cause) {
    throw new PermanentError(
      {
        code: 'SAMPLE_NOT_BACKED_UP',
        message: `The sample machine could not be backed up: ${outlineOf(cause)}.`,
        fix: 'Install restic (Debian: apt-get install restic) and see that there are 2 GB of room for temporary files.',
      },
      { cause },
    );
  }
  return repository;
}

async function addRepository({ api }: Connection, name: string, repository: DemoRepository): Promise<PointView> {
  const { folder, password } = repository;
  await api.ask(ROUTES.addRepository, { body: { name, kind: 'restic', url: folder, password } });
  const points = await api.ask(ROUTES.listRestorePoints, {});
  const point = points.find((candidate) => candidate.repository === name);
  if (point !== undefined) return point;
  throw new PermanentError({
    code: 'POINT_NOT_FOUND',
    message: `No restore point was found in ${folder}.`,
    fix: 'Call again with --keep, and look into the repository with "restic snapshots".',
  });
}
