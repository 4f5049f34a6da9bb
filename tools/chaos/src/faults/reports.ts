import { globSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Restore } from '@landfall/domain';
import type { Cell } from '../live/cell.js';
import type { OrderOptions } from '../live/restores.js';
import { restoreTrial, when, type Trial } from '../live/trial.js';
import type { ReportFault, ReportKind } from '../proxy/report-proxy.js';
import { isOver, stoppedOrOver } from './steps.js';

/*
 * F5, of what data-movers report to the API: a report arrives twice at once, late, after the next one, without its answer
 * being heard, not for a while, or is refused for now. A segment is done, has failed for now or for good, or is given back;
 * a data-mover has started. Whatever becomes of the report, the restore ends as it says: with that code where a disk has
 * failed for good, and completed otherwise.
 */
/** Longer than a data-mover waits for an answer: it has said the same again before the first one arrives. */
const LATE_MS = 20_000;
/** Shorter than that. */
const HELD_AT_MOST_MS = 10_000;
const LOST_FOR_MS = 8_000;

const FAULTS: Readonly<Record<string, ReportFault>> = {
  'arrives twice at once': { kind: 'twice' },
  'arrives late': { kind: 'late', ms: LATE_MS },
  'arrives after the next one': { kind: 'out of order', atMostMs: HELD_AT_MOST_MS },
  'arrives, and its answer is lost': { kind: 'answer lost' },
  [`is lost for ${LOST_FOR_MS / 1_000} s`]: { kind: 'lost', forMs: LOST_FOR_MS },
  'is refused with 503': { kind: '503', times: 2 },
};

/** Of a worker, for both of its data-movers: a segment takes longer than one that is to end goes on with it. */
const SLOW_BYTES_PER_SECOND = 300_000;
/** A restore tries a few times only. */
const WITHOUT_DISKS_AT_MOST_MS = 20_000;
const AFTER_CLAIM = 'restore-data.move.afterClaim stop';

interface Cause extends OrderOptions {
  readonly title: string;
  readonly report: ReportKind;
  readonly ends?: readonly Restore['state'][];
  readonly code?: string;
  prepare?(cell: Cell): Promise<void> | void;
  /** While the restore runs. False: there was no occasion. */
  provoke?(cell: Cell, restoreId: string): Promise<boolean>;
  undo?(cell: Cell): Promise<void> | void;
}

const CAUSES: readonly Cause[] = [
  { title: 'a segment that is done', report: 'done' },
  { title: 'a segment that is done (direct)', report: 'done', transfer: 'direct' },
  {
    title: 'a segment that has failed for good',
    report: 'failed',
    verify: 'full',
    ends: ['failed'],
    code: 'TARGET_FLUSH_FAILED',
    prepare: (cell) => cell.afflict({ disk: { kind: 'failed flush', after: 0 } }),
    undo: (cell) => cell.relieve(),
  },
  {
    title: 'a segment that has failed for now',
    report: 'failed',
    prepare: (cell) => cell.arm([AFTER_CLAIM]),
    provoke: withoutDisks,
    undo: (cell) => showDisks(cell),
  },
  {
    title: 'a segment that is given back',
    report: 'given-back',
    async prepare(cell) {
      await setWorkerSpeed(cell, SLOW_BYTES_PER_SECOND);
      cell.arm([AFTER_CLAIM]);
    },
    provoke: endOne,
    undo: (cell) => setWorkerSpeed(cell, null),
  },
  { title: 'a data-mover that has started', report: 'started' },
  {
    title: 'a data-mover of the pool that has started anew',
    report: 'started',
    transfer: 'direct',
    provoke: (cell) => Promise.resolve(cell.kill('data-mover-1')),
  },
];

export function reportTrials(): readonly Trial[] {
  return Object.entries(FAULTS).flatMap(([title, fault]) => CAUSES.map((cause) => reportTrial(title, fault, cause)));
}

function reportTrial(title: string, fault: ReportFault, cause: Cause): Trial {
  const { title: about, report, prepare, provoke, undo, ...order } = cause;
  return {
    fault: 'F5',
    name: `the report of ${about} ${title}`,
    async run(cell) {
      try {
        const outcome = await restoreTrial(cell, {
          ...order,
          async prepare() {
            cell.reportProxy.strike(report, fault);
            await prepare?.(cell);
          },
          async disturb(_, restoreId) {
            if (provoke !== undefined && !(await provoke(cell, restoreId))) return { at: null };
            return { at: await struck(cell, restoreId) };
          },
        });
        cell.note(`${cell.reportProxy.struck} of ${cell.reportProxy.seen.length} reports were struck`);
        return outcome;
      } finally {
        cell.reportProxy.relieve();
        await undo?.(cell);
      }
    },
  };
}

/** When the first report was struck; null when the restore has ended without. */
function struck(cell: Cell, restoreId: string): Promise<number | null> {
  return when(
    () => cell.reportProxy.struck > 0,
    () => isOver(cell, restoreId, false),
  );
}

/** A data-mover that has claimed a segment finds no disk, until it has said so. */
async function withoutDisks(cell: Cell, restoreId: string): Promise<boolean> {
  const stopped = await stoppedOrOver(cell, restoreId);
  if (stopped === null) return false;
  for (const folder of diskFolders(cell)) renameSync(folder, `${folder}.away`);
  stopped.goOn();
  const failed = await when(
    () => cell.reportProxy.seen.some(({ report }) => report === 'failed'),
    () => isOver(cell, restoreId, false),
    WITHOUT_DISKS_AT_MOST_MS,
  );
  showDisks(cell);
  return failed !== null;
}

function showDisks(cell: Cell): void {
  for (const folder of diskFolders(cell, '.away')) renameSync(folder, folder.replace(/\.away$/, ''));
}

/** Where workers find their disks by LUN. */
function diskFolders(cell: Cell, suffix = ''): readonly string[] {
  const vms = join(cell.folder, 'azure', 'vms');
  return globSync(`*/*/by-lun${suffix}`, { cwd: vms }).map((path) => join(vms, path));
}

/** A data-mover with a segment in hand is asked to end. */
async function endOne(cell: Cell, restoreId: string): Promise<boolean> {
  const stopped = await stoppedOrOver(cell, restoreId);
  if (stopped === null) return false;
  process.kill(stopped.pid, 'SIGTERM');
  stopped.goOn();
  return true;
}

async function setWorkerSpeed(cell: Cell, workerBytesPerSecond: number | null): Promise<void> {
  await cell.azure.call('PATCH', '/_emulator/settings', { workerBytesPerSecond });
}
