import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { requireEqual } from './compare-files.js';
import { middle, round } from './figures.js';
import { memoryFolder } from './memory-folder.js';
import { measure, type Measurement } from './measured-process.js';
import type { Report } from './report.js';
import { SAMPLE_DESCRIPTION, writeSampleDisk } from './sample-disk.js';

/*
 * restic restore against Landfall's reader, on one snapshot of one disk.
 *
 * The disk is made in memory (tmpfs), backed up with restic, and then restored by both in turns, each time to a fresh file that is
 * compared with the disk byte by byte. Each number is the median of the turns. Everything is removed in the end.
 */
export interface ResticRestoreOptions {
  readonly sizeBytes: number;
  readonly repeat: number;
  readonly threads: number;
  readonly halfEmpty: boolean;
}

const run = promisify(execFile);
const LANDFALL = fileURLToPath(new URL('./landfall-restore.js', import.meta.url));

export async function resticRestore(options: ResticRestoreOptions, say: (line: string) => void): Promise<Report> {
  const folder = await mkdtemp(path.join(await memoryFolder(say), 'landfall-bench-'));
  say(`Working in ${folder}, which is removed in the end.`);
  const disk = path.join(folder, 'disk.raw');
  const repository = path.join(folder, 'repository');
  const environment = {
    RESTIC_PASSWORD: 'benchmark',
    RESTIC_CACHE_DIR: path.join(folder, 'cache'),
    RESTIC_PROGRESS_FPS: '0',
  };
  const restic = (...parameters: string[]) =>
    run('restic', ['-q', '-r', repository, ...parameters], { env: { ...process.env, ...environment }, cwd: folder });
  try {
    const version = (await restic('version')).stdout.trim();
    say(
      `Making a ${options.halfEmpty ? 'half-empty' : 'dense'} disk of ${options.sizeBytes / 2 ** 20} MiB (${SAMPLE_DESCRIPTION}) …`,
    );
    await writeSampleDisk(disk, options.sizeBytes, options.halfEmpty);
    say(`Backing it up with ${version} …`);
    await restic('init');
    await restic('backup', 'disk.raw');
    const peers = {
      restic: async () => {
        const target = path.join(folder, 'by-restic');
        const taken = await measure(
          'restic',
          ['-q', '-r', repository, 'restore', 'latest', '--target', target],
          environment,
        );
        await requireEqual(disk, path.join(target, 'disk.raw'));
        await rm(target, { recursive: true });
        return taken;
      },
      landfall: async () => {
        const target = path.join(folder, 'by-landfall.raw');
        const taken = await measure(
          process.execPath,
          [LANDFALL, repository, target, String(options.threads)],
          environment,
        );
        await requireEqual(disk, target);
        await rm(target);
        return taken;
      },
    };
    const taken: Record<keyof typeof peers, Measurement[]> = { restic: [], landfall: [] };
    for (let turn = 0; turn < options.repeat; turn += 1) {
      // Whoever comes first finds other caches: the order changes with each turn.
      const order = turn % 2 === 0 ? (['restic', 'landfall'] as const) : (['landfall', 'restic'] as const);
      for (const name of order) {
        const measured = await peers[name]();
        say(`  ${name.padEnd(8)} ${describe(measured)}`);
        taken[name].push(measured);
      }
    }
    return report(options, version, median(taken.restic), median(taken.landfall));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function median(measurements: readonly Measurement[]): Measurement {
  return {
    wallSeconds: middle(measurements.map((one) => one.wallSeconds)),
    cpuSeconds: middle(measurements.map((one) => one.cpuSeconds)),
    peakBytes: middle(measurements.map((one) => one.peakBytes)),
  };
}

function report(options: ResticRestoreOptions, version: string, restic: Measurement, landfall: Measurement): Report {
  const ratios = {
    speed: round(restic.wallSeconds / landfall.wallSeconds),
    cpu: round(landfall.cpuSeconds / restic.cpuSeconds),
    memory: round(landfall.peakBytes / restic.peakBytes),
  };
  const rows = [
    ['', 'wall s', 'CPU s', 'peak MiB'],
    ['restic restore', ...columns(restic)],
    ['Landfall', ...columns(landfall)],
  ];
  const table = rows.map(([name, ...cells]) => name!.padEnd(16) + cells.map((cell) => cell.padStart(10)).join(''));
  return {
    data: {
      benchmark: 'restic-restore',
      ...options,
      sample: SAMPLE_DESCRIPTION,
      peer: version,
      restic,
      landfall,
      ratios,
    },
    table: [
      ...table,
      '',
      `Landfall is ${ratios.speed} × as fast as restic restore, with ${ratios.cpu} × its CPU time and ${ratios.memory} × its memory.`,
    ].join('\n'),
  };
}

function describe({ wallSeconds, cpuSeconds, peakBytes }: Measurement): string {
  return `${wallSeconds.toFixed(2)} s, CPU ${cpuSeconds.toFixed(2)} s, ${Math.round(peakBytes / 2 ** 20)} MiB`;
}

function columns({ wallSeconds, cpuSeconds, peakBytes }: Measurement): string[] {
  return [wallSeconds.toFixed(2), cpuSeconds.toFixed(2), String(Math.round(peakBytes / 2 ** 20))];
}
