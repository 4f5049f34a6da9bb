import {
  BadInputError,
  PermanentError,
  requirePatches,
  type ByteRange,
  type DiskSource,
  type Piece,
  type Recipe,
  type RecipePart,
} from '@landfall/domain';

/** What a recipe names, ready to be read. It belongs to whoever gives it: the composed disk closes none of it. */
export interface Ingredients {
  readonly images: ReadonlyMap<string, DiskSource>;
  /** By their SHA-256. */
  readonly patches: ReadonlyMap<string, Uint8Array>;
}

/**
 * The disk that a recipe describes. What its images know to be empty stays so: `extents` and `pieces` leave it out, as they
 * do what no part covers.
 * @throws PermanentError `RECIPE_INVALID` when an ingredient is missing, or an image is shorter than what is read of it
 */
export function composeSource(recipe: Recipe, ingredients: Ingredients): DiskSource {
  requireImages(recipe, ingredients.images);
  requirePatches(recipe, ingredients.patches);
  return new ComposedSource(recipe, ingredients);
}

class ComposedSource implements DiskSource {
  readonly sizeBytes: number;
  #extents: readonly ByteRange[] | undefined;

  constructor(
    private readonly recipe: Recipe,
    private readonly ingredients: Ingredients,
  ) {
    this.sizeBytes = recipe.sizeBytes;
  }

  extents(): readonly ByteRange[] {
    return (this.#extents ??= joined(this.recipe.parts.map((part) => this.#extentsOf(part))));
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    this.#requireInside({ offset, length });
    const [first] = this.recipe.parts;
    // Most disks are one image: nothing has to be put together.
    if (first && 'image' in first.from && first.at <= offset && offset + length <= first.at + first.length) {
      return this.#image(first.from.image).read(first.from.offset + offset - first.at, length, signal);
    }
    const bytes = Buffer.alloc(length);
    for (const { part, from, to } of this.#partsIn({ offset, length })) {
      const skipped = from - part.at;
      const its =
        'image' in part.from
          ? await this.#image(part.from.image).read(part.from.offset + skipped, to - from, signal)
          : this.#patch(part.from.bytes).subarray(skipped, skipped + to - from);
      bytes.set(its, from - offset);
    }
    return bytes;
  }

  async *pieces(range: ByteRange, signal?: AbortSignal): AsyncIterable<Piece> {
    this.#requireInside(range);
    for (const { part, from, to } of this.#partsIn(range)) {
      signal?.throwIfAborted();
      if ('bytes' in part.from) {
        yield { offset: from, bytes: this.#patch(part.from.bytes).subarray(from - part.at, to - part.at) };
        continue;
      }
      const shift = part.at - part.from.offset;
      const source = this.#image(part.from.image);
      for await (const piece of source.pieces({ offset: from - shift, length: to - from }, signal)) {
        // Most disks are one image, where it lies: its pieces go through as they are.
        yield shift === 0 ? piece : { ...piece, offset: piece.offset + shift };
      }
    }
  }

  /** There is nothing of its own to be closed. */
  async close(): Promise<void> {}

  /** Each part that reaches into the range, with where it begins and ends within it. */
  #partsIn({ offset, length }: ByteRange): readonly { part: RecipePart; from: number; to: number }[] {
    return this.recipe.parts.flatMap((part) => {
      const from = Math.max(part.at, offset);
      const to = Math.min(part.at + part.length, offset + length);
      return from < to ? [{ part, from, to }] : [];
    });
  }

  #extentsOf({ at, length, from }: RecipePart): readonly ByteRange[] {
    if ('bytes' in from) return [{ offset: at, length }];
    const source = this.#image(from.image);
    const extents = source.extents();
    if (at === 0 && from.offset === 0 && length === source.sizeBytes) return extents;
    const end = from.offset + length;
    return extents.flatMap((extent) => {
      const first = Math.max(extent.offset, from.offset);
      const last = Math.min(extent.offset + extent.length, end);
      return first < last ? [{ offset: first - from.offset + at, length: last - first }] : [];
    });
  }

  #image(name: string): DiskSource {
    return this.ingredients.images.get(name) ?? missing(name);
  }

  #patch(id: string): Uint8Array {
    return this.ingredients.patches.get(id) ?? missing(id);
  }

  #requireInside({ offset, length }: ByteRange): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.sizeBytes) return;
    throw new BadInputError({
      code: 'RANGE_INVALID',
      message: `Bytes ${offset} to ${offset + length} of a composed disk were asked for, which has ${this.sizeBytes}.`,
      fix: 'Ask for a range that lies within the disk.',
    });
  }
}

/** One list of ranges that do not touch. */
function joined(lists: readonly (readonly ByteRange[])[]): readonly ByteRange[] {
  if (lists.length === 1) return lists[0]!;
  const all: { offset: number; length: number }[] = [];
  for (const { offset, length } of lists.flat()) {
    const last = all.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else all.push({ offset, length });
  }
  return all;
}

function requireImages(recipe: Recipe, images: ReadonlyMap<string, DiskSource>): void {
  for (const { at, length, from } of recipe.parts) {
    if (!('image' in from)) continue;
    const { sizeBytes } = images.get(from.image) ?? missing(from.image);
    if (from.offset + length > sizeBytes) {
      throw invalid(`the part at ${at} ends beyond the ${sizeBytes} bytes of the image "${from.image}"`);
    }
  }
}

function missing(name: string): never {
  throw invalid(`"${name}" is missing`);
}

function invalid(why: string): PermanentError {
  return new PermanentError({
    code: 'RECIPE_INVALID',
    message: `The disk can't be composed: ${why}.`,
    fix: 'Start the restore anew, so that it is planned from what the repository holds by now.',
  });
}
