import {
  type CallIntent,
  type CallJournal,
  type Creation,
  type ErrorDetails,
  type JournalEntry,
  type WorkRun,
} from '@landfall/domain';
import { isRunning, superseded, type BooksState, type CallData, type RestoreData } from './memory-books-state.js';

type Commit = <T>(work: (state: BooksState) => T) => Promise<T>;

/** The journal of the books in memory: guarded by the run's epoch, unlike `MemoryJournal`, which knows of no runs. */
export class BooksJournal implements CallJournal {
  readonly #run: WorkRun;
  readonly #commit: Commit;

  constructor(run: WorkRun, commit: Commit) {
    this.#run = run;
    this.#commit = commit;
  }

  get restoreId(): string {
    return this.#run.restoreId;
  }

  begin(intent: CallIntent): Promise<JournalEntry> {
    return this.#commit((state) => {
      const data = state.restores.get(this.#run.restoreId);
      if (!data || !isRunning(state, this.#run)) throw superseded(this.#run);
      const entry = this.#take(data, intent);
      if (intent.effect.creates) intend(data, intent.azureId, intent.effect.creates);
      const hasOtherBody = entry.intent.bodyHash !== intent.bodyHash;
      return { state: entry.state, pollerState: entry.pollerState, ...(hasOtherBody ? { hasOtherBody } : {}) };
    });
  }

  submitted(key: string, pollerState: string): Promise<void> {
    return this.#change(key, (call) => Object.assign(call, { state: 'submitted', pollerState }));
  }

  succeeded(key: string): Promise<void> {
    return this.#change(key, (call, data) => {
      Object.assign(call, { state: 'succeeded', pollerState: null });
      if (call.intent.effect.creates) settle(data, call.intent.azureId, 'created');
      if (call.intent.effect.removes) settle(data, call.intent.azureId, 'removed');
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
    const call: CallData = { intent, work, epoch, state: 'intended', pollerState: null };
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

function intend(data: RestoreData, azureId: string, { kind, role }: Creation): void {
  const known = data.ledger.find((entry) => sameId(entry.azureId, azureId));
  if (known) {
    if (known.state === 'removed') known.state = 'intended';
  } else {
    data.ledger.push({ azureId, kind, role, state: 'intended', createdAt: new Date() });
  }
}

function settle(data: RestoreData, azureId: string, state: 'created' | 'removed'): void {
  const known = data.ledger.find((entry) => sameId(entry.azureId, azureId));
  if (!known || known.state === state || known.state === 'removed') return;
  known.state = state;
  const verb = state === 'created' ? 'Created' : 'Removed';
  data.events.push({
    sequence: data.events.length + 1,
    restoreId: data.id,
    at: new Date(),
    type: `resource.${state}`,
    message: `${verb} ${azureId.split('/').at(-1)}.`,
    data: { azureId },
  });
}

function sameId(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
