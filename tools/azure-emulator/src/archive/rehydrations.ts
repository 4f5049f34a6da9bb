import { mkdirSync } from 'node:fs';
import { z } from 'zod';
import { Journal, type Entry } from '../state/journal.js';

/*
 * Blobs that are on their way out of the archive tier, kept on disk from the moment a client was told so.
 *
 *   Set Blob Tier to an online tier   the blob itself is pending
 *   Copy Blob to an online tier       its target is pending; the source stays where it is
 *
 * How long it takes depends on the priority and is looked up when somebody looks: what is set while blobs are pending
 * counts for them as well.
 */
export type OnlineTier = 'Hot' | 'Cool' | 'Cold';
export type Priority = 'Standard' | 'High';

export interface Rehydration {
  /** `account/container/name`. */
  readonly blob: string;
  readonly tier: OnlineTier;
  readonly priority: Priority;
  readonly requestedAt: number;
  /** When the priority was raised from Standard to High. */
  readonly raisedAt: number | null;
  /** Of the target of a copy. */
  readonly copy: { readonly id: string; readonly aborted: boolean } | null;
}

export const REHYDRATION_TIMES = z.strictObject({
  standardMs: z.number().int().min(0),
  highMs: z.number().int().min(0),
});
export type RehydrationTimes = z.infer<typeof REHYDRATION_TIMES>;

export class Rehydrations {
  private readonly rows = new Map<string, Rehydration>();
  private readonly journal: Journal;
  private chosen: Partial<RehydrationTimes> = {};

  constructor(
    directory: string,
    private readonly defaults: RehydrationTimes,
    private readonly now: () => number = Date.now,
  ) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.journal = new Journal(directory);
    this.journal.replay(([table, key, value]) => {
      if (table === 'times') this.chosen = value as Partial<RehydrationTimes>;
      else if (value === null) this.rows.delete(key);
      else this.rows.set(key, value as Rehydration);
    });
  }

  get times(): RehydrationTimes {
    return { ...this.defaults, ...this.chosen };
  }

  setTimes(times: Partial<RehydrationTimes>): void {
    this.chosen = { ...this.chosen, ...times };
    this.write(['times', 'times', this.chosen]);
  }

  of(blob: string): Rehydration | undefined {
    const row = this.rows.get(blob);
    if (row === undefined || !this.isOver(row)) return row;
    this.forget(blob);
    return undefined;
  }

  /** Those that are shown otherwise than the blob service does, in a container (`account/container`) or everywhere. */
  list(container?: string): readonly Rehydration[] {
    return [...this.rows.values()].filter(
      (row) => !this.isOver(row) && (container === undefined || row.blob.startsWith(`${container}/`)),
    );
  }

  begin(row: Pick<Rehydration, 'blob' | 'tier' | 'priority' | 'copy'>): void {
    this.keep({ ...row, requestedAt: this.now(), raisedAt: null });
  }

  /** From Standard to High; never the other way. */
  raise(row: Rehydration): void {
    this.keep({ ...row, priority: 'High', raisedAt: this.now() });
  }

  /** The copy was called off: its target stays, empty, and tells of it. */
  abort(row: Rehydration): void {
    if (row.copy !== null) this.keep({ ...row, copy: { ...row.copy, aborted: true } });
  }

  /** The blob was written anew or deleted. */
  forget(blob: string): void {
    if (this.rows.delete(blob)) this.write(['rehydrations', blob, null]);
  }

  forgetAllIn(container: string): void {
    for (const blob of this.rows.keys()) if (blob.startsWith(`${container}/`)) this.forget(blob);
  }

  close(): void {
    this.journal.compact(this.entries());
    this.journal.close();
  }

  dueAt(row: Rehydration): number {
    const { standardMs, highMs } = this.times;
    if (row.raisedAt !== null) return Math.min(row.requestedAt + standardMs, row.raisedAt + highMs);
    return row.requestedAt + (row.priority === 'High' ? highMs : standardMs);
  }

  private isOver(row: Rehydration): boolean {
    return row.copy?.aborted !== true && this.now() >= this.dueAt(row);
  }

  private keep(row: Rehydration): void {
    this.rows.set(row.blob, row);
    this.write(['rehydrations', row.blob, row]);
  }

  private write(entry: Entry): void {
    this.journal.append([entry]);
    if (this.journal.isDueForCompaction) this.journal.compact(this.entries());
  }

  private *entries(): Iterable<Entry> {
    yield ['times', 'times', this.chosen];
    for (const [blob, row] of this.rows) if (!this.isOver(row)) yield ['rehydrations', blob, row];
  }
}
