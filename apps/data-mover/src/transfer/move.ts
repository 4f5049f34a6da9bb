import { kindOf, type ByteRange, type DiskSource, type DiskTarget, type Piece } from '@landfall/domain';
import { AlignedWriter } from '../target/aligned-writer.js';

/*
 * Writes one range of a disk from its backup.
 *
 * The source hands out pieces in any order; each is written as it comes, a few side by side. What no piece covers is
 * zero and is left out: the disk was created empty for this restore and nobody else has written to it, so it reads zero there
 * already. The result counts only after the flush.
 */
const MAX_WRITES = 8;
const MAX_BYTES_IN_FLIGHT = 16 * 1024 * 1024;

export interface Moved {
  readonly bytesWritten: number;
  /** Of the range, left out because they are zero. */
  readonly bytesZero: number;
}

export interface MoveOptions {
  readonly signal: AbortSignal;
  /** Asked right before each write to the disk, and before the flush: throws once this process may no longer write. */
  readonly mayWrite?: () => void;
}

/** @throws LandfallError of the source or the target; nothing counts as written then */
export async function moveRange(
  source: DiskSource,
  target: DiskTarget,
  range: ByteRange,
  { signal, mayWrite }: MoveOptions,
): Promise<Moved> {
  // One failed write ends reading and the other writes, too.
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const writer = new AlignedWriter(target, mayWrite);
  const inFlight = new Set<Promise<void>>();
  let bytesInFlight = 0;
  let bytesWritten = 0;
  let failure: { readonly error: unknown } | undefined;
  /** What is known for good is not hidden by what came first: a disk that fails hangs before, and locks run out beside it. */
  const fail = (error: unknown): void => {
    if (failure === undefined || (kindOf(failure.error) !== 'permanent' && kindOf(error) === 'permanent')) {
      failure = { error };
    }
    stop.abort(error);
  };

  const start = ({ offset, bytes, release }: Piece): void => {
    const { length } = bytes;
    bytesInFlight += length;
    const write = writer
      .write(offset, bytes, either)
      .then(() => {
        bytesWritten += length;
      })
      .catch(fail)
      .finally(() => {
        bytesInFlight -= length;
        release?.();
        inFlight.delete(write);
      });
    inFlight.add(write);
  };

  try {
    for await (const piece of source.pieces(within(source, range), either)) {
      if (failure !== undefined) break;
      start(piece);
      while (inFlight.size >= MAX_WRITES || bytesInFlight >= MAX_BYTES_IN_FLIGHT) await Promise.race(inFlight);
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(inFlight);
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;

  signal.throwIfAborted();
  await writer.finish(signal);
  mayWrite?.();
  await target.flush();
  return { bytesWritten, bytesZero: range.length - bytesWritten };
}

/** The part of the range that the backup holds: the new disk may be larger, as Azure's disks are whole GiB. */
export function within(source: { readonly sizeBytes: number }, range: ByteRange): ByteRange {
  const end = Math.min(range.offset + range.length, source.sizeBytes);
  return { offset: Math.min(range.offset, end), length: Math.max(0, end - range.offset) };
}
