import type { Lease, Leases } from '@landfall/domain';

interface Row {
  holder: string;
  epoch: number;
  expiresAt: number;
  released: boolean;
}

/** Leases in memory, with a clock that tests can set. */
export class MemoryLeases implements Leases {
  readonly #rows = new Map<string, Row>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  async claim(name: string, holder: string, seconds: number): Promise<Lease | null> {
    return this.#shown(name)?.state === 'held' ? null : this.takeOver(name, holder, seconds);
  }

  async takeOver(name: string, holder: string, seconds: number): Promise<Lease> {
    const epoch = (this.#rows.get(name)?.epoch ?? 0) + 1;
    this.#rows.set(name, { holder, epoch, expiresAt: this.now() + seconds * 1000, released: false });
    return { name, holder, epoch, state: 'held' };
  }

  async renew(name: string, holder: string, seconds: number): Promise<boolean> {
    const row = this.#rows.get(name);
    if (row?.holder !== holder || this.#shown(name)?.state !== 'held') return false;
    row.expiresAt = this.now() + seconds * 1000;
    return true;
  }

  async release(name: string, holder: string): Promise<boolean> {
    const row = this.#rows.get(name);
    if (row?.holder !== holder) return false;
    row.released = true;
    return true;
  }

  async lease(name: string): Promise<Lease | null> {
    return this.#shown(name);
  }

  #shown(name: string): Lease | null {
    const row = this.#rows.get(name);
    if (!row) return null;
    const { holder, epoch, expiresAt, released } = row;
    return { name, holder, epoch, state: released ? 'released' : expiresAt > this.now() ? 'held' : 'expired' };
  }
}
