import { access, realpath } from 'node:fs/promises';
import path from 'node:path';
import { PermanentError } from '@landfall/domain';
import { backUp } from './back-up.js';
import { BuiltCheckout, THIS } from './built-checkout.js';
import { middle, round } from './figures.js';
import type { Report } from './report.js';
import { SAMPLE_DESCRIPTION, writeSampleDisk } from './sample-disk.js';
import { inFolder } from './working-folder.js';

/*
 * A whole restore by this build against one by another build of Landfall, in pairs.
 *
 * One disk is made in memory (tmpfs) and backed up with restic. Then each build in turn starts its own local stack on a new folder,
 * with an emulated Azure that makes nobody wait, restores the disk to a new VM, and is stopped again; the restored disk is
 * compared with the original byte by byte. What is timed is the one command `restore --watch`: from the request until the
 * VM is there. Only one stack runs at a time. The median of the pairs' ratios is what counts.
 */
export interface WholeRestoreOptions {
  readonly sizeBytes: number;
  readonly pairs: number;
  /** Folder of the other build. */
  readonly against: string;
}

export interface Pair {
  readonly thisSeconds: number;
  readonly otherSeconds: number;
}

/** So much of the other's speed this build has to have. */
export const LEAST_RATIO = 0.97;

/** @throws PermanentError `CHECKOUT_NOT_BUILT`, `BENCHMARK_FAILED` with what the build has said */
export async function wholeRestore(options: WholeRestoreOptions, say: (line: string) => void): Promise<Report> {
  const other = await builtFolder(options.against);
  return inFolder(say, async (folder, uses) => {
    say(`Making a disk of ${options.sizeBytes / 2 ** 20} MiB (${SAMPLE_DESCRIPTION}), and backing it up with restic …`);
    const disk = path.join(folder, 'disk.raw');
    await writeSampleDisk(disk, options.sizeBytes, false);
    const backup = await backUp(folder, disk);
    const restoreBy = async (root: string, name: string): Promise<number> => {
      const build = uses(new BuiltCheckout(root, path.join(folder, 'stack')));
      const point = await build.start(backup);
      const begun = performance.now();
      const restore = await build.restore(point, 'bench');
      const seconds = (performance.now() - begun) / 1_000;
      await build.requireSameDisk(restore, backup.disk);
      await build.down();
      say(`  ${name.padEnd(5)} ${seconds.toFixed(2)} s`);
      return seconds;
    };
    say('Each build once, not counted: whoever comes first loads all its files from the disk.');
    await restoreBy(THIS, 'this');
    await restoreBy(other, 'other');
    const pairs: Pair[] = [];
    for (let turn = 0; turn < options.pairs; turn += 1) {
      // Whoever comes first finds other caches: the order changes with each pair.
      const first = turn % 2 === 0 ? await restoreBy(THIS, 'this') : null;
      const otherSeconds = await restoreBy(other, 'other');
      pairs.push({ thisSeconds: first ?? (await restoreBy(THIS, 'this')), otherSeconds });
    }
    return reportOf(options, pairs);
  });
}

async function builtFolder(folder: string): Promise<string> {
  try {
    const root = await realpath(folder);
    await access(BuiltCheckout.program(root));
    return root;
  } catch (cause) {
    throw new PermanentError(
      {
        code: 'CHECKOUT_NOT_BUILT',
        message: `${path.resolve(folder)} holds no built checkout of Landfall.`,
        fix: 'Give --against the folder of one, after "./landfall doctor" has been called in it.',
      },
      { cause },
    );
  }
}

/** A pair's ratio is this build's speed by the other one's. */
export function reportOf(options: WholeRestoreOptions, pairs: readonly Pair[]): Report {
  const ratios = pairs.map(({ thisSeconds, otherSeconds }) => otherSeconds / thisSeconds);
  const exact = middle(ratios);
  const holds = exact >= LEAST_RATIO;
  const rows = [
    ['pair', 'this s', 'other s', 'ratio'],
    ...pairs.map(({ thisSeconds, otherSeconds }, index) => [
      String(index + 1),
      ...[thisSeconds, otherSeconds, ratios[index]!].map((figure) => figure.toFixed(2)),
    ]),
  ];
  return {
    data: {
      benchmark: 'whole-restore',
      ...options,
      sample: SAMPLE_DESCRIPTION,
      results: pairs.map(({ thisSeconds, otherSeconds }, index) => ({
        thisSeconds: round(thisSeconds),
        otherSeconds: round(otherSeconds),
        ratio: round(ratios[index]!),
      })),
      medianRatio: Math.round(exact * 1_000) / 1_000,
      leastRatio: LEAST_RATIO,
      holds,
    },
    table: [
      ...rows.map(([pair, ...figures]) => pair!.padEnd(6) + figures.map((figure) => figure.padStart(10)).join('')),
      '',
      `This build is ${exact.toFixed(3)} × as fast as the other one (median): ${holds ? 'at least' : 'less than'} ${LEAST_RATIO}.`,
    ].join('\n'),
  };
}
