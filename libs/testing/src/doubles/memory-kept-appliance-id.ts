import assert from 'node:assert/strict';
import type { KeptApplianceId } from '@landfall/domain';

/** Of an installation whose ledger lists nothing, until a test says otherwise. */
export class MemoryKeptApplianceId implements KeptApplianceId {
  made = false;
  #kept: string | null = null;

  async read(): Promise<string | null> {
    return this.#kept;
  }

  async anythingMade(): Promise<boolean> {
    return this.made;
  }

  async keep(id: string): Promise<string> {
    assert.ok(id !== '', 'an empty id marks nothing');
    this.#kept ??= id;
    return this.#kept;
  }
}
