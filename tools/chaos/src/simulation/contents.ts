import { createHash } from 'node:crypto';
import {
  PermanentError,
  RetryableError,
  type ByteRange,
  type DiskSource,
  type DiskTarget,
  type Piece,
} from '@landfall/domain';
import type { DiskWrite } from '@landfall/testing';
import type { Gates } from './gates.js';
import type { Random } from './random.js';

/** What lies on disks, as blocks of 4 KiB; what has none is zero. */
export const BLOCK = 4096;
export type Blocks = Map<number, Buffer>;

/** A backed-up disk with a few blocks of data in some of its cells of 128 MiB. */
export class SimulatedSource implements DiskSource {
  readonly #offsets: readonly number[];

  constructor(
    private readonly name: string,
    readonly sizeBytes: number,
    blocks: readonly number[],
  ) {
    this.#offsets = [...new Set(blocks)].sort((left, right) => left - right);
  }

  static byChance(name: string, sizeBytes: number, random: Random): SimulatedSource {
    const blocks: number[] = [];
    const cells = sizeBytes / CELL;
    for (let cell = 0; cell < cells; cell++) {
      if (!random.chance(0.6)) continue;
      for (let count = random.between(1, 3); count > 0; count--) {
        blocks.push(cell * CELL + random.between(0, CELL / BLOCK - 1) * BLOCK);
      }
    }
    return new SimulatedSource(name, sizeBytes, blocks);
  }

  /** What a disk holds that was restored from it. */
  get blocks(): Blocks {
    return new Map(this.#offsets.map((offset) => [offset, this.#block(offset)]));
  }

  extents(): readonly ByteRange[] {
    const extents: { offset: number; length: number }[] = [];
    for (const offset of this.#offsets) {
      const last = extents.at(-1);
      if (last && last.offset + last.length === offset) last.length += BLOCK;
      else extents.push({ offset, length: BLOCK });
    }
    return extents;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    return readBlocks(this.blocks, offset, length);
  }

  async *pieces({ offset, length }: ByteRange): AsyncIterable<Piece> {
    for (const at of this.#offsets) {
      if (at >= offset && at < offset + length) yield { offset: at, bytes: this.#block(at) };
    }
  }

  async close(): Promise<void> {}

  #block(offset: number): Buffer {
    return Buffer.alloc(BLOCK, createHash('sha256').update(`${this.name} ${offset}`).digest());
  }
}

const CELL = 128 * 1024 * 1024;

/** All disks and snapshots of the subscription: what lies on them for good, and what their VM has not flushed yet. */
export class DiskContents {
  readonly durable = new Map<string, Blocks>();
  /** How often a machine that is not ours to write to has begun to run from a disk, or has ended: each time it writes something. */
  readonly #lived = new Map<string, number>();
  readonly #madeAs = new Map<string, string>();
  #lives = 0;
  readonly #unflushed = new Map<string, Blocks>();
  readonly #failures = new Map<string, number>();
  /** Every write and every read for verification, in the order in which they came to the disk. */
  readonly log: DiskWrite[] = [];

  unflushed(diskId: string): Blocks {
    return known(this.#unflushed, diskId);
  }

  onDisk(diskId: string): Blocks {
    return known(this.durable, diskId);
  }

  flush(diskId: string): void {
    for (const [offset, bytes] of this.unflushed(diskId)) this.onDisk(diskId).set(offset, bytes);
    this.unflushed(diskId).clear();
  }

  /** What could not be written is forgotten. */
  failFlush(diskId: string): void {
    this.unflushed(diskId).clear();
    this.#failures.set(diskId, this.failuresOf(diskId) + 1);
  }

  /** Made of another one as that is now; null: empty. */
  make(id: string, from: string | null): void {
    const key = id.toLowerCase();
    this.durable.set(key, new Map(from === null ? [] : this.onDisk(from)));
    this.unflushed(id).clear();
    this.#lived.set(key, from === null ? 0 : (this.#lived.get(from.toLowerCase()) ?? 0));
    this.#madeAs.set(key, this.stateOf(id));
  }

  move(from: string, to: string): void {
    for (const each of [this.durable, this.#unflushed, this.#failures, this.#lived, this.#madeAs] as Map<
      string,
      unknown
    >[]) {
      const held = each.get(from.toLowerCase());
      each.delete(from.toLowerCase());
      if (held === undefined) each.delete(to.toLowerCase());
      else each.set(to.toLowerCase(), held);
    }
  }

  /** A machine writes something of its own, which none has written before. */
  live(diskId: string): void {
    this.#lived.set(diskId.toLowerCase(), ++this.#lives);
  }

  /** Tells one state of a disk from all others; what machines write of their own counts. */
  stateOf(id: string): string {
    return `${digestOf(this.onDisk(id))} ${this.#lived.get(id.toLowerCase()) ?? 0}`;
  }

  /** The state in which it was made; null: nobody has made it in this run. */
  madeAs(id: string): string | null {
    return this.#madeAs.get(id.toLowerCase()) ?? null;
  }

  failuresOf(diskId: string): number {
    return this.#failures.get(diskId) ?? 0;
  }

  /** The VM has gone: what it had not flushed is there or not. */
  powerCut(diskId: string, random: Random): void {
    for (const [offset, bytes] of this.unflushed(diskId))
      if (random.chance(0.5)) this.onDisk(diskId).set(offset, bytes);
    this.unflushed(diskId).clear();
  }
}

/** Chances of each flush, write and read-back. */
export interface DiskFaults {
  flushFails: number;
  writeFails: number;
  readDiffers: number;
}

export const NO_DISK_FAULTS: Readonly<DiskFaults> = { flushFails: 0, writeFails: 0, readDiffers: 0 };

export interface Writing {
  readonly diskId: string;
  readonly sizeBytes: number;
  readonly segmentId: string;
  readonly epoch: number;
  readonly purpose: 'move' | 'verify';
  readonly mover: string;
  /** Whether the disk can be reached from where the data-mover runs. */
  readonly reachable: (what: 'write' | 'read') => boolean;
  readonly flushFails: () => boolean;
  /** The disk does not take it, for good. */
  readonly writeFails: () => boolean;
  /** What is read back is not what lies there. */
  readonly readDiffers: () => boolean;
  /** Written through Azure itself: nothing is kept back. */
  readonly direct: boolean;
}

export class SimulatedTarget implements DiskTarget {
  readonly description = 'a simulated disk';
  readonly alignmentBytes = 1;
  readonly sizeBytes: number;
  /** Of the disk, of which this opening of it was told. */
  #failures: number;

  constructor(
    private readonly gates: Gates,
    private readonly contents: DiskContents,
    private readonly writing: Writing,
  ) {
    this.sizeBytes = writing.sizeBytes;
    this.#failures = contents.failuresOf(writing.diskId);
  }

  async write(offset: number, bytes: Uint8Array, _signal?: AbortSignal, mayWrite?: () => void): Promise<void> {
    const { diskId, segmentId, direct } = this.writing;
    mayWrite?.();
    const copy = Buffer.from(bytes);
    return this.gates.call(`write ${segmentId} at ${offset}`, () => {
      this.#mustReach('write');
      if (this.writing.writeFails()) throw failed('TARGET_FAILED');
      this.#note('write', offset);
      (direct ? this.contents.onDisk(diskId) : this.contents.unflushed(diskId)).set(offset, copy);
    });
  }

  flush(): Promise<void> {
    const { diskId, segmentId, flushFails } = this.writing;
    return this.gates.call(`flush ${segmentId}`, () => {
      this.#mustReach('write');
      if (flushFails()) this.contents.failFlush(diskId);
      // As Linux has it since 4.13: each opening is told once of a failure, and its next flush says that all is well.
      const failures = this.contents.failuresOf(diskId);
      if (failures === this.#failures) return this.contents.flush(diskId);
      this.#failures = failures;
      throw failed('TARGET_FLUSH_FAILED');
    });
  }

  read(offset: number, length: number): Promise<Buffer> {
    const { diskId, segmentId } = this.writing;
    return this.gates.call(`read ${segmentId} at ${offset}`, () => {
      this.#mustReach('read');
      this.#note('verify', offset);
      const bytes = readBlocks(this.contents.onDisk(diskId), offset, length);
      if (this.writing.readDiffers() && bytes.length > 0) bytes[0] = (bytes[0] ?? 0) ^ 1;
      return bytes;
    });
  }

  async close(): Promise<void> {}

  #note(what: 'write' | 'verify', offset: number): void {
    const { diskId, segmentId, epoch, mover } = this.writing;
    this.contents.log.push({ what, diskId, segmentId, epoch, mover, offset });
  }

  #mustReach(what: 'write' | 'read'): void {
    if (this.writing.reachable(what)) return;
    const message = 'The disk is not there.';
    throw new RetryableError({ code: 'TARGET_UNREACHABLE', message, fix: 'Nothing has to be done.' });
  }
}

/** Of what is not zero. */
export function digestOf(blocks: Blocks): string {
  const hash = createHash('sha256');
  for (const [offset, bytes] of [...blocks].sort(([left], [right]) => left - right)) {
    if (bytes.every((byte) => byte === 0)) continue;
    hash.update(`${offset}:`).update(bytes);
  }
  return hash.digest('hex');
}

function failed(code: string): PermanentError {
  return new PermanentError({ code, message: 'The disk has failed.', fix: 'Another disk.' });
}

function readBlocks(blocks: Blocks, offset: number, length: number): Buffer {
  const read = Buffer.alloc(length);
  for (const [at, bytes] of blocks) {
    if (at + BLOCK <= offset || at >= offset + length) continue;
    const from = Math.max(at, offset);
    bytes.copy(read, from - offset, from - at);
  }
  return read;
}

function known(of: Map<string, Blocks>, diskId: string): Blocks {
  const key = diskId.toLowerCase();
  const found = of.get(key) ?? new Map<number, Buffer>();
  of.set(key, found);
  return found;
}
