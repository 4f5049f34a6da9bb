import { createHash } from 'node:crypto';
import type { BlobList, BlobListPart } from '@landfall/domain';
import { ID_BYTES } from './blob-index.js';
import { repositoryDamaged } from './errors.js';

/*
 * The list of a file's blobs, cut into parts behind ids that end in a pattern, as a chunker cuts data. A disk that changes here
 * and there has a list that changes here and there: its other parts are those of the backup before. Zeros make long runs
 * of one id, which never has the pattern or always: they are cut by count, into equal parts.
 */
const IDS_AT_MOST = 8_192;
/** One id of 2,048 has it. */
const CUT_MASK = 0x7ff;

export class BlobListCutter {
  readonly #ids = Buffer.alloc(IDS_AT_MOST * ID_BYTES);
  readonly #previous = Buffer.alloc(ID_BYTES);
  readonly #parts: BlobListPart[] = [];
  readonly #known = new Map<string, BlobListPart>();
  #count = 0;

  /** @param id is copied */
  add(id: Buffer): void {
    const marked = (id.readUInt32LE(ID_BYTES - 4) & CUT_MASK) === 0 && !id.equals(this.#previous);
    this.#previous.set(id);
    this.#ids.set(id, this.#count * ID_BYTES);
    this.#count += 1;
    if (marked || this.#count === IDS_AT_MOST) this.#cut();
  }

  finish(): Pick<BlobList, 'parts'> {
    if (this.#count > 0) this.#cut();
    return { parts: this.#parts };
  }

  #cut(): void {
    const ids = this.#ids.subarray(0, this.#count * ID_BYTES);
    const hash = createHash('sha256').update(ids).digest('hex');
    const part = this.#known.get(hash) ?? { hash, ids: Buffer.from(ids) };
    this.#known.set(hash, part);
    this.#parts.push(part);
    this.#count = 0;
  }
}

/**
 * Calls back for each id of the list, in order; it must not be kept.
 * @throws PermanentError `REPOSITORY_DAMAGED` where a part is no list of ids
 */
export function eachId({ parts }: Pick<BlobList, 'parts'>, onId: (id: Buffer) => void): void {
  for (const { hash, ids } of parts) {
    if (ids.byteLength % ID_BYTES !== 0) throw repositoryDamaged(`list of blobs ${hash}`, 'it ends within an id');
    const all = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
    for (let at = 0; at < all.length; at += ID_BYTES) onId(all.subarray(at, at + ID_BYTES));
  }
}
