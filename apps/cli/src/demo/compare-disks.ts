import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';

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
  for await (const bytes of bytesOf(path, 0, length)) hash.update(bytes);
  return hash.digest('hex');
}

async function isZeroFrom(path: string, start: number): Promise<boolean> {
  const zeros = Buffer.alloc(CHUNK_BYTES);
  for await (const bytes of bytesOf(path, start, Infinity)) {
    if (!bytes.equals(zeros.subarray(0, bytes.length))) return false;
  }
  return true;
}

/** Each piece is good until the next one is asked for: a stream makes a buffer for each, and clearing their memory takes most of the time. */
async function* bytesOf(path: string, start: number, end: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  const file = await open(path);
  try {
    for (let at = start; at < end;) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - at), at);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}
