import {
  AFTER_CUT_OVER,
  ConflictError,
  hasEnded,
  isRefused,
  patchId,
  requireTransition,
  requireWhole,
  requireWorkTransition,
  stepKey,
  STEPS,
  type Approval,
  type DiskVerdict,
  type GrantRecord,
  type IdempotencyClaim,
  type LockedRestore,
  type NewApproval,
  type NewOutboxMessage,
  type NewRestore,
  type NewSegment,
  type PlannedContents,
  type RestorePatch,
  type RestorePlan,
  type RestoreState,
  type RestoreTransaction,
  type Retrieval,
  type SegmentError,
  type Segment,
  type SegmentFilter,
  type SegmentState,
  type SegmentToHandOut,
  type SegmentTotal,
  type SourceRecord,
  type Work,
  type WorkKey,
  type WorkPatch,
  type WorkRun,
  type WorkState,
} from '@landfall/domain';
import { emptyLedger } from './memory-ledger.js';
import {
  isRunning,
  replacingIn,
  segmentOf,
  segmentsOf,
  superseded,
  toLockedRestore,
  totalsOf,
  type BooksState,
  type RestoreData,
} from './memory-books-state.js';

/** Works on the copy that it is given. Refuses what is not legal loudly: a test must not get past it. */
export class MemoryRestoreTransaction implements RestoreTransaction {
  readonly #state: BooksState;
  /** Restores that may be written. */
  readonly #locked = new Set<string>();
  wroteOutbox = false;

  /**
   * @param locksNeeded whether a restore has to be locked before anything of it is written
   * @param clock the books' own
   */
  constructor(
    state: BooksState,
    private readonly locksNeeded: boolean,
    private readonly clock: () => Date,
  ) {
    this.#state = state;
  }

  #requireLock(restoreId: string): void {
    if (!this.locksNeeded || this.#locked.has(restoreId)) return;
    throw new Error(`restore ${restoreId} is written without having been locked`);
  }

  async createRestore(restore: NewRestore): Promise<void> {
    this.#locked.add(restore.id);
    if (this.#state.restores.has(restore.id)) throw new Error(`restore ${restore.id} exists`);
    this.#state.restores.set(restore.id, {
      id: restore.id,
      state: 'planning',
      epoch: 0,
      request: structuredClone(restore.request),
      plan: null,
      planHash: null,
      cutOverAt: null,
      works: STEPS.map(({ id }) => ({ ...stepKey(id), ...FRESH_WORK })),
      turn: null,
      disks: [],
      contents: [],
      retrieval: null,
      approvals: [],
      source: null,
      awaitingSince: null,
      vmAzureId: null,
      problems: [],
      error: null,
      requestedBy: restore.requestedBy,
      createdAt: new Date(),
      endedAt: null,
      events: [],
      calls: [],
      ledger: emptyLedger(),
    });
  }

  async lockRestore(id: string): Promise<LockedRestore | null> {
    this.#locked.add(id);
    const data = this.#state.restores.get(id);
    return data ? toLockedRestore(data) : null;
  }

  async requireCurrent(run: WorkRun): Promise<void> {
    this.#locked.add(run.restoreId);
    if (!isRunning(this.#state, run)) throw superseded(run);
  }

  async moveRestore(
    id: string,
    guard: { from: RestoreState; epoch: number },
    to: RestoreState,
    patch: RestorePatch = {},
  ): Promise<boolean> {
    this.#requireLock(id);
    requireTransition(guard.from, to);
    const data = this.#state.restores.get(id);
    if (!data || data.state !== guard.from || data.epoch !== guard.epoch) return false;
    if (to === 'running' && data.plan === null) throw new Error('a restore without a plan may not run');
    if (data.cutOverAt !== null) requireAfterCutOver(to);
    this.#patch(data, patch);
    data.state = to;
    data.epoch += 1;
    data.endedAt = hasEnded(to) ? (patch.endedAt ?? new Date()) : null;
    if (to === 'awaiting-approval') data.awaitingSince = this.clock();
    return true;
  }

  async patchRestore(id: string, patch: RestorePatch): Promise<void> {
    this.#requireLock(id);
    this.#patch(this.#restore(id), patch);
  }

  async moveWork(
    restoreId: string,
    key: WorkKey,
    guard: { from: WorkState; epoch: number },
    to: WorkState,
    patch: WorkPatch = {},
  ): Promise<boolean> {
    this.#requireLock(restoreId);
    requireWorkTransition(guard.from, to);
    const row = this.#state.restores.get(restoreId)?.works.find((work) => isWork(work, key));
    if (row?.state !== guard.from || row.epoch !== guard.epoch) return false;
    if (patch.epoch !== undefined && patch.epoch <= row.epoch) throw new Error('an epoch must grow');
    Object.assign(row, structuredClone(patch), { state: to });
    if (patch.epoch !== undefined && to === 'pending') row.dispatchedAt = new Date();
    if (row.parked && row.state !== 'running') throw new Error('only a running work may be parked');
    return true;
  }

  async openWorks(restoreId: string, works: readonly WorkKey[]): Promise<readonly Work[]> {
    this.#requireLock(restoreId);
    const data = this.#restore(restoreId);
    return works.map((key) => {
      if (data.works.some((work) => isWork(work, key))) throw new Error(`the work ${key.id} is open`);
      const { direction, round, id } = key;
      const epoch = Math.max(-1, ...data.works.filter((work) => work.id === id).map((work) => work.epoch)) + 1;
      const { notBefore, ...fresh } = FRESH_WORK;
      const work = { ...fresh, direction, round, id, epoch };
      data.works.push({ ...work, notBefore });
      return work;
    });
  }

  async storePlan(restoreId: string, plan: RestorePlan): Promise<void> {
    this.#requireLock(restoreId);
    const data = this.#state.restores.get(restoreId);
    if (data?.state !== 'planning') {
      throw new ConflictError({
        code: 'STEP_SUPERSEDED',
        message: `Restore ${restoreId} is no longer being planned.`,
        fix: 'Nothing has to be done: the plan is dropped.',
      });
    }
    const { azureId } = plan.source ?? {};
    if (azureId !== undefined && !isRefused(plan) && replacingIn(this.#state, azureId).some((id) => id !== restoreId))
      throw new Error(`another restore replaces ${azureId}`);
    data.plan = structuredClone(plan);
    data.planHash = plan.planHash;
    data.disks = plan.disks.map(({ name, from, role, lun }) => ({
      name,
      from,
      role,
      lun,
      azureId: null,
      bytesTotal: 0,
      bytesDone: 0,
    }));
    data.contents = [];
    data.retrieval = null;
  }

  async storeRetrieval(restoreId: string, retrieval: Retrieval): Promise<void> {
    this.#requireLock(restoreId);
    const files = retrieval.files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    this.#restore(restoreId).retrieval = structuredClone({ ...retrieval, files });
  }

  async storeContents(
    restoreId: string,
    contents: readonly PlannedContents[],
    patches: readonly Uint8Array[],
  ): Promise<void> {
    this.#requireLock(restoreId);
    requireWhole(contents, patches);
    const data = this.#restore(restoreId);
    for (const { name } of contents) {
      if (!data.disks.some((disk) => disk.name === name)) throw new Error(`restore ${restoreId} has no disk ${name}`);
      if (data.contents.some((known) => known.name === name)) throw new Error(`the disk ${name} has its contents`);
      data.contents = [...data.contents, ...structuredClone(contents.filter((each) => each.name === name))];
    }
    for (const bytes of patches) this.#state.patches.set(patchId(bytes), Uint8Array.from(bytes));
  }

  async contents(restoreId: string): Promise<readonly PlannedContents[]> {
    const data = this.#state.restores.get(restoreId);
    return (data?.disks ?? []).flatMap(({ name }) => data?.contents.filter((each) => each.name === name) ?? []);
  }

  async now(): Promise<Date> {
    return this.clock();
  }

  async addApproval({ restoreId, planHash, approvedBy, validSeconds, selfApproval }: NewApproval): Promise<Approval> {
    this.#requireLock(restoreId);
    const data = this.#restore(restoreId);
    const { requestedBy } = data;
    if (approvedBy === requestedBy && !selfApproval) throw new Error('nobody may approve what they have asked for');
    if (!(validSeconds > 0)) throw new Error('an approval has to be good for some time');
    const approvedAt = this.clock();
    const expiresAt = new Date(approvedAt.getTime() + validSeconds * 1_000);
    const approval = { planHash, requestedBy, approvedBy, approvedAt, expiresAt, selfApproval };
    data.approvals = [...data.approvals, approval];
    return approval;
  }

  async approval(restoreId: string): Promise<Approval | null> {
    return this.#state.restores.get(restoreId)?.approvals.at(-1) ?? null;
  }

  async cutOver(restoreId: string): Promise<Date> {
    this.#requireLock(restoreId);
    const data = this.#restore(restoreId);
    requireAfterCutOver(data.state);
    data.cutOverAt ??= this.clock();
    return data.cutOverAt;
  }

  async keepDisks(restoreId: string): Promise<void> {
    this.#requireLock(restoreId);
    for (const entry of this.#restore(restoreId).ledger.entries) {
      if (entry.kind === 'disk' && entry.purpose === 'result' && entry.state !== 'removed') entry.purpose = 'kept';
    }
  }

  async recordSource(restoreId: string, record: SourceRecord): Promise<void> {
    this.#requireLock(restoreId);
    this.#restore(restoreId).source = record;
  }

  async setDiskAzureId(restoreId: string, diskName: string, azureId: string): Promise<void> {
    this.#requireLock(restoreId);
    const disk = this.#restore(restoreId).disks.find((candidate) => candidate.name === diskName);
    if (!disk) throw new Error(`restore ${restoreId} has no disk ${diskName}`);
    disk.azureId = azureId;
  }

  async addEvent(restoreId: string, type: string, message: string, data: Record<string, unknown> = {}): Promise<void> {
    const { events } = this.#restore(restoreId);
    events.push({
      sequence: events.length + 1,
      restoreId,
      at: new Date(),
      type,
      message,
      data: structuredClone(data),
    });
  }

  async enqueue(message: NewOutboxMessage): Promise<void> {
    this.wroteOutbox = true;
    const { outbox } = this.#state;
    if (outbox.some((other) => other.queue === message.queue && other.jobId === message.jobId)) return;
    this.#state.lastOutboxId += 1;
    const id = String(this.#state.lastOutboxId);
    outbox.push({ ...structuredClone(message), delayMs: message.delayMs ?? 0, id, claimedUntil: 0 });
  }

  async createSegments(segments: readonly NewSegment[]): Promise<void> {
    for (const { restoreId } of segments) this.#requireLock(restoreId);
    for (const segment of segments) {
      const { restoreId, diskName, purpose, index } = segment;
      const id = `seg-${restoreId}-${diskName}-${purpose}-${index}`;
      if (this.#state.segments.has(id)) continue;
      const fresh = { state: 'pending', epoch: 0, attempts: 0, mover: null, error: null } as const;
      this.#state.segments.set(id, { dataBytes: segment.lengthBytes, ...segment, ...fresh, id });
    }
  }

  async moveSegment(
    id: string,
    guard: { from: SegmentState; epoch: number },
    to: SegmentState,
    patch: { mover?: string | null; epoch?: number; attempts?: number; error?: SegmentError | null } = {},
  ): Promise<boolean> {
    const segment = this.#state.segments.get(id);
    if (segment) this.#requireLock(segment.restoreId);
    if (!segment || segment.state !== guard.from || segment.epoch !== guard.epoch) return false;
    Object.assign(segment, patch, { state: to });
    return true;
  }

  async unfinishedSegments(
    restoreId: string,
    { purpose, disks, perDisk }: { purpose: Segment['purpose']; disks: readonly string[]; perDisk: number },
  ): Promise<readonly Segment[]> {
    const states = ['pending', 'running'] as const;
    return disks.flatMap((diskName) =>
      segmentsOf(this.#state, restoreId, { purpose, states, diskName }).slice(0, perDisk),
    );
  }

  async segment(id: string): Promise<Segment | null> {
    return segmentOf(this.#state, id);
  }

  async hasSegments(restoreId: string, filter: SegmentFilter): Promise<boolean> {
    return segmentsOf(this.#state, restoreId, filter).length > 0;
  }

  async segments(restoreId: string, filter: SegmentFilter): Promise<readonly Segment[]> {
    return segmentsOf(this.#state, restoreId, filter);
  }

  async segmentTotals(restoreId: string): Promise<readonly SegmentTotal[]> {
    return totalsOf(this.#state, restoreId);
  }

  async handOut(segments: readonly SegmentToHandOut[]): Promise<number> {
    for (const { segment } of segments) this.#requireLock(segment.restoreId);
    let sent = 0;
    for (const { segment, queue, jobId, name, payload } of segments) {
      const patch = { epoch: segment.epoch + 1, mover: null };
      if (!(await this.moveSegment(segment.id, { from: segment.state, epoch: segment.epoch }, 'pending', patch)))
        continue;
      await this.enqueue({ queue, jobId, name, payload });
      sent += 1;
    }
    return sent;
  }

  async addGrant(grant: GrantRecord): Promise<void> {
    this.#requireLock(grant.restoreId);
    const known = this.#state.grants.some(
      (other) => other.segmentId === grant.segmentId && other.epoch === grant.epoch,
    );
    if (known) throw new Error(`segment ${grant.segmentId} was given out under epoch ${grant.epoch} before`);
    this.#state.grants = [...this.#state.grants, grant];
  }

  async granted(segmentId: string, epoch: number): Promise<{ grant: GrantRecord; segment: Segment } | null> {
    const grant = this.#state.grants.find((each) => each.segmentId === segmentId && each.epoch === epoch);
    const segment = segmentOf(this.#state, segmentId);
    return grant && segment ? { grant, segment } : null;
  }

  async addVerdict(verdict: Omit<DiskVerdict, 'at'>): Promise<boolean> {
    this.#requireLock(verdict.restoreId);
    const { restoreId, diskName, segmentId, epoch } = verdict;
    const isThis = (other: DiskVerdict): boolean =>
      other.restoreId === restoreId &&
      other.diskName === diskName &&
      other.segmentId === segmentId &&
      other.epoch === epoch;
    if (this.#state.verdicts.some(isThis)) return false;
    this.#state.verdicts = [...this.#state.verdicts, { ...verdict, at: new Date() }];
    return true;
  }

  async verdicts(restoreId: string): Promise<readonly DiskVerdict[]> {
    return this.#state.verdicts.filter((verdict) => verdict.restoreId === restoreId);
  }

  async claimIdempotencyKey(claim: IdempotencyClaim): Promise<IdempotencyClaim> {
    const held = this.#state.keys.get(claim.key);
    if (held) return held;
    this.#state.keys.set(claim.key, claim);
    return claim;
  }

  async audit(entry: {
    actor: string;
    action: string;
    subject: string;
    details: Record<string, unknown>;
  }): Promise<void> {
    this.#state.audit.push({ ...structuredClone(entry), sequence: this.#state.audit.length + 1, at: new Date() });
  }

  #restore(id: string): RestoreData {
    const data = this.#state.restores.get(id);
    if (!data) throw new Error(`there is no restore ${id}`);
    return data;
  }

  #patch(data: RestoreData, patch: RestorePatch): void {
    const { error, problems, vmAzureId, turn } = patch;
    if (turn !== undefined) data.turn = turn;
    if (error !== undefined) data.error = error;
    if (problems !== undefined) data.problems = problems;
    if (vmAzureId !== undefined) data.vmAzureId = vmAzureId;
  }
}

function requireAfterCutOver(state: RestoreState): void {
  if (!AFTER_CUT_OVER.includes(state)) throw new Error(`a restore that has cut over may not be ${state}`);
}

const FRESH_WORK = {
  state: 'pending',
  epoch: 0,
  attempts: 0,
  startedAt: null,
  endedAt: null,
  parked: false,
  output: null,
  error: null,
  resumeFrom: null,
  dispatchedAt: null,
  notBefore: null,
} as const;

function isWork(work: WorkKey, { direction, round, id }: WorkKey): boolean {
  return work.direction === direction && work.round === round && work.id === id;
}
