import {
  type CallIntent,
  type CallJournal,
  type CallResult,
  type ErrorDetails,
  type JournalEntry,
  type WorkRun,
} from '@landfall/domain';
import { enter, settle } from './memory-ledger.js';
import { isRunning, superseded, type BooksState, type CallData, type RestoreData } from './memory-books-state.js';

type Commit = <T>(work: (state: BooksState) => T) => Promise<T>;

/** The journal of the books in memory: guarded by the run's epoch, unlike `MemoryJournal`, which knows of no runs. */
export class BooksJournal implements CallJournal {
  readonly #run: WorkRun;
  readonly #commit: Commit;

  readonly #clock: () => Date;

  constructor(run: WorkRun, commit: Commit, clock: () => Date) {
    this.#clock = clock;
    this.#run = run;
    this.#commit = commit;
  }

  get ownerId(): string {
    return this.#run.restoreId;
  }

  begin(intent: CallIntent): Promise<JournalEntry> {
    return this.#commit((state) => {
      const data = state.restores.get(this.#run.restoreId);
      if (!data || !isRunning(state, this.#run)) throw superseded(this.#run);
      const entry = this.#take(data, intent);
      entry.life = enter(data.ledger, intent, this.#clock());
      const hasOtherBody = entry.intent.bodyHash !== intent.bodyHash;
      return { state: entry.state, pollerState: entry.pollerState, ...(hasOtherBody ? { hasOtherBody } : {}) };
    });
  }

  submitted(key: string, pollerState: string): Promise<void> {
    return this.#change(key, (call) => Object.assign(call, { state: 'submitted', pollerState }));
  }

  succeeded(key: string, result: CallResult = {}): Promise<void> {
    return this.#change(key, (call, data) => {
      Object.assign(call, { state: 'succeeded', pollerState: null });
      const event = settle(data.ledger, call.intent, call.life, result);
      if (event === null) return;
      data.events.push({ sequence: data.events.length + 1, restoreId: data.id, at: new Date(), ...event });
    });
  }

  failed(key: string, _error: ErrorDetails): Promise<void> {
    return this.#change(key, (call) => Object.assign(call, { state: 'failed', pollerState: null }));
  }

  #take(data: RestoreData, intent: CallIntent): CallData {
    const { work, epoch } = this.#run;
    const earlier = data.calls.find((call) => call.intent.key === intent.key);
    const isSame = earlier?.intent.bodyHash === intent.bodyHash;
    const goesOn = earlier?.state === 'submitted' || (isSame && earlier?.state !== 'failed');
    if (earlier && goesOn) return Object.assign(earlier, { work, epoch });
    const call: CallData = { intent, work, epoch, state: 'intended', pollerState: null, life: null };
    data.calls = [...data.calls.filter((other) => other !== earlier), call];
    return call;
  }

  #change(key: string, change: (call: CallData, data: RestoreData) => unknown): Promise<void> {
    return this.#commit((state) => {
      const { restoreId, work, epoch } = this.#run;
      const data = state.restores.get(restoreId);
      const call = data?.calls.find(
        (candidate) => candidate.intent.key === key && candidate.work === work && candidate.epoch === epoch,
      );
      if (!data || !call) throw superseded(this.#run);
      change(call, data);
    });
  }
}
