import type { EventView, RestoreView } from '@landfall/contract';
import { hasSettled } from '../stack/views.js';
import { currentStep } from './restore-text.js';
import type { Terminal } from './terminal.js';
import { formatBytes, formatDuration } from './units.js';
import { cutToWidth } from './width.js';

/*
 * Shows how far long work is: on a terminal one line that is written over, with a bar, speed and time left; elsewhere
 * (a log, a pipe, a terminal of unknown width) a plain line for each new step and at most one in five seconds within a step.
 */
const PLAIN_EVERY_MS = 5_000;
/** The speed is that of about the last ten seconds. */
const SPEED_WINDOW_MS = 10_000;
const BAR_WIDTH = 24;

export interface Progress {
  /** What is being done, such as a step's name. */
  readonly label: string;
  readonly bytesDone: number;
  /** 0: not known, or nothing to move. */
  readonly bytesTotal: number;
}

export class ProgressDisplay {
  readonly #stream: Terminal['stderr'];
  readonly #now: () => number;
  #samples: { at: number; bytes: number }[] = [];
  #label = '';
  #plainAt = -Infinity;
  #plainText = '';
  #lineIsOpen = false;

  /** @param now milliseconds of a clock that never goes back */
  constructor(stream: Terminal['stderr'], now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
  }

  show(progress: Progress): void {
    const now = this.#now();
    const isNewLabel = progress.label !== this.#label;
    if (isNewLabel) this.#samples = [];
    this.#label = progress.label;
    this.#samples.push({ at: now, bytes: progress.bytesDone });
    while (this.#samples.length > 2 && now - this.#samples[1]!.at > SPEED_WINDOW_MS) this.#samples.shift();

    if (this.#columns() > 0) return this.#showBar(progress);
    const text = this.#text(progress);
    if (!isNewLabel && (now - this.#plainAt < PLAIN_EVERY_MS || text === this.#plainText)) return;
    this.#plainAt = now;
    this.#plainText = text;
    this.#stream.write(`${text}\n`);
  }

  /** A line of its own, above the bar. */
  say(line: string): void {
    this.end();
    this.#stream.write(`${line}\n`);
  }

  /** Tells of an event, where there is something to tell. */
  tell(event: EventView): void {
    const told = tellOf(event);
    if (told === null) return;
    if ('begins' in told) this.#begin(told.begins);
    else this.say(told.says);
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#lineIsOpen) this.#stream.write('\r\x1b[K');
    this.#lineIsOpen = false;
  }

  /** What has begun, however soon it ends: where there is no bar, a line of its own. */
  #begin(label: string): void {
    if (this.#columns() > 0 || label === this.#label) return;
    this.#label = label;
    this.#samples = [];
    this.#plainText = label;
    this.#plainAt = this.#now();
    this.#stream.write(`${label}\n`);
  }

  #showBar(progress: Progress): void {
    const filled = Math.round(share(progress) * BAR_WIDTH);
    const bar = progress.bytesTotal > 0 ? `[${'='.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] ` : '';
    const line = cutToWidth(`${bar}${this.#text(progress)}`, this.#columns());
    this.#stream.write(`\r\x1b[K${line}`);
    this.#lineIsOpen = true;
  }

  /** What a line that is written over may take; 0 where there are none: no terminal, or one that does not tell its width. */
  #columns(): number {
    const columns = this.#stream.isTTY === true ? (this.#stream.columns ?? 0) : 0;
    return Math.max(0, columns - 1);
  }

  #text(progress: Progress): string {
    const { label, bytesDone, bytesTotal } = progress;
    if (bytesTotal === 0) return label;
    const parts = [
      `${label}  ${Math.floor(share(progress) * 100)} %`,
      `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`,
    ];
    const speed = this.#bytesPerSecond();
    if (speed > 0 && bytesDone < bytesTotal) {
      parts.push(`${(speed / 1e6).toFixed(0)} MB/s`, `${formatDuration((bytesTotal - bytesDone) / speed)} left`);
    }
    return parts.join('  ');
  }

  #bytesPerSecond(): number {
    const [first, last] = [this.#samples[0]!, this.#samples.at(-1)!];
    return last.at > first.at ? ((last.bytes - first.bytes) / (last.at - first.at)) * 1000 : 0;
  }
}

/** What an event means to whoever watches: a step begins, or something has gone wrong and is tried again. */
function tellOf({ type, message, data }: EventView): { begins: string } | { says: string } | null {
  if (type === 'step.started') return { begins: stepLabel(String(data.number), String(data.step)) };
  return TOLD.test(type) ? { says: message } : null;
}

/** What goes wrong and is tried again or left; and whatever becomes of a machine that is replaced. */
const TOLD =
  /\.(?:retry|replaced|left)$|^(?:source|approval)\.|^restore\.(?:awaiting-approval|cut-over)$|^disks\.moved$/;

function stepLabel(number: number | string, id: string): string {
  return `${number} ${id}`;
}

/** A restore's progress: bytes belong to the step that moves them; what goes back says why. */
export function progressOf(restore: RestoreView): Progress {
  const step = currentStep(restore);
  const isMoving = restore.state === 'running' || restore.state === 'planning';
  const why = restore.error === null || hasSettled(restore) ? '' : `: ${restore.error.message}`;
  const label = step === undefined || !isMoving ? `${restore.state}${why}` : stepLabel(step.number, step.id);
  if (!isMoving || step?.id !== 'restore-data') return { label, bytesDone: 0, bytesTotal: 0 };
  const sum = (field: 'bytesDone' | 'bytesTotal') => restore.disks.reduce((total, disk) => total + disk[field], 0);
  return { label, bytesDone: sum('bytesDone'), bytesTotal: sum('bytesTotal') };
}

function share({ bytesDone, bytesTotal }: Progress): number {
  return bytesTotal === 0 ? 0 : Math.min(1, bytesDone / bytesTotal);
}
