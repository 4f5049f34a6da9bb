import { Cell } from './cell.js';
import { examineCell } from './examine.js';
import type { Ground } from './ground.js';
import type { Outcome, Trial } from './trial.js';

/*
 * Runs trials over a number of cells, each taking the next one when it is free. A cell in which something went wrong is
 * replaced, so that no trial suffers from the one before it. Trials that shake the common ground come last, one by one.
 */
export interface Result extends Outcome {
  readonly trial: Trial;
  readonly tookMs: number;
  readonly survived: boolean;
}

export interface CampaignOptions {
  readonly cells: number;
  readonly onResult?: (result: Result) => void;
  readonly note?: (line: string) => void;
  /** Where the logs of a cell are kept in which something went wrong; nowhere when left out. */
  readonly logs?: string;
  /** No trial begins after that moment, by `performance.now()`. */
  readonly until?: number;
}

export interface Report {
  readonly results: readonly Result[];
  /** What was found once for each cell. */
  readonly ofCells: readonly string[];
  readonly notRun: readonly Trial[];
}

export class Campaign {
  readonly #idle: Cell[] = [];
  readonly #running = new Set<Cell>();
  readonly #starting = new Set<Promise<Cell>>();
  readonly #ofCells: string[] = [];
  #made = 0;

  constructor(
    private readonly ground: Ground,
    private readonly options: CampaignOptions,
    private readonly startCell: typeof Cell.start = Cell.start,
  ) {}

  /** A cell that is left to the trials afterwards: for a tracing run. */
  async borrow(): Promise<Cell> {
    const cell = await this.#cell();
    this.#idle.push(cell);
    return cell;
  }

  async #cell(): Promise<Cell> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const starting = this.#start().catch((error: unknown) => {
      // Somebody else may have taken a port that was free a moment before.
      this.options.note?.(`a cell did not start, another one is tried: ${String(error)}`);
      return this.#start();
    });
    this.#starting.add(starting);
    try {
      return await starting;
    } finally {
      this.#starting.delete(starting);
    }
  }

  async #start(): Promise<Cell> {
    this.#made += 1;
    this.options.note?.(`starting cell ${this.#made}`);
    const cell = await this.startCell(this.ground, `cell-${this.#made}`);
    this.#running.add(cell);
    return cell;
  }

  async run(trials: readonly Trial[]): Promise<Report> {
    const waiting = trials.filter((trial) => trial.alone !== true);
    const alone = trials.filter((trial) => trial.alone === true);
    const results: Result[] = [];
    const lane = async (queue: Trial[]): Promise<void> => {
      let cell: Cell | null = null;
      // Taken before its cell is waited for: meanwhile another lane may take the last one.
      for (let trial = this.#next(queue); trial !== undefined; trial = this.#next(queue)) {
        cell ??= await this.#cell();
        const result = await attempt(cell, trial);
        results.push(result);
        this.options.onResult?.(result);
        if (result.survived && result.reached) continue;
        if (this.options.logs !== undefined) await cell.keepLogs(this.options.logs);
        await this.#retire(cell);
        cell = null;
      }
      if (cell !== null) this.#idle.push(cell);
    };
    // All are waited for, so that no lane goes on behind the back of whoever clears away after a failure.
    const lanes = Array.from({ length: Math.min(this.options.cells, waiting.length) }, () => lane(waiting));
    const failed = (await Promise.allSettled(lanes)).find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await lane(alone);
    return { results, ofCells: this.#ofCells, notRun: [...waiting, ...alone] };
  }

  #next(queue: Trial[]): Trial | undefined {
    return performance.now() < (this.options.until ?? Infinity) ? queue.shift() : undefined;
  }

  async close(): Promise<readonly string[]> {
    await Promise.all(this.#idle.splice(0).map((cell) => this.#retire(cell)));
    return this.#ofCells;
  }

  async #retire(cell: Cell): Promise<void> {
    try {
      this.#ofCells.push(...(await examineCell(cell)));
    } catch (error) {
      this.#ofCells.push(`a cell could not be examined: ${String(error)}`);
    }
    this.#running.delete(cell);
    await cell.stop();
  }

  /** Leaves no process behind, whatever is under way. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#running].map((cell) => cell.abandon()));
  }
}

async function attempt(cell: Cell, trial: Trial): Promise<Result> {
  const begun = performance.now();
  cell.note(`--- ${trial.fault}: ${trial.name}`);
  let outcome: Outcome;
  try {
    outcome = await trial.run(cell);
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    outcome = { reached: false, recoveryMs: null, violations: [`the trial itself failed: ${why}`] };
  }
  const tookMs = performance.now() - begun;
  for (const violation of outcome.violations) cell.note(`BROKEN ${violation}`);
  return { ...outcome, trial, tookMs, survived: outcome.violations.length === 0 };
}
