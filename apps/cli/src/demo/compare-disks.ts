import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

const CHUNK_BYTES = 4 * 1024 * 1024;

export interface Comparison {
  /** The source's bytes come back unchanged, and everything behind them is zero. */
  readonly equal: boolean;
  /** Of the source, in hexadecimal. */
  readonly sha256: string;
  /** Of as many bytes of the restored disk. */
  readonly restoredSha256: string;
  /** Bytes behind the source's end, because Azure's disks are whole GiB. */
  readonly tailBytes: number;
  readonly tailIsZero: boolean;
}

/** Reads both files whole. */
export async function compareDisks(source: string, restored: string): Promise<Comparison> {
  const [{ size: sourceBytes }, { size: restoredBytes }] = await Promise.all([stat(source), stat(restored)]);
  const [sha256, restoredSha256] = [await hashOf(source, sourceBytes), await hashOf(restored, sourceBytes)];
  const tailIsZero = restoredBytes <= sourceBytes || (await isZeroFrom(restored, sourceBytes));
  return {
    equal: sha256 === restoredSha256 && tailIsZero && restoredBytes >= sourceBytes,
    sha256,
    restoredSha256,
    tailBytes: restoredBytes - sourceBytes,
    tailIsZero,
  };
}

async function hashOf(path: string, length: number): Promise<string> {
  const hash = createHash('sha256');
  const stream = createReadStream(path, { start: 0, end: length - 1, highWaterMark: CHUNK_BYTES });
  for await (const chunk of stream as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}

async function isZeroFrom(path: string, start: number): Promise<boolean> {
  const zeros = Buffer.alloc(CHUNK_BYTES);
  const stream = createReadStream(path, { start, highWaterMark: CHUNK_BYTES });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (!chunk.equals(zeros.subarray(0, chunk.length))) return false;
  }
  return true;
}
