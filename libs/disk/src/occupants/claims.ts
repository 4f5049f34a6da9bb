import type { ByteRange, NotNamed, RangeHolds } from '@landfall/domain';

/*
 * To whom the units of some ranges belong: a unit is the least that a file system gives to anybody. Each is claimed once, by
 * whoever comes first; once none is open, nobody has to be asked any more.
 */
const OPEN = 0;
const FREE = 1;
const STRUCTURE = 2;
const FILE = 3;

/** What lies in one range of a file system. */
export interface Occupants {
  readonly holds: readonly RangeHolds[];
  /** Not in any order. */
  readonly files: readonly string[];
  readonly moreFiles: number;
  readonly notNamed: NotNamed | null;
}

/** Names that are told of a range. */
export const MOST_NAMES = 20;
/** Counted of a range; files that share blocks are no honest ones. */
const MOST_OWNERS = 100_000;

interface Claimed {
  readonly first: number;
  readonly units: Uint8Array;
  /** By a number of the file system's own. */
  readonly owners: Set<number>;
}

export class Claims {
  /** Units that nobody has claimed. */
  open = 0;
  readonly #ranges: readonly Claimed[];

  /** @param ranges of the file system, within its bytes */
  constructor(
    ranges: readonly ByteRange[],
    readonly unitBytes: number,
  ) {
    this.#ranges = ranges.map(({ offset, length }) => {
      const first = Math.floor(offset / unitBytes);
      const units = new Uint8Array(Math.ceil((offset + length) / unitBytes) - first);
      this.open += units.length;
      return { first, units, owners: new Set() };
    });
  }

  free(unit: number, count: number): void {
    this.#claim(unit, count, FREE);
  }

  structure(unit: number, count: number): void {
    this.#claim(unit, count, STRUCTURE);
  }

  /** Whether any of them lies in one of the ranges. */
  file(owner: number, unit: number, count: number): boolean {
    return this.#claim(unit, count, FILE, owner);
  }

  /** The owners whose names are told, each once. */
  *told(): Generator<number> {
    const seen = new Set<number>();
    for (const { owners } of this.#ranges) {
      for (const owner of [...owners].slice(0, MOST_NAMES)) {
        if (!seen.has(owner)) yield owner;
        seen.add(owner);
      }
    }
  }

  /** Those of the ranges that have a unit in there. */
  reaching(unit: number, count: number): readonly { readonly first: number; readonly count: number }[] {
    return this.#ranges.flatMap(({ first, units }) => {
      const from = Math.max(first, unit);
      const to = Math.min(first + units.length, unit + count);
      return from < to ? [{ first: from, count: to - from }] : [];
    });
  }

  /**
   * By range, in the order in which they were given.
   * @param trouble why some owners or names may be missing; told of those ranges that miss one
   */
  occupants(nameOf: (owner: number) => string | null, trouble: NotNamed | null): readonly Occupants[] {
    return this.#ranges.map(({ units, owners }) => {
      const files = [...owners].slice(0, MOST_NAMES).map((owner) => nameOf(owner));
      const isWhole = !units.includes(OPEN) && files.every((name) => name !== null);
      const holds: RangeHolds[] = [];
      if (units.includes(STRUCTURE)) holds.push('structures');
      if (units.includes(FILE)) holds.push('files');
      if (units.includes(FREE)) holds.push('free');
      if (units.includes(OPEN)) holds.push('unknown');
      return {
        holds,
        files: files.filter((name) => name !== null),
        moreFiles: owners.size - files.filter((name) => name !== null).length,
        // In use, and nobody's, after everybody was asked: the lists contradict each other.
        notNamed: isWhole ? null : (trouble ?? 'damaged'),
      };
    });
  }

  #claim(unit: number, count: number, as: number, owner?: number): boolean {
    let reached = false;
    for (const { first, units, owners } of this.#ranges) {
      const from = Math.max(first, unit) - first;
      const to = Math.min(first + units.length, unit + count) - first;
      if (from >= to) continue;
      reached = true;
      // Damaged lists may give a block to several: each of them is worth a word.
      if (owner !== undefined && owners.size < MOST_OWNERS) owners.add(owner);
      for (let at = from; at < to; at += 1) {
        if (units[at] !== OPEN) continue;
        units[at] = as;
        this.open -= 1;
      }
    }
    return reached;
  }
}
