import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Keeps the emulator's records in one append-only file, `state.jsonl`.
 *
 * Each line is one transaction: a JSON array of [table, key, value or null]. A line is written with a single write
 * before the change is answered, so a process that is killed loses nothing that it has told anybody; a last line
 * that was cut short is a transaction that nobody was told of, and is cut off at the next start. When the file holds
 * many more lines than records, it is written anew beside itself and renamed into place.
 */
export type Entry = readonly [table: string, key: string, value: unknown];

const COMPACT_AFTER_BYTES = 64 * 1024 * 1024;

export class Journal {
  private readonly path: string;
  private descriptor: number;
  private writtenBytes: number;
  private compactAtBytes = COMPACT_AFTER_BYTES;

  constructor(directory: string) {
    this.path = join(directory, 'state.jsonl');
    this.descriptor = openSync(this.path, 'a+', 0o600);
    this.writtenBytes = statSync(this.path).size;
  }

  /** Calls `apply` with every entry, in order of writing. */
  replay(apply: (entry: Entry) => void): void {
    if (!existsSync(this.path)) return;
    const content = readFileSync(this.path);
    let start = 0;
    for (let end = content.indexOf(10); end >= 0; end = content.indexOf(10, start)) {
      for (const entry of parseLine(content.toString('utf8', start, end))) apply(entry);
      start = end + 1;
    }
    if (start < content.length) ftruncateSync(this.descriptor, start);
    this.writtenBytes = start;
  }

  append(entries: readonly Entry[]): void {
    this.writtenBytes += writeWhole(this.descriptor, `${JSON.stringify(entries)}\n`);
  }

  /** True when so much was written since the last time that writing the live records anew is worth it. */
  get isDueForCompaction(): boolean {
    return this.writtenBytes > this.compactAtBytes;
  }

  compact(live: Iterable<Entry>): void {
    const temporary = `${this.path}.new`;
    const descriptor = openSync(temporary, 'w', 0o600);
    let bytes = 0;
    for (const entry of live) bytes += writeWhole(descriptor, `${JSON.stringify([entry])}\n`);
    renameSync(temporary, this.path);
    closeSync(this.descriptor);
    this.descriptor = descriptor;
    this.writtenBytes = bytes;
    this.compactAtBytes = Math.max(COMPACT_AFTER_BYTES, bytes * 4);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

function writeWhole(descriptor: number, text: string): number {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) written += writeSync(descriptor, bytes, written);
  return bytes.length;
}

function parseLine(line: string): Entry[] {
  const parsed: unknown = JSON.parse(line);
  if (!Array.isArray(parsed)) throw new Error('state.jsonl: a line is not a transaction');
  return parsed.map((entry: unknown) => {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string' || typeof entry[1] !== 'string') {
      throw new Error('state.jsonl: an entry is not [table, key, value]');
    }
    return [entry[0], entry[1], entry[2]];
  });
}
