import type { CallEffect } from '../../cloud/ledger.js';
import type { ErrorDetails } from '../../errors.js';

/**
 * The books of one run's cloud calls, kept in Postgres. All methods commit before they return.
 * One entry per `key` (unique in its owner), such as `disk.create:web-os-r…`.
 */
export interface CallJournal {
  /** Whose the calls are: a restore's id, or a capture's. */
  readonly ownerId: string;
  /**
   * Writes down what is going to be done, before it is: the operation, and what its effect enters into the ledger. Returns
   * the entry as it stands if there is one from an earlier try.
   * @throws ConflictError `STEP_SUPERSEDED` when the step's epoch is no longer current: stop at once
   */
  begin(intent: CallIntent): Promise<JournalEntry>;
  /** Azure has answered the call, and nothing of it is written yet: where tests let the process die. */
  called?(key: string): Promise<void>;
  /** The poller's serialized state, so that waiting can be resumed without a second call. */
  submitted(key: string, pollerState: string): Promise<void>;
  /** Also settles in the ledger what the effect has come to. A life that has ended meanwhile stays ended. */
  succeeded(key: string, result?: CallResult): Promise<void>;
  /** The attempt's end is known to be bad; the next `begin` starts anew. */
  failed(key: string, error: ErrorDetails): Promise<void>;
}

export interface CallIntent {
  readonly key: string;
  /** Such as `disks.createOrUpdate`. */
  readonly operation: string;
  readonly azureId: string;
  /**
   * SHA-256 over the canonical request body. Another one than before starts the entry anew, unless the call with the
   * earlier body is still under way: then the entry stays that call's, and says so.
   */
  readonly bodyHash: string;
  readonly effect: CallEffect;
}

export interface CallResult {
  readonly azureId?: string;
  /** Azure's own number for what was made. */
  readonly instanceId?: string;
}

export interface JournalEntry {
  readonly state: 'intended' | 'submitted' | 'succeeded' | 'failed';
  readonly pollerState: string | null;
  /** The call under way was made with another body than is asked for now; once it has failed, `begin` starts anew. */
  readonly hasOtherBody?: boolean;
}
