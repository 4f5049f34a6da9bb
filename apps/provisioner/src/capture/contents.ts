import type { ByteRange } from '@landfall/domain';
import type { SnapshotSource } from './ports.js';

/*
 * A disk from its first byte to its last, as a stream wants it: what is not allocated is zeros that nobody reads, and of what is
 * some pieces are read ahead.
 */
const WINDOW_BYTES = 4 * 1024 ** 3;
const PIECE_BYTES = 4 * 1024 ** 2;
const READ_AHEAD = 6;
const ZEROS = Buffer.alloc(1024 ** 2);

export async function* contentsOf(source: SnapshotSource, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < source.sizeBytes; offset += WINDOW_BYTES) {
    const window = { offset, length: Math.min(WINDOW_BYTES, source.sizeBytes - offset) };
    yield* contentsOfWindow(source, window, signal);
  }
}

async function* contentsOfWindow(
  source: SnapshotSource,
  window: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const pieces = (await source.allocated(window, signal)).flatMap(cut);
  const ahead: Promise<Buffer>[] = [];
  let begun = 0;
  const readAhead = (): void => {
    while (begun < pieces.length && ahead.length < READ_AHEAD) {
      const { offset, length } = pieces[begun++]!;
      const read = source.read(offset, length, signal);
      // Thrown where it is waited for; one that nobody waits for any more is of no interest.
      read.catch(() => undefined);
      ahead.push(read);
    }
  };
  let position = window.offset;
  for (const { offset, length } of pieces) {
    readAhead();
    yield* zeros(offset - position);
    yield await ahead.shift()!;
    position = offset + length;
  }
  yield* zeros(window.offset + window.length - position);
}

function cut({ offset, length }: ByteRange): ByteRange[] {
  const count = Math.ceil(length / PIECE_BYTES);
  return Array.from({ length: count }, (_, index) => {
    const done = index * PIECE_BYTES;
    return { offset: offset + done, length: Math.min(PIECE_BYTES, length - done) };
  });
}

function* zeros(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}
