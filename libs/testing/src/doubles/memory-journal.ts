import {
  PermanentError,
  type CallIntent,
  type CallJournal,
  type CallResult,
  type ErrorDetails,
  type JournalEntry,
  type LedgerEntry,
  type OpenChange,
} from '@landfall/domain';
import { emptyLedger, enter, latestLives, openChanges, settle, type LedgerRows } from './memory-ledger.js';

type Entry = JournalEntry & { readonly intent: CallIntent; readonly life: number | null };

/** A restore's cloud calls and ledger in memory; shared by the journals of its steps, as the books are. */
export class MemoryJournal implements CallJournal {
  readonly ownerId: string;
  readonly #entries = new Map<string, Entry>();
  readonly #ledger: LedgerRows = emptyLedger();

  constructor(ownerId: string) {
    this.ownerId = ownerId;
  }

  /** What the restore made, wants to make, or has removed again. */
  get ledger(): readonly LedgerEntry[] {
    return latestLives(this.#ledger, new Date(0));
  }

  /** What was changed of what is not the owner's, and not undone yet. */
  get changes(): readonly OpenChange[] {
    return openChanges(this.#ledger);
  }

  /** The keys of all intents, in the order of their first `begin`. */
  get keys(): readonly string[] {
    return [...this.#entries.keys()];
  }

  entry(key: string): JournalEntry | undefined {
    return this.#entries.get(key);
  }

  begin(intent: CallIntent): Promise<JournalEntry> {
    const before = this.#entries.get(intent.key);
    const hasOtherBody =
      before !== undefined && before.state !== 'failed' && before.intent.bodyHash !== intent.bodyHash;
    if (hasOtherBody && before.state !== 'submitted') {
      return Promise.reject(
        new PermanentError({
          code: 'INTENT_CHANGED',
          message: `The call ${intent.key} was begun with another body.`,
          fix: 'This is a fault in Landfall: the same key must always ask for the same.',
        }),
      );
    }
    const life = enter(this.#ledger, intent, new Date(0));
    const entry =
      before === undefined || before.state === 'failed'
        ? { state: 'intended' as const, pollerState: null, intent }
        : before;
    this.#entries.set(intent.key, { ...entry, life });
    return Promise.resolve({
      ...{ state: entry.state, pollerState: entry.pollerState },
      ...(hasOtherBody ? { hasOtherBody } : {}),
    });
  }

  submitted(key: string, pollerState: string): Promise<void> {
    return this.#change(key, (entry) => ({ ...entry, state: 'submitted', pollerState }));
  }

  succeeded(key: string, result: CallResult = {}): Promise<void> {
    const entry = this.#entries.get(key);
    if (entry !== undefined) settle(this.#ledger, entry.intent, entry.life, result);
    return this.#change(key, (entry) => ({ ...entry, state: 'succeeded', pollerState: null }));
  }

  failed(key: string, _error: ErrorDetails): Promise<void> {
    return this.#change(key, (entry) => ({ ...entry, state: 'failed', pollerState: null }));
  }

  #change(key: string, change: (entry: Entry) => Entry): Promise<void> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return Promise.reject(new Error(`Nothing was begun under ${key}.`));
    this.#entries.set(key, change(entry));
    return Promise.resolve();
  }
}

/** What a `CrashingJournal` throws: the process dies here. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash';
}

/** A work that meets more boundaries than this each time it is tried anew never gets through. */
const MOST_BOUNDARIES = 500;

/**
 * Does the same work with a process that dies at the first boundary, then at the second …, until the work gets through: so
 * every point at which a process may die is visited.
 * @returns how often the process died
 * @throws Error when the work does not get through
 */
export async function throughEveryCrash(
  journal: CallJournal,
  work: (crashing: CallJournal) => Promise<unknown>,
): Promise<number> {
  for (let boundary = 0; boundary < MOST_BOUNDARIES; boundary++) {
    try {
      await work(new CrashingJournal(journal, boundary));
      return boundary;
    } catch (error) {
      if (!(error instanceof SimulatedCrash)) throw error;
    }
  }
  throw new Error(`The work has not got through after dying at ${MOST_BOUNDARIES} boundaries.`);
}

/** Dies at the n-th boundary between the books and Azure, counted from 0: before and after every call of the journal. */
export class CrashingJournal implements CallJournal {
  readonly ownerId: string;
  readonly #inner: CallJournal;
  #left: number;

  constructor(inner: CallJournal, boundary: number) {
    this.#inner = inner;
    this.#left = boundary;
    this.ownerId = inner.ownerId;
  }

  begin(intent: CallIntent): Promise<JournalEntry> {
    return this.#between(`begin ${intent.key}`, () => this.#inner.begin(intent));
  }

  submitted(key: string, pollerState: string): Promise<void> {
    return this.#between(`submitted ${key}`, () => this.#inner.submitted(key, pollerState));
  }

  succeeded(key: string, result?: CallResult): Promise<void> {
    return this.#between(`succeeded ${key}`, () => this.#inner.succeeded(key, result));
  }

  failed(key: string, error: ErrorDetails): Promise<void> {
    return this.#between(`failed ${key}`, () => this.#inner.failed(key, error));
  }

  async #between<T>(what: string, call: () => Promise<T>): Promise<T> {
    this.#boundary(`before ${what}`);
    const result = await call();
    this.#boundary(`after ${what}`);
    return result;
  }

  #boundary(where: string): void {
    if (this.#left-- === 0) throw new SimulatedCrash(`The process dies ${where}.`);
  }
}
