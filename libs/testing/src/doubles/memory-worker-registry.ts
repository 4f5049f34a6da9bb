import type { WorkerRecord, WorkerRegistry } from '@landfall/domain';

interface Row extends WorkerRecord {
  bootstrap: { hashes: readonly string[]; expiresAt: Date } | null;
  session: { hash: string; expiresAt: Date } | null;
  endedSession: string | null;
}

/** Workers in memory, with a clock that tests can set. */
export class MemoryWorkerRegistry implements WorkerRegistry {
  readonly #rows = new Map<string, Row>();

  constructor(private readonly now: () => Date = () => new Date()) {}

  async enter(worker: Parameters<WorkerRegistry['enter']>[0]): Promise<boolean> {
    const { bootstrapTokenHash, bootstrapSeconds, ...columns } = worker;
    const present = this.#rows.get(worker.id);
    if (present !== undefined && (present.restoreId !== worker.restoreId || present.state !== 'launching'))
      return false;
    const hashes = [...(present?.bootstrap?.hashes ?? []), bootstrapTokenHash];
    const bootstrap = { hashes, expiresAt: this.#in(bootstrapSeconds) };
    const fresh = { ...columns, state: 'launching' as const, movers: [], session: null, endedSession: null };
    this.#rows.set(worker.id, { ...fresh, ...present, entered: hashes.length, bootstrap });
    return true;
  }

  async worker(id: string): Promise<WorkerRecord | null> {
    return this.#shown(this.#rows.get(id));
  }

  async workers(filter: { restoreId?: string; active?: boolean } = {}): Promise<readonly WorkerRecord[]> {
    return [...this.#rows.values()]
      .filter((row) => filter.restoreId === undefined || row.restoreId === filter.restoreId)
      .filter((row) => filter.active === undefined || (row.state !== 'retired') === filter.active)
      .flatMap((row) => this.#shown(row) ?? []);
  }

  async redeemBootstrap(
    id: string,
    bootstrapTokenHash: string,
    session: { tokenHash: string; validSeconds: number },
  ): Promise<WorkerRecord | null> {
    const row = this.#rows.get(id);
    if (
      !row?.bootstrap ||
      !row.bootstrap.hashes.includes(bootstrapTokenHash) ||
      row.bootstrap.expiresAt <= this.now()
    ) {
      return null;
    }
    if (row.session && row.session.hash !== session.tokenHash) return null;
    const redeemed = { ...row, state: 'ready' as const };
    this.#rows.set(id, {
      ...redeemed,
      session: { hash: session.tokenHash, expiresAt: this.#in(session.validSeconds) },
    });
    return this.worker(id);
  }

  async bySession(tokenHash: string): Promise<WorkerRecord | null> {
    return this.#shown(this.#inSession(tokenHash));
  }

  async byAnySession(tokenHash: string): Promise<WorkerRecord | null> {
    return this.#shown(
      [...this.#rows.values()].find((row) => row.session?.hash === tokenHash || row.endedSession === tokenHash),
    );
  }

  async renewSession(tokenHash: string, validSeconds: number): Promise<boolean> {
    const row = this.#inSession(tokenHash);
    if (!row) return false;
    row.session = { hash: tokenHash, expiresAt: this.#in(validSeconds) };
    return true;
  }

  async heartbeat(id: string, mover: { name: string; pid: number }): Promise<void> {
    const row = this.#rows.get(id);
    if (!row) return;
    const others = row.movers.filter((other) => other.name !== mover.name);
    const movers = [...others, { ...mover, seenAt: this.now(), silentMs: 0 }].sort((a, b) =>
      a.name < b.name ? -1 : 1,
    );
    this.#rows.set(id, { ...row, movers });
  }

  async retire(id: string, entered?: number): Promise<boolean> {
    const row = this.#rows.get(id);
    if (!row) return false;
    if (entered !== undefined && row.state !== 'retired' && row.entered !== entered) return false;
    const endedSession = row.session?.hash ?? row.endedSession;
    this.#rows.set(id, { ...row, state: 'retired', entered: 0, bootstrap: null, session: null, endedSession });
    return true;
  }

  #in(seconds: number): Date {
    return new Date(this.now().getTime() + seconds * 1000);
  }

  #inSession(tokenHash: string): Row | undefined {
    return [...this.#rows.values()].find(
      (row) => row.session?.hash === tokenHash && row.session.expiresAt > this.now(),
    );
  }

  #shown(row: Row | undefined): WorkerRecord | null {
    if (!row) return null;
    const { bootstrap: _bootstrap, session: _session, endedSession: _ended, ...record } = row;
    const now = this.now().getTime();
    const movers = row.movers.map((mover) => ({ ...mover, silentMs: Math.max(0, now - mover.seenAt.getTime()) }));
    return structuredClone({ ...record, movers });
  }
}
