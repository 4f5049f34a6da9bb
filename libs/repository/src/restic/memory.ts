/**
 * Frees memory now. Left to the garbage collector, the megabytes that each blob passes through cost more than its
 * decryption: they make it run all the time, and every blob gets memory that the kernel has to clear first.
 *
 * Does nothing to bytes that share their memory with others, such as those from Buffer's pool.
 */
export function freeMemory(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer && !bytes.buffer.detached && isAlone(bytes)) bytes.buffer.transfer(0);
}

/** zstd's outputs are up to this much longer than what is used of them. */
const SLACK_BYTES = 256 * 1024;
/** Larger than Buffer's pool. */
const WORTHWHILE_BYTES = 128 * 1024;

function isAlone({ buffer, byteLength }: Uint8Array): boolean {
  return buffer.byteLength >= WORTHWHILE_BYTES && buffer.byteLength - byteLength <= SLACK_BYTES;
}
