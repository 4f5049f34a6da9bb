/**
 * A disk that is being written: an attached block device, or a managed disk through its SAS.
 *
 * Writes may be in flight side by side, never overlapping. Nothing counts as written before `flush` has returned;
 * after a failed `flush` everything since the last good one is unwritten, and the target must be closed.
 */
export interface DiskTarget {
  /** Whether what was read last came from the disk itself, where that is known: false means from memory. */
  readonly readsPastCache?: boolean | undefined;
  readonly description: string;
  readonly sizeBytes: number;
  /** Offsets and lengths of writes must be multiples of it; 512 for pages, 1 for files. */
  readonly alignmentBytes: number;

  /**
   * @param mayWrite asked right before each part of it goes to the disk, after all waiting and before every repetition; throws
   *   once this process may no longer write, which ends the write
   * @throws PermanentError `TARGET_FULL` (ENOSPC), `TARGET_FAILED` (EIO), `TARGET_TOO_SMALL`
   * @throws RetryableError `TARGET_UNREACHABLE`
   */
  write(offset: number, bytes: Uint8Array, signal?: AbortSignal, mayWrite?: () => void): Promise<void>;

  /** @throws PermanentError `TARGET_FLUSH_FAILED`; never retried as a success */
  flush(): Promise<void>;

  /** Reads back, past the page cache where that can be done. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer>;

  close(): Promise<void>;
}
