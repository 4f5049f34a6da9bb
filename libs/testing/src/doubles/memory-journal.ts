import {
  PermanentError,
  type CallIntent,
  type CallJournal,
  type CallResult,
  type ErrorDetails,
  type JournalEntry,
  type LedgerEntry,
} from '@landfall/domain';

/** A restore's cloud calls and ledger in memory; shared by the journals of its steps, as the books are. */
export class MemoryJournal implements CallJournal {
  readonly restoreId: string;
  readonly #entries = new Map<string, JournalEntry & { readonly intent: CallIntent }>();
  readonly #ledger = new Map<string, LedgerEntry>();

  constructor(restoreId: string) {
    this.restoreId = restoreId;
  }

  /** What the restore made, wants to make, or has removed again. */
  get ledger(): readonly LedgerEntry[] {
    return [...this.#ledger.values()];
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
    if (intent.effect.creates !== undefined) {
      const { kind, role } = intent.effect.creates;
      const known = this.#ledger.get(intent.azureId.toLowerCase());
      if (known === undefined || known.state === 'removed') {
        this.#setLedger({ azureId: intent.azureId, kind, role, state: 'intended', createdAt: new Date(0) });
      }
    }
    const entry =
      before === undefined || before.state === 'failed'
        ? { state: 'intended' as const, pollerState: null, intent }
        : before;
    this.#entries.set(intent.key, entry);
    return Promise.resolve({
      ...{ state: entry.state, pollerState: entry.pollerState },
      ...(hasOtherBody ? { hasOtherBody } : {}),
    });
  }

  submitted(key: string, pollerState: string): Promise<void> {
    return this.#change(key, (entry) => ({ ...entry, state: 'submitted', pollerState }));
  }

  succeeded(key: string): Promise<void> {
    const intent = this.#entries.get(key)?.intent;
    const known = this.#ledger.get(intent?.azureId.toLowerCase() ?? '');
    if (known?.state === 'intended' && intent?.effect.creates !== undefined)
      this.#setLedger({ ...known, state: 'created' });
    if (known !== undefined && intent?.effect.removes !== undefined) this.#setLedger({ ...known, state: 'removed' });
    return this.#change(key, (entry) => ({ ...entry, state: 'succeeded', pollerState: null }));
  }

  failed(key: string, _error: ErrorDetails): Promise<void> {
    return this.#change(key, (entry) => ({ ...entry, state: 'failed', pollerState: null }));
  }

  #setLedger(entry: LedgerEntry): void {
    this.#ledger.set(entry.azureId.toLowerCase(), entry);
  }

  #change(
    key: string,
    change: (entry: JournalEntry & { intent: CallIntent }) => JournalEntry & { intent: CallIntent },
  ): Promise<void> {
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

/**
 * Dies at the n-th boundary between the books and Azure, counted from 0: before and after every call of the journal.
 * Run the same work with 0, 1, 2 … until it gets through, and every point at which a process may die was visited.
 */
export class CrashingJournal implements CallJournal {
  readonly restoreId: string;
  readonly #inner: CallJournal;
  #left: number;

  constructor(inner: CallJournal, boundary: number) {
    this.#inner = inner;
    this.#left = boundary;
    this.restoreId = inner.restoreId;
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
