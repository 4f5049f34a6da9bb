import { parentPort, workerData } from 'node:worker_threads';
import type { SealingKey } from './crypto.js';
import type { DecodeAnswer, DecodeRequest } from './decode-pool.js';
import { BlobFault, decodeBlob } from './decode.js';
import { freeMemory } from './memory.js';

/* The inside of a decoding thread, see decode-pool.ts: answers each request, in order. */
const port = parentPort;
if (port === null) throw new Error('decode-thread runs in a worker thread only');
const key = workerData as SealingKey;

port.on('message', (request: DecodeRequest) => {
  const answer = decode(request);
  const memory = 'decoded' in answer ? answer.decoded.map(({ bytes }) => bytes.buffer as ArrayBuffer) : [];
  port.postMessage(answer, memory);
});

function decode({ number, read, blobs }: DecodeRequest): DecodeAnswer {
  const bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
  let at = 0;
  try {
    const decoded = [];
    for (const blob of blobs) {
      decoded.push(decodeBlob(key, bytes, blob));
      at += 1;
    }
    return { number, decoded };
  } catch (error) {
    if (error instanceof BlobFault) return { number, fault: { blob: at, why: error.why } };
    return { number, unexpected: error instanceof Error ? error.message : String(error) };
  } finally {
    freeMemory(read);
  }
}
