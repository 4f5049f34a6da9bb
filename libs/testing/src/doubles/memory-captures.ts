import {
  captureHasEnded,
  ConflictError,
  isCurrentRun,
  requireCaptureTransition,
  type CallIntent,
  type CallJournal,
  type CallResult,
  type Capture,
  type CaptureBooks,
  type CaptureEvent,
  type CapturePatch,
  type CaptureRun,
  type CaptureState,
  type CaptureTransaction,
  type IdempotencyClaim,
  type JournalEntry,
  type LedgerEntry,
  type NewCapture,
  type NewOutboxMessage,
  type OpenChange,
} from '@landfall/domain';
import { copyLedger, emptyLedger, enter, latestLives, openChanges, settle, type LedgerRows } from './memory-ledger.js';

interface Call extends JournalEntry {
  readonly intent: CallIntent;
  readonly epoch: number;
  readonly work: string;
  readonly life: number | null;
}

interface Data {
  capture: Capture;
  sealedModel: string | null;
  events: CaptureEvent[];
  ledger: LedgerRows;
  calls: Map<string, Call>;
}

interface State {
  captures: Map<string, Data>;
  keys: Map<string, IdempotencyClaim>;
  outbox: NewOutboxMessage[];
  audit: unknown[];
}

/** The books of captures in memory: transactions one after the other, each on a copy that takes the place of the old state. */
export class MemoryCaptures implements CaptureBooks {
  #state: State = { captures: new Map(), keys: new Map(), outbox: [], audit: [] };
  #last: Promise<unknown> = Promise.resolve();

  /** Jobs that nobody has struck off, oldest first. */
  get outbox(): readonly NewOutboxMessage[] {
    return this.#state.outbox;
  }

  /** What the relay does: hands over what there is. */
  async takeOutbox(): Promise<readonly NewOutboxMessage[]> {
    return this.#commit((state) => state.outbox.splice(0));
  }

  transaction<T>(work: (tx: CaptureTransaction) => Promise<T>): Promise<T> {
    return this.#commit((state) => work(new MemoryCaptureTransaction(state)));
  }

  #commit<T>(work: (state: State) => T | Promise<T>): Promise<T> {
    const run = this.#last.then(async () => {
      const copy = copyOf(this.#state);
      const result = await work(copy);
      this.#state = copy;
      return result;
    });
    this.#last = run.catch(() => undefined);
    return run;
  }

  async capture(id: string): Promise<Capture | null> {
    return this.#state.captures.get(id)?.capture ?? null;
  }

  async captures(filter: { states?: readonly CaptureState[]; limit?: number } = {}): Promise<readonly Capture[]> {
    return [...this.#state.captures.values()]
      .map(({ capture }) => capture)
      .reverse()
      .filter(({ state }) => filter.states?.includes(state) ?? true)
      .slice(0, filter.limit);
  }

  async events(captureId: string, afterSequence = 0, limit = 1_000): Promise<readonly CaptureEvent[]> {
    const events = this.#state.captures.get(captureId)?.events ?? [];
    return events.filter(({ sequence }) => sequence > afterSequence).slice(0, limit);
  }

  journal(run: CaptureRun): CallJournal {
    const { captureId, epoch } = run;
    const isWanted = (capture: Capture) => isCurrentRun(capture, run);
    return new CaptureJournal({ captureId, epoch, work: 'capture', isWanted }, (change) => this.#commit(change));
  }

  sweepJournal(captureId: string, epoch: number): CallJournal {
    const isWanted = (capture: Capture) => captureHasEnded(capture.state) && capture.epoch === epoch;
    return new CaptureJournal({ captureId, epoch, work: 'sweep', isWanted }, (change) => this.#commit(change));
  }

  async ledger(captureId: string): Promise<readonly LedgerEntry[]> {
    return latestLives(this.#state.captures.get(captureId)?.ledger ?? emptyLedger(), new Date());
  }

  async openChanges(captureId: string): Promise<readonly OpenChange[]> {
    return openChanges(this.#state.captures.get(captureId)?.ledger ?? emptyLedger());
  }

  async sealedModel(captureId: string): Promise<string | null> {
    return this.#state.captures.get(captureId)?.sealedModel ?? null;
  }

  async reportProgress(run: CaptureRun, diskName: string, bytesDone: number): Promise<void> {
    await this.#commit(async (state) => {
      const data = state.captures.get(run.captureId);
      if (data === undefined || !isCurrentRun(data.capture, { ...run, goesBack: false })) return;
      await new MemoryCaptureTransaction(state).patchDisk(run.captureId, diskName, { bytesDone });
    });
  }

  async runnable(): Promise<readonly Capture[]> {
    const waits = ({ id, epoch }: Capture): boolean =>
      this.#state.outbox.some(({ payload }) => payload['captureId'] === id && payload['epoch'] === epoch);
    return [...this.#state.captures.values()]
      .map(({ capture }) => capture)
      .filter((capture) => !captureHasEnded(capture.state) && !waits(capture));
  }
}

class MemoryCaptureTransaction implements CaptureTransaction {
  constructor(private readonly state: State) {}

  async createCapture({ id, requestedBy, ...request }: NewCapture): Promise<void> {
    for (const { capture: other } of this.state.captures.values()) {
      if (captureHasEnded(other.state) || other.vmId.toLowerCase() !== request.vmId.toLowerCase()) continue;
      const message = `The VM ${request.vmId} is being captured already, by ${other.id}.`;
      throw new ConflictError({ code: 'CAPTURE_UNDER_WAY', message, fix: 'Wait until that capture has ended.' });
    }
    const capture: Capture = {
      ...{ ...request, id, requestedBy, state: 'queued', epoch: 0, begun: false, attempts: 0, outcome: null },
      ...{
        error: null,
        machine: null,
        takenAt: null,
        oneState: null,
        disks: [],
        problems: [],
        createdAt: new Date(),
        endedAt: null,
      },
    };
    this.state.captures.set(id, { capture, sealedModel: null, events: [], ledger: emptyLedger(), calls: new Map() });
  }

  async lockCapture(id: string): Promise<Capture | null> {
    return this.state.captures.get(id)?.capture ?? null;
  }

  async requireCurrent(run: CaptureRun): Promise<Capture> {
    const capture = await this.lockCapture(run.captureId);
    if (capture === null || !isCurrentRun(capture, run)) throw superseded(run.captureId, run.epoch);
    return capture;
  }

  async moveCapture(
    id: string,
    guard: { readonly from: CaptureState; readonly epoch: number },
    to: CaptureState,
    patch: CapturePatch = {},
  ): Promise<boolean> {
    requireCaptureTransition(guard.from, to);
    const { capture } = this.#data(id);
    if (capture.state !== guard.from || capture.epoch !== guard.epoch) return false;
    const outcome = patch.outcome ?? capture.outcome;
    if (captureHasEnded(to) ? outcome !== to : to === 'cancelling' && outcome !== 'cancelled') {
      throw new Error(`A capture whose end is ${outcome} may not become ${to}.`);
    }
    this.#put(id, { ...patch, state: to, ...(captureHasEnded(to) ? { endedAt: new Date() } : {}) });
    if (captureHasEnded(to)) this.#data(id).sealedModel = null;
    return true;
  }

  async patchCapture(id: string, patch: CapturePatch): Promise<void> {
    this.#put(id, patch);
  }

  async saveModel(
    id: string,
    { machine, sealedModel, disks }: Parameters<CaptureTransaction['saveModel']>[1],
  ): Promise<void> {
    this.#data(id).sealedModel = sealedModel;
    this.#put(id, { machine, disks: disks.map((disk) => ({ ...disk, bytesDone: 0, file: null, stored: null })) });
  }

  async patchDisk(id: string, name: string, patch: Parameters<CaptureTransaction['patchDisk']>[2]): Promise<void> {
    const { disks } = this.#data(id).capture;
    this.#put(id, { disks: disks.map((disk) => (disk.name === name ? { ...disk, ...patch } : disk)) });
  }

  async addEvent(id: string, type: string, message: string, data: Record<string, unknown> = {}): Promise<void> {
    addEvent(this.#data(id), type, message, data);
  }

  async enqueue(message: NewOutboxMessage): Promise<void> {
    this.state.outbox.push(message);
  }

  async claimIdempotencyKey(claim: IdempotencyClaim): Promise<IdempotencyClaim> {
    const known = this.state.keys.get(claim.key) ?? claim;
    this.state.keys.set(claim.key, known);
    return known;
  }

  async audit(entry: unknown): Promise<void> {
    this.state.audit.push(entry);
  }

  #data(id: string): Data {
    const data = this.state.captures.get(id);
    if (data === undefined) throw new Error(`There is no capture ${id}.`);
    return data;
  }

  #put(id: string, change: Partial<Capture>): void {
    const data = this.#data(id);
    data.capture = { ...data.capture, ...change };
    if (data.capture.outcome === 'failed' && data.capture.error === null)
      throw new Error('A failure needs its reason.');
  }
}

class CaptureJournal implements CallJournal {
  constructor(
    private readonly run: {
      readonly captureId: string;
      readonly epoch: number;
      readonly work: string;
      isWanted(capture: Capture): boolean;
    },
    private readonly commit: <T>(work: (state: State) => T) => Promise<T>,
  ) {}

  get ownerId(): string {
    return this.run.captureId;
  }

  begin(intent: CallIntent): Promise<JournalEntry> {
    const { captureId, epoch, work, isWanted } = this.run;
    return this.commit((state) => {
      const data = state.captures.get(captureId);
      if (data === undefined || !isWanted(data.capture)) throw superseded(captureId, epoch);
      const life = enter(data.ledger, intent, new Date());
      const earlier = data.calls.get(intent.key);
      const isSame = earlier?.intent.bodyHash === intent.bodyHash;
      const goesOn = earlier?.state === 'submitted' || (isSame && earlier.state !== 'failed');
      const call: Call =
        earlier !== undefined && goesOn
          ? { ...earlier, epoch, work, life }
          : { state: 'intended', pollerState: null, intent, epoch, work, life };
      data.calls.set(intent.key, call);
      const hasOtherBody = call.intent.bodyHash !== intent.bodyHash;
      return { state: call.state, pollerState: call.pollerState, ...(hasOtherBody ? { hasOtherBody } : {}) };
    });
  }

  submitted(key: string, pollerState: string): Promise<void> {
    return this.#change(key, (call) => ({ ...call, state: 'submitted', pollerState }));
  }

  succeeded(key: string, result: CallResult = {}): Promise<void> {
    return this.#change(key, (call, data) => {
      const event = settle(data.ledger, call.intent, call.life, result);
      if (event !== null) addEvent(data, event.type, event.message, event.data);
      return { ...call, state: 'succeeded', pollerState: null };
    });
  }

  failed(key: string): Promise<void> {
    return this.#change(key, (call) => ({ ...call, state: 'failed', pollerState: null }));
  }

  #change(key: string, change: (call: Call, data: Data) => Call): Promise<void> {
    const { captureId, epoch, work } = this.run;
    return this.commit((state) => {
      const data = state.captures.get(captureId);
      const call = data?.calls.get(key);
      if (data === undefined || call?.epoch !== epoch || call.work !== work) throw superseded(captureId, epoch);
      data.calls.set(key, change(call, data));
    });
  }
}

function addEvent(data: Data, type: string, message: string, about: Readonly<Record<string, unknown>>): void {
  const { id } = data.capture;
  data.events.push({ sequence: data.events.length + 1, captureId: id, at: new Date(), type, message, data: about });
}

function copyOf({ captures, keys, outbox, audit }: State): State {
  const copied = [...captures].map(([id, data]): [string, Data] => [
    id,
    { ...data, events: [...data.events], ledger: copyLedger(data.ledger), calls: new Map(data.calls) },
  ]);
  return { captures: new Map(copied), keys: new Map(keys), outbox: [...outbox], audit: [...audit] };
}

function superseded(captureId: string, epoch: number): ConflictError {
  return new ConflictError({
    code: 'STEP_SUPERSEDED',
    message: `The run of capture ${captureId} with epoch ${epoch} is no longer wanted.`,
    fix: 'Nothing has to be done.',
  });
}
