import { open } from 'node:fs/promises';
import path from 'node:path';
import { backUp } from './back-up.js';
import { BuiltCheckout, THIS, type RestoreView } from './built-checkout.js';
import { middle, round } from './figures.js';
import type { Report } from './report.js';
import { inFolder } from './working-folder.js';

/*
 * What it costs to steer a restore through its steps: a disk without any data is restored to a new VM through all services of
 * this build, again and again, in an emulated Azure that makes nobody wait. What is left is Landfall's own time. It is read
 * from the books: from the request's entry to the restore's end, and likewise of each step.
 */
export interface EmptyRestoreOptions {
  readonly repeat: number;
}

export interface EmptyRestore {
  readonly seconds: number;
  /** Of each step that ran, by its id. */
  readonly steps: Readonly<Record<string, number>>;
}

/** So long it may take, as the median of all. */
export const MOST_SECONDS = 2;
const SIZE_BYTES = 256 * 2 ** 20;

export async function emptyRestore(options: EmptyRestoreOptions, say: (line: string) => void): Promise<Report> {
  return inFolder(say, async (folder, uses) => {
    const disk = path.join(folder, 'disk.raw');
    const file = await open(disk, 'w');
    await file.truncate(SIZE_BYTES);
    await file.close();
    const build = uses(new BuiltCheckout(THIS, path.join(folder, 'stack')));
    const point = await build.start(await backUp(folder, disk));
    say('One that is not counted: whoever comes first loads all its files from the disk.');
    await build.restore(point, 'warm-up');
    const restores: EmptyRestore[] = [];
    for (let turn = 1; turn <= options.repeat; turn += 1) {
      const measured = timesOf(await build.restore(point, `empty-${turn}`));
      say(`  ${measured.seconds.toFixed(2)} s`);
      restores.push(measured);
    }
    return reportOf(restores);
  });
}

export function timesOf(restore: RestoreView): EmptyRestore {
  const steps = restore.steps.flatMap(({ id, startedAt, endedAt }) =>
    startedAt === null || endedAt === null ? [] : [[id, secondsBetween(startedAt, endedAt)] as const],
  );
  return { seconds: secondsBetween(restore.createdAt, restore.endedAt ?? ''), steps: Object.fromEntries(steps) };
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1_000;
}

export function reportOf(restores: readonly EmptyRestore[]): Report {
  const exact = middle(restores.map(({ seconds }) => seconds));
  const holds = exact <= MOST_SECONDS;
  const steps = Object.keys(restores[0]?.steps ?? {}).map(
    (id) => [id, middle(restores.map((restore) => restore.steps[id] ?? 0))] as const,
  );
  const rest = exact - steps.reduce((sum, [, seconds]) => sum + seconds, 0);
  return {
    data: {
      benchmark: 'empty-restore',
      results: restores.map(({ seconds }) => ({ seconds: round(seconds) })),
      medianSeconds: round(exact),
      steps: Object.fromEntries(steps.map(([id, seconds]) => [id, round(seconds)])),
      mostSeconds: MOST_SECONDS,
      holds,
    },
    table: [
      ...[['step', 'median s'], ...steps, ['between them', rest] as const].map(
        ([name, seconds]) =>
          String(name).padEnd(24) + (typeof seconds === 'number' ? seconds.toFixed(2) : seconds!).padStart(10),
      ),
      '',
      `An empty restore takes ${exact.toFixed(2)} s (median of ${restores.length}): ${holds ? 'not more' : 'more'} than ${MOST_SECONDS}.`,
    ].join('\n'),
  };
}
