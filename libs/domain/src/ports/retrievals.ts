import type { ArchivedFile } from '../planning/facts.js';
import type { StoredFile } from './file-store.js';

/*
 * What restores bring back from the archive tier: which files, and where the copies of them lie.
 */
export interface Retrieval {
  /** Where the copies lie, below their paths in the repository: `azure://ACCOUNT/CONTAINER`, a container for this restore alone. */
  readonly url: string;
  readonly files: readonly ArchivedFile[];
  /** For how long they are kept once the restore has ended. */
  readonly keepHours: number;
}

/** The books of it; it is written down with the plan. */
export interface Retrievals {
  /** Null: nothing has to be brought back for it, or what was is removed again. */
  retrieval(restoreId: string): Promise<Retrieval | null>;
  /** Its place alone, for whoever asks often. */
  url(restoreId: string): Promise<string | null>;
  /** Whatever was copied is gone. */
  removed(restoreId: string): Promise<void>;
  /** Restores that have ended, and whose copies are older than they have to be, by the books' own clock. */
  due(): Promise<readonly string[]>;
}

/** Copies of archived files, in a container of their own in the account of the repository. */
export interface ArchiveCopies {
  /** Those that were asked for; none where there is no such container. */
  list(signal?: AbortSignal): Promise<readonly ArchiveCopy[]>;
  /**
   * Asks for the copy of a file, which is there at once and can be read once it is no longer archived itself. Makes the container.
   * @throws PermanentError `STORE_DENIED`, `FILE_NOT_FOUND`; RetryableError `STORE_UNREACHABLE`
   */
  begin(path: string, priority: 'standard' | 'high', signal?: AbortSignal): Promise<void>;
  /** All of them, with their container. What is gone already is a success. */
  remove(signal?: AbortSignal): Promise<void>;
}

export interface ArchiveCopy extends Pick<StoredFile, 'path' | 'sizeBytes'> {
  /** `failed`: it will never be there; asking for it again makes it anew. */
  readonly state: 'pending' | 'there' | 'failed';
}
