import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { AnonymousCredential, PageBlobClient, type StoragePipelineOptions } from '@azure/storage-blob';
import { PermanentError, RetryableError, type DiskTarget } from '@landfall/domain';
import { factsOf, reasonOf, troubleOf } from './storage-errors.js';
import { vhdFooter } from './vhd-footer.js';

const PAGE_BYTES = 512;
/** The most that one Put Page takes. */
const LARGEST_PUT = 4 * 1024 * 1024;
const TRIES = 6;
const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 8_000;

/** One layer repeats, and it is this one. */
const PIPELINE: StoragePipelineOptions = { retryOptions: { maxTries: 1, tryTimeoutInMs: 60_000 } };

/**
 * A managed disk that is written page by page through its SAS.
 *
 * A Put Page that was answered is durable: storage keeps it three times over before it answers. So `flush` has nothing
 * left to do; a page that was not answered has made its `write` fail already.
 */
export class PageBlobTarget implements DiskTarget {
  readonly description: string;
  readonly sizeBytes: number;
  readonly alignmentBytes = PAGE_BYTES;
  readonly #blob: PageBlobClient;

  /**
   * @param url the disk's address with its SAS; never shown
   * @param sizeBytes of the disk's contents, without the footer
   */
  constructor(url: string, sizeBytes: number) {
    this.#blob = new PageBlobClient(url, new AnonymousCredential(), PIPELINE);
    this.sizeBytes = sizeBytes;
    this.description = `the managed disk behind ${new URL(url).host}`;
  }

  async write(offset: number, bytes: Uint8Array, signal?: AbortSignal, mayWrite?: () => void): Promise<void> {
    this.#within(offset, bytes.length);
    if (offset % PAGE_BYTES !== 0 || bytes.length % PAGE_BYTES !== 0) {
      throw new PermanentError({
        code: 'TARGET_MISALIGNED',
        message: `A write of ${bytes.length} bytes at ${offset} does not consist of whole pages of ${PAGE_BYTES} bytes.`,
        fix: 'This is a fault in Landfall: report it with the log of the data-mover.',
      });
    }
    for (let done = 0; done < bytes.length; done += LARGEST_PUT) {
      await this.#put(offset + done, bytes.subarray(done, done + LARGEST_PUT), signal, mayWrite);
    }
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    this.#within(offset, length);
    if (length === 0) return Buffer.alloc(0);
    return this.#repeating('read', signal, async () => {
      const answer = await this.#blob.download(offset, length, withSignal(signal));
      const chunks: Buffer[] = [];
      for await (const chunk of answer.readableStreamBody as Readable) chunks.push(chunk as Buffer);
      const bytes = Buffer.concat(chunks);
      if (bytes.length !== length) throw new Error('The connection ended before the range did.');
      return bytes;
    });
  }

  /** Ends an upload: writes the footer that makes the whole a fixed VHD. Doing it again changes nothing. */
  async finishUpload(diskName: string, signal?: AbortSignal): Promise<void> {
    await this.#put(this.sizeBytes, vhdFooter(this.sizeBytes, diskName), signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #put(offset: number, bytes: Uint8Array, signal: AbortSignal | undefined, mayWrite?: () => void): Promise<void> {
    const put = () => this.#blob.uploadPages(bytes, offset, bytes.length, withSignal(signal));
    await this.#repeating('written', signal, put, mayWrite);
  }

  /** Writing or reading the same range again is harmless, so whatever may pass is tried again, a bounded number of times. */
  async #repeating<T>(
    what: string,
    signal: AbortSignal | undefined,
    attempt: () => Promise<T>,
    mayTry?: () => void,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted();
      mayTry?.();
      try {
        return await attempt();
      } catch (error) {
        const mapped = this.#mapped(error, what);
        const mayPass = mapped instanceof RetryableError && mapped.code === 'TARGET_UNREACHABLE';
        if (!mayPass || tries === TRIES) throw mapped;
        const delay = Math.min(FIRST_DELAY_MS * 2 ** (tries - 1), LONGEST_DELAY_MS);
        await pause(delay * (0.5 + Math.random() / 2), undefined, signal === undefined ? {} : { signal });
      }
    }
  }

  #mapped(error: unknown, what: string): Error {
    const trouble = troubleOf(error);
    const message = `${this.description} could not be ${what} (${reasonOf(error)}).`;
    const facts = factsOf(error);
    switch (trouble.kind) {
      case 'aborted':
        return error as Error;
      case 'denied':
        // Access may have been granted for too short a time: the next claim comes with a fresh SAS.
        return new RetryableError(
          {
            code: 'TARGET_DENIED',
            message,
            fix: 'Nothing has to be done if it passes; else look whether somebody revoked the access to the disk.',
          },
          { facts },
        );
      case 'past-end':
        return this.#tooSmall(message);
      case 'unreachable':
        return new RetryableError(
          {
            code: 'TARGET_UNREACHABLE',
            message,
            fix: 'Nothing has to be done: the range is tried again. Check the network if it goes on.',
          },
          { facts },
        );
      default:
        return new PermanentError(
          {
            code: 'TARGET_FAILED',
            message,
            fix: 'Look at the disk in Azure; roll the restore back and begin anew.',
          },
          { facts },
        );
    }
  }

  #within(offset: number, length: number): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.sizeBytes) return;
    throw this.#tooSmall(`${this.description} has ${this.sizeBytes} bytes: there are no ${length} bytes at ${offset}.`);
  }

  #tooSmall(message: string): PermanentError {
    return new PermanentError({
      code: 'TARGET_TOO_SMALL',
      message,
      fix: 'Somebody changed the disk while it was being restored: roll the restore back and begin anew.',
    });
  }
}

function withSignal(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
