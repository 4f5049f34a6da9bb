import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { AnonymousCredential, PageBlobClient, type StoragePipelineOptions } from '@azure/storage-blob';
import { PermanentError, RetryableError, type ByteRange, type ByteReader } from '@landfall/domain';
import { factsOf, reasonOf, troubleOf } from './storage-errors.js';

const TRIES = 6;
const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 8_000;

/** One layer repeats, and it is this one. */
const PIPELINE: StoragePipelineOptions = { retryOptions: { maxTries: 1, tryTimeoutInMs: 60_000 } };

/** The contents of a snapshot, read through its SAS. */
export class PageBlobSource implements ByteReader {
  readonly sizeBytes: number;
  readonly #blob: PageBlobClient;
  readonly #name: string;

  /**
   * @param name for messages, such as the disk's
   * @param url the snapshot's address with its SAS; never shown
   * @param sizeBytes of the disk's contents: what is exported ends with a footer
   */
  constructor(name: string, url: string, sizeBytes: number) {
    this.#blob = new PageBlobClient(url, new AnonymousCredential(), PIPELINE);
    this.#name = name;
    this.sizeBytes = sizeBytes;
  }

  /**
   * What of a range may hold something other than zeros: ascending, not touching, within it.
   * @throws as `read` does
   */
  async allocated({ offset, length }: ByteRange, signal?: AbortSignal): Promise<ByteRange[]> {
    return this.#repeating(signal, async () => {
      const ranges: { offset: number; length: number }[] = [];
      const listed = this.#blob.listPageRanges(offset, length, signal === undefined ? {} : { abortSignal: signal });
      for await (const { start, end, isClear } of listed) {
        const from = Math.max(start, offset);
        const to = Math.min(end + 1, offset + length);
        if (isClear === true || from >= to) continue;
        const last = ranges.at(-1);
        if (last !== undefined && last.offset + last.length === from) last.length = to - last.offset;
        else ranges.push({ offset: from, length: to - from });
      }
      return ranges;
    });
  }

  /** @throws RetryableError `SNAPSHOT_UNREACHABLE`, `SNAPSHOT_DENIED`; PermanentError `SNAPSHOT_UNREADABLE` */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    return this.#repeating(signal, async () => {
      const answer = await this.#blob.download(offset, length, signal === undefined ? {} : { abortSignal: signal });
      const chunks: Buffer[] = [];
      for await (const chunk of answer.readableStreamBody as Readable) chunks.push(chunk as Buffer);
      const bytes = Buffer.concat(chunks);
      if (bytes.length !== length) throw new Error('The connection ended before the range did.');
      return bytes;
    });
  }

  async #repeating<T>(signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        const mapped = this.#mapped(error);
        const mayPass = mapped instanceof RetryableError && mapped.code === 'SNAPSHOT_UNREACHABLE';
        if (!mayPass || tries === TRIES) throw mapped;
        const delay = Math.min(FIRST_DELAY_MS * 2 ** (tries - 1), LONGEST_DELAY_MS);
        await pause(delay * (0.5 + Math.random() / 2), undefined, signal === undefined ? {} : { signal });
      }
    }
  }

  #mapped(error: unknown): Error {
    const message = `The snapshot of ${this.#name} could not be read (${reasonOf(error)}).`;
    const facts = factsOf(error);
    // The SDK's error is not kept as the cause: its request carries the SAS.
    switch (troubleOf(error).kind) {
      case 'aborted':
        return error as Error;
      case 'denied':
        return new RetryableError(
          {
            code: 'SNAPSHOT_DENIED',
            message,
            fix: 'Nothing has to be done if it passes; else look whether the snapshot may be read from this network.',
          },
          { facts },
        );
      case 'unreachable':
        return new RetryableError(
          {
            code: 'SNAPSHOT_UNREACHABLE',
            message,
            fix: 'Nothing has to be done: it is read again. Check the network to Azure Storage if it goes on.',
          },
          { facts },
        );
      default:
        return new PermanentError(
          { code: 'SNAPSHOT_UNREADABLE', message, fix: 'Look at the snapshot in Azure, then capture again.' },
          { facts },
        );
    }
  }
}
