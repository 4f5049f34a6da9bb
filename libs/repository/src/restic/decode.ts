import { hash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { SEAL_BYTES, decryptUnchecked, type SealingKey } from './crypto.js';
import { freeMemory } from './memory.js';

/*
 * From a sealed data blob to checked plaintext: decrypt, decompress, SHA-256, look for zeros. The same code runs in the
 * decoding threads and, for small reads, in the main one.
 *
 * The seal's MAC is not computed. The id that the SHA-256 is compared with comes from a tree whose own seal and SHA-256 were
 * checked, so a plaintext that has it is the one that was backed up; the MAC, eight times dearer, could add nothing.
 * Trees, index files, snapshots and keys have no such warrant: their MAC is always checked.
 */

/** restic cuts files into chunks of at most 8 MiB. */
export const DATA_BLOB_LIMIT_BYTES = 16 * 1024 * 1024;

const ZERO_BLOCK = Buffer.alloc(64 * 1024);
/** Smaller outputs would come from Buffer's shared pool, which can't be handed over to another thread. */
const LEAST_CHUNK_BYTES = 256 * 1024;

/** One blob in a buffer that was read from a pack. */
export interface SealedBlob {
  /** 32 bytes. */
  readonly id: Uint8Array;
  /** In the buffer. */
  readonly offset: number;
  readonly length: number;
  readonly compressed: boolean;
  readonly plainLength: number;
}

export interface DecodedBlob {
  /** In memory of its own, never in Buffer's shared pool. */
  readonly bytes: Uint8Array;
  /** Where it is not zero: pairs of first byte and byte after the last, in the blob, in blocks of 64 KiB. */
  readonly stretches: readonly number[];
}

/** Thrown for a blob whose contents are not what its id says; `why` completes "is damaged: …". */
export class BlobFault extends Error {
  constructor(
    readonly blob: SealedBlob,
    readonly why: string,
  ) {
    super(why);
  }
}

/** @throws BlobFault */
export function decodeBlob(key: SealingKey, read: Buffer, blob: SealedBlob): DecodedBlob {
  if (blob.length < SEAL_BYTES || blob.plainLength > DATA_BLOB_LIMIT_BYTES) {
    throw new BlobFault(blob, 'the index gives it an impossible length');
  }
  const opened = decryptUnchecked(key, read.subarray(blob.offset, blob.offset + blob.length));
  const bytes = blob.compressed ? decompress(opened, blob) : opened;
  if (blob.compressed) freeMemory(opened);
  if (bytes.length !== blob.plainLength) throw new BlobFault(blob, 'its length is not the one that the index says');
  if (hash('sha256', bytes, 'buffer').compare(blob.id) !== 0) throw new BlobFault(blob, 'its SHA-256 is not its id');
  return { bytes, stretches: nonZeroStretches(bytes) };
}

function decompress(frame: Buffer, blob: SealedBlob): Buffer {
  try {
    return zstdDecompressSync(frame, {
      // One byte more than is wanted, or a second output buffer is made just to see that nothing is left.
      chunkSize: Math.max(blob.plainLength + 1, LEAST_CHUNK_BYTES),
      maxOutputLength: Math.max(blob.plainLength, 1),
    });
  } catch {
    throw new BlobFault(blob, 'it does not decompress to the length that the index says');
  }
}

/** Pairs of [start, end) that cover every byte that is not zero. */
export function nonZeroStretches(bytes: Buffer): number[] {
  const stretches: number[] = [];
  for (let start = 0; start < bytes.length; start += ZERO_BLOCK.length) {
    const end = Math.min(start + ZERO_BLOCK.length, bytes.length);
    if (isZero(bytes, start, end)) continue;
    if (stretches.at(-1) === start) stretches[stretches.length - 1] = end;
    else stretches.push(start, end);
  }
  return stretches;
}

function isZero(bytes: Buffer, start: number, end: number): boolean {
  return bytes[start] === 0 && bytes.compare(ZERO_BLOCK, 0, end - start, start, end) === 0;
}
