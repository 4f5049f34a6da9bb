import type { IncomingMessage } from 'node:http';
import { LARGEST_PUT_BYTES, StorageError } from './storage-rules.js';

/*
 * Memory into which the bodies of page writes are put together; it is kept and used again. A body comes in hundreds of
 * small buffers, and whatever waits for the garbage collector makes it run every few dozen MiB: so each is copied and
 * given back at once.
 */
const KEPT = 16;
const free: Buffer[] = [];

/** Runs `use` on the body of a request; the bytes are gone when it has ended. @throws StorageError 400, 411 */
export async function withBody<T>(
  request: IncomingMessage,
  expectedBytes: number,
  use: (body: Buffer) => Promise<T>,
): Promise<T> {
  const declared = request.headers['content-length'];
  if (declared === undefined) throw new StorageError(411, 'MissingContentLengthHeader', 'Content-Length is required.');
  if (Number(declared) !== expectedBytes) {
    throw new StorageError(400, 'InvalidHeaderValue', 'The Content-Length is not the length of the page range.');
  }
  const memory = free.pop() ?? Buffer.allocUnsafeSlow(LARGEST_PUT_BYTES);
  try {
    const length = await fill(memory.subarray(0, expectedBytes), request);
    if (length !== expectedBytes) throw new StorageError(400, 'IncompleteBody', 'The request body ended too early.');
    return await use(memory.subarray(0, expectedBytes));
  } finally {
    if (free.length < KEPT) free.push(memory);
  }
}

/** How many bytes came; what is more than the memory holds is dropped. */
function fill(memory: Buffer, request: IncomingMessage): Promise<number> {
  return new Promise((resolve, reject) => {
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      if (length < memory.length) chunk.copy(memory, length);
      length += chunk.length;
      giveBack(chunk);
    });
    request.once('end', () => resolve(length));
    request.once('error', reject);
    request.once('close', () => {
      if (!request.complete) reject(new StorageError(400, 'IncompleteBody', 'The request body ended too early.'));
    });
  });
}

/** Does nothing to bytes that share their memory with others. */
function giveBack({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
