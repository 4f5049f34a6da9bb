import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError } from '@landfall/domain';
import { failureKind, REPORT, type Report } from '@landfall/transfer';
import { z } from 'zod';

/*
 * Reports that have not been answered, in the state folder: what a data-mover has found out must not die with it. Its
 * successor, or another one beside it that has seen it gone, delivers them.
 *
 * One file each, named by what it is about; the data-movers of a worker share the folder. A verdict is on the disk before
 * anybody is told of it. The rest may be lost: then the segment is done again.
 */
const KEPT = z.strictObject({ segmentId: z.string().regex(/^[A-Za-z0-9_.-]{1,200}$/), report: REPORT });

export type KeptReport = z.infer<typeof KEPT>;

export interface ReportStore {
  keep(kept: KeptReport): Promise<void>;
  strike(kept: KeptReport): Promise<void>;
  /** Verdicts of all data-movers that share the folder; the other reports of those whose names fit. */
  left(isWanted: (mover: string) => boolean): Promise<readonly KeptReport[]>;
}

const FILE = /^(verdict|report)\.[A-Za-z0-9_.-]+\.\d+\.json$/;

export class KeptReports implements ReportStore {
  private constructor(
    private readonly folder: string,
    private readonly onUnreadable: (file: string, error: unknown) => void,
  ) {}

  /** @throws PermanentError `STATE_FOLDER_UNUSABLE` when nothing can be written there */
  static async in(folder: string, onUnreadable: (file: string, error: unknown) => void): Promise<KeptReports> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const trial = join(folder, `trial.${process.pid}`);
      await write(trial, 'written', true);
      await rm(trial);
    } catch (cause) {
      throw new PermanentError(
        {
          code: 'STATE_FOLDER_UNUSABLE',
          message: `The data-mover can't write to its state folder ${folder}, where it keeps what it has found out until it is told.`,
          fix: 'Let LANDFALL_MOVER_STATE (on a worker LANDFALL_WORKER_STATE) name a folder on a disk that stays, and that its user may write.',
        },
        { cause },
      );
    }
    return new KeptReports(folder, onUnreadable);
  }

  async keep(kept: KeptReport): Promise<void> {
    const path = this.#pathOf(kept);
    const temporary = `${path}.${process.pid}`;
    await write(temporary, JSON.stringify(kept), isVerdict(kept.report));
    await rename(temporary, path);
    if (isVerdict(kept.report)) await flush(this.folder);
  }

  async strike(kept: KeptReport): Promise<void> {
    await rm(this.#pathOf(kept), { force: true });
  }

  async left(isWanted: (mover: string) => boolean): Promise<readonly KeptReport[]> {
    const found: KeptReport[] = [];
    for (const name of (await readdir(this.folder)).filter((each) => FILE.test(each)).sort()) {
      const kept = await this.#read(name);
      if (kept !== null && (isVerdict(kept.report) || isWanted(kept.report.mover))) found.push(kept);
    }
    return found;
  }

  /** Null: it is gone by now, or holds nothing that can be read, which is put aside. */
  async #read(name: string): Promise<KeptReport | null> {
    const path = join(this.folder, name);
    try {
      return KEPT.parse(JSON.parse(await readFile(path, 'utf8')));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      this.onUnreadable(name, error);
      await rename(path, `${path}.unreadable`).catch(() => undefined);
      return null;
    }
  }

  #pathOf({ segmentId, report }: KeptReport): string {
    return join(this.folder, `${isVerdict(report) ? 'verdict' : 'report'}.${segmentId}.${report.epoch}.json`);
  }
}

export function isVerdict({ result }: Report): boolean {
  return result.kind === 'failed' && failureKind(result.code) === 'verdict';
}

async function write(path: string, text: string, flushed: boolean): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    if (flushed) await file.sync();
  } finally {
    await file.close();
  }
}

async function flush(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
