import { randomUUID } from 'node:crypto';
import { AzureError } from '../arm/errors.js';
import { keyOf } from '../arm/resource-id.js';
import { asError, lateFault } from '../faults/late-faults.js';
import type { Faults } from '../faults/faults.js';
import type { Settings } from '../settings/settings.js';
import type { OperationRecord } from '../state/records.js';
import type { Change, State } from '../state/state.js';

/*
 * Long-running operations.
 *
 *   accept    one transaction: the operation's record, and what is visible at once (provisioningState, reservations)
 *   take time until `dueAt`
 *   run       the effect; it may run again from its beginning when the process was killed meanwhile, so it is repeatable
 *   end       one transaction: the effect's changes and the operation's terminal state
 *
 * Nothing is held in memory that the records do not tell: after a restart, every operation that is in progress is
 * given a timer again.
 */
export interface Kind<Input, Context> {
  /** Such as `disks.create`. */
  readonly name: string;
  run(input: Input, operation: OperationRecord, context: Context): Outcome | Promise<Outcome>;
  /** What is taken back or marked when the operation fails or is canceled. */
  abandon?(input: Input, operation: OperationRecord, context: Context, ended: 'Failed' | 'Canceled'): readonly Change[];
}

/** What the engine itself takes from what effects work on. */
export interface OperationContext {
  readonly faults: Faults;
  readonly now: () => Date;
}

export interface Outcome {
  readonly changes: readonly Change[];
  /** What the operation's `Location` answers at the end. */
  readonly output?: unknown;
}

export interface Acceptance<Input> {
  readonly resourceId: string;
  readonly location: string;
  readonly input: Input;
  readonly changes: readonly Change[];
}

/** Ended operations that are still answered for. */
const KEPT_OPERATIONS = 20_000;
const POLL_PATIENCE_MS = 1_500;

/** @typeParam Context what effects work on */
export class Operations<Context extends OperationContext> {
  private readonly kinds = new Map<string, Kind<unknown, Context>>();
  private readonly inProgress = new Map<string, Set<string>>();
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly started = new Set<string>();
  private readonly ends = new Map<string, { promise: Promise<void>; resolve: () => void }>();
  private closed = false;

  constructor(
    private readonly state: State,
    private readonly settings: Settings,
    private readonly context: () => Context,
    kinds: readonly Kind<never, Context>[],
  ) {
    for (const kind of kinds) {
      if (this.kinds.has(kind.name)) throw new Error(`two kinds of operation are named ${kind.name}`);
      this.kinds.set(kind.name, kind as Kind<unknown, Context>);
    }
  }

  /** Goes on with what was in progress when the process ended. */
  resume(): void {
    for (const operation of this.state.all('operations')) {
      if (operation.status === 'InProgress') this.schedule(operation);
    }
  }

  begin<Input>(kind: Kind<Input, Context>, acceptance: Acceptance<Input>): OperationRecord {
    const now = this.context().now();
    const fault = this.faultOf(kind.name, acceptance);
    const operation: OperationRecord = {
      id: randomUUID(),
      kind: kind.name,
      resourceId: acceptance.resourceId,
      location: acceptance.location,
      input: acceptance.input,
      startedAt: now.toISOString(),
      dueAt: now.getTime() + this.settings.delayMsOf(kind.name),
      status: 'InProgress',
      endedAt: null,
      error: null,
      errorStatus: null,
      output: null,
      ...(fault === undefined ? {} : { fault }),
    };
    this.state.commit([...acceptance.changes, record(operation), ...this.forgetOldest()]);
    this.schedule(operation);
    return operation;
  }

  /** Whether it will end badly; see faults/late-faults.ts. */
  private faultOf(kindName: string, { resourceId, changes }: Acceptance<unknown>) {
    const change = changes.find(({ table, key }) => table === 'resources' && key === keyOf(resourceId));
    const resource = change?.table === 'resources' && change.value !== null ? change.value : undefined;
    return lateFault(kindName, resourceId, resource ?? this.state.resource(resourceId), this.context().faults);
  }

  get(id: string): OperationRecord | undefined {
    return this.state.get('operations', id);
  }

  /** An operation that is in progress on a resource. */
  on(resourceId: string): OperationRecord | undefined {
    for (const id of this.inProgress.get(keyOf(resourceId)) ?? []) return this.get(id);
    return undefined;
  }

  /**
   * Waits a short while for an operation whose time has come, so that a client that polls an Azure without delays
   * never has to sleep.
   */
  async settle(operation: OperationRecord): Promise<void> {
    const end = this.ends.get(operation.id);
    if (end === undefined || operation.dueAt > this.context().now().getTime()) return;
    this.startNow(operation);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, POLL_PATIENCE_MS)));
    await Promise.race([end.promise, patience]);
    clearTimeout(timer);
  }

  /** Ends when the operation has, however long that takes. */
  async ended(id: string): Promise<void> {
    await this.ends.get(id)?.promise;
  }

  /** Ends as soon as no operation is in progress; for tests. */
  async idle(): Promise<void> {
    while (this.ends.size > 0) await Promise.all([...this.ends.values()].map((end) => end.promise));
  }

  /** Starts no further effect; what is in progress stays so on disk. */
  close(): void {
    this.closed = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private schedule(operation: OperationRecord): void {
    const key = keyOf(operation.resourceId);
    const ids = this.inProgress.get(key) ?? new Set();
    this.inProgress.set(key, ids.add(operation.id));
    let resolve = (): void => undefined;
    const promise = new Promise<void>((done) => (resolve = done));
    this.ends.set(operation.id, { promise, resolve });
    const wait = operation.dueAt - this.context().now().getTime();
    const start = (): void => this.startNow(operation);
    // A clock that tests set forward makes no timer ring: whoever asks starts it, see `settle`.
    if (wait <= 0) setImmediate(start);
    else this.timers.set(operation.id, setTimeout(start, wait));
  }

  private startNow(operation: OperationRecord): void {
    if (this.started.has(operation.id)) return;
    clearTimeout(this.timers.get(operation.id));
    this.timers.delete(operation.id);
    this.started.add(operation.id);
    void this.run(operation);
  }

  private async run(operation: OperationRecord): Promise<void> {
    if (this.closed) return;
    const kind = this.kinds.get(operation.kind);
    const context = this.context();
    try {
      if (kind === undefined) throw new Error(`no kind of operation is named ${operation.kind}`);
      if (operation.fault !== undefined) throw asError(operation.fault);
      const outcome = await kind.run(operation.input, operation, context);
      if (this.closed) return;
      this.end(operation, outcome.changes, { status: 'Succeeded', output: outcome.output ?? null });
    } catch (error) {
      if (this.closed) return;
      const refusal = error instanceof AzureError ? error : internal(error, operation);
      const ended = error instanceof OperationCanceled ? 'Canceled' : (operation.fault?.ends ?? 'Failed');
      const changes = kind?.abandon?.(operation.input, operation, context, ended) ?? [];
      this.end(operation, changes, { status: ended, error: refusal.toDetail(), errorStatus: refusal.status });
    }
  }

  private end(operation: OperationRecord, changes: readonly Change[], result: Partial<OperationRecord>): void {
    const endedAt = this.context().now().toISOString();
    this.state.commit([...changes, record({ ...operation, ...result, endedAt })]);
    const key = keyOf(operation.resourceId);
    const ids = this.inProgress.get(key);
    ids?.delete(operation.id);
    if (ids?.size === 0) this.inProgress.delete(key);
    const end = this.ends.get(operation.id);
    this.ends.delete(operation.id);
    this.started.delete(operation.id);
    end?.resolve();
  }

  private forgetOldest(): Change[] {
    const surplus = this.state.count('operations') - KEPT_OPERATIONS;
    if (surplus < KEPT_OPERATIONS / 10) return [];
    return this.state
      .oldest('operations', surplus)
      .filter((operation) => operation.status !== 'InProgress')
      .map((operation) => ({ table: 'operations', key: operation.id, value: null }));
  }
}

/** Thrown by an effect whose operation Azure gives up, such as one that a newer one has preempted. */
export class OperationCanceled extends AzureError {}

function record(operation: OperationRecord): Change {
  return { table: 'operations', key: operation.id, value: operation };
}

function internal(error: unknown, operation: OperationRecord): AzureError {
  process.stderr.write(`operation ${operation.kind} on ${operation.resourceId}: ${String(error)}\n`);
  return new AzureError(500, 'InternalServerError', 'An internal execution error occurred. Please retry later.');
}
