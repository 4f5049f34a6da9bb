import { Worker } from 'node:worker_threads';
import { RetryableError } from '@landfall/domain';
import type { SealingKey } from './crypto.js';
import { BlobFault, decodeBlob, type DecodedBlob, type SealedBlob } from './decode.js';

/*
 * Threads that decode blobs. A request carries what one ranged read of a pack brought; its memory is handed over to the
 * thread, and the plaintext's memory is handed back, so that no byte is copied between threads. Each request goes to the
 * thread with the least to do. Threads start with the first request and keep the process alive only while they work.
 */
export interface DecodeRequest {
  readonly number: number;
  readonly read: Uint8Array;
  readonly blobs: readonly SealedBlob[];
}

export type DecodeAnswer =
  | { readonly number: number; readonly decoded: readonly DecodedBlob[] }
  | { readonly number: number; readonly fault: { readonly blob: number; readonly why: string } }
  | { readonly number: number; readonly unexpected: string };

interface Waiting {
  readonly blobs: readonly SealedBlob[];
  resolve(decoded: readonly DecodedBlob[]): void;
  reject(error: Error): void;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

export class DecodePool {
  readonly #threads: Thread[] = [];
  #requests = 0;
  #closed = false;

  /** `threads` 0 decodes in the calling thread. */
  constructor(
    private readonly key: SealingKey,
    private readonly threads: number,
  ) {}

  /**
   * Decodes all blobs in `read`, whose memory is gone afterwards.
   * @throws BlobFault for the first one that is damaged
   */
  async decode(read: Buffer, blobs: readonly SealedBlob[]): Promise<readonly DecodedBlob[]> {
    if (this.threads === 0) return blobs.map((blob) => decodeBlob(this.key, read, blob));
    if (this.#closed) throw new Error('The repository was closed while it was being read.');
    const thread = this.#leastBusy();
    const number = this.#requests++;
    const owned = ownMemory(read);
    return new Promise((resolve, reject) => {
      thread.waiting.set(number, { blobs, resolve, reject });
      thread.worker.ref();
      thread.worker.postMessage({ number, read: owned, blobs } satisfies DecodeRequest, [owned.buffer]);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#threads.splice(0).map(({ worker }) => worker.terminate()));
  }

  #leastBusy(): Thread {
    if (this.#threads.length < this.threads) {
      const idle = this.#threads.find((thread) => thread.waiting.size === 0);
      return idle ?? this.#start();
    }
    return this.#threads.reduce((best, thread) => (thread.waiting.size < best.waiting.size ? thread : best));
  }

  #start(): Thread {
    const worker = new Worker(new URL('./decode-thread.js', import.meta.url), {
      workerData: this.key,
      name: 'landfall-decode',
      // Not the process's own flags: some of them only a whole process can have.
      execArgv: [],
    });
    const thread: Thread = { worker, waiting: new Map() };
    worker.on('message', (answer: DecodeAnswer) => settle(thread, answer));
    worker.on('error', (error) => this.#lose(thread, error));
    worker.on('exit', () => this.#lose(thread, new Error('the thread has ended')));
    this.#threads.push(thread);
    return thread;
  }

  /** A thread has died, of memory perhaps: what it had in hand can be tried again, on another. */
  #lose(thread: Thread, cause: unknown): void {
    const at = this.#threads.indexOf(thread);
    if (at >= 0) this.#threads.splice(at, 1);
    const error = new RetryableError(
      {
        code: 'DECODER_LOST',
        message: "A thread that decodes the repository's data has died.",
        fix: 'Give the data-mover more memory if this comes again.',
      },
      { cause },
    );
    for (const { reject } of thread.waiting.values()) reject(error);
    thread.waiting.clear();
  }
}

function settle(thread: Thread, answer: DecodeAnswer): void {
  const waiting = thread.waiting.get(answer.number);
  if (waiting === undefined) return;
  thread.waiting.delete(answer.number);
  if (thread.waiting.size === 0) thread.worker.unref();
  if ('decoded' in answer) waiting.resolve(answer.decoded);
  else if ('fault' in answer) waiting.reject(new BlobFault(waiting.blobs[answer.fault.blob]!, answer.fault.why));
  else waiting.reject(new Error(answer.unexpected));
}

/** The bytes in an ArrayBuffer that holds nothing else, copied only where they do not lie in one already. */
function ownMemory(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) return new Uint8Array(buffer);
  return new Uint8Array(bytes);
}
