import { createHash } from 'node:crypto';
import { PermanentError } from './errors.js';
import type { ByteRange } from './ports/file-store.js';

/*
 * What a restored disk holds, told by where its bytes come from: a disk is composed, and not only copied. A part is a range
 * of an image of the backup, or bytes that were written down for it (a patch). What no part covers is zero.
 */
export interface Recipe {
  /** Of what is composed; the Azure disk may be larger, and is zero from there on. */
  readonly sizeBytes: number;
  /** Ascending, not overlapping, each within `sizeBytes`. */
  readonly parts: readonly RecipePart[];
}

export interface RecipePart {
  /** Where it begins on the disk. */
  readonly at: number;
  /** In bytes, more than none. */
  readonly length: number;
  readonly from: FromImage | FromPatch;
}

export interface FromImage {
  /** A name among the images that are read for the disk: `PlannedContents.images`. */
  readonly image: string;
  /** Where the part begins in the image. */
  readonly offset: number;
}

export interface FromPatch {
  /** SHA-256 of the part's bytes, all of them, in hexadecimal. */
  readonly bytes: string;
}

export const LONGEST_PATCH_BYTES = 1024 * 1024;

const SHA256 = /^[0-9a-f]{64}$/;

/** @param parts in any order. @throws PermanentError `RECIPE_INVALID` for what could not be composed */
export function recipeOf(sizeBytes: number, parts: readonly RecipePart[]): Recipe {
  return checked({ sizeBytes, parts: [...parts].sort((left, right) => left.at - right.at) });
}

/** The disk is the image, from its first byte to its last. @throws PermanentError `RECIPE_INVALID` */
export function wholeImage(image: string, sizeBytes: number): Recipe {
  return recipeOf(sizeBytes, [{ at: 0, length: sizeBytes, from: { image, offset: 0 } }]);
}

/** What was read from somewhere, as a recipe. @throws PermanentError `RECIPE_INVALID` */
export function parseRecipe(value: unknown): Recipe {
  const { sizeBytes, parts } = fieldsOf(value, 'it');
  if (!Array.isArray(parts)) throw invalid('it has no list of parts');
  return checked({ sizeBytes: sizeBytes as number, parts: parts.map(partOf) });
}

/** Of the recipe, the parts that reach into the range, whole and where they are. */
export function recipeWithin({ sizeBytes, parts }: Recipe, { offset, length }: ByteRange): Recipe {
  const reachesIn = (part: RecipePart): boolean => part.at < offset + length && part.at + part.length > offset;
  return { sizeBytes, parts: length === 0 ? [] : parts.filter(reachesIn) };
}

/** The images that are read for it, each once. */
export function imagesOf({ parts }: Recipe): readonly string[] {
  return [...new Set(parts.flatMap(({ from }) => ('image' in from ? [from.image] : [])))];
}

/** The patches that it needs by their SHA-256, each once. */
export function patchesOf({ parts }: Recipe): readonly string[] {
  return [...new Set(parts.flatMap(({ from }) => ('bytes' in from ? [from.bytes] : [])))];
}

/** How a recipe names these bytes. */
export function patchId(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @throws PermanentError `RECIPE_INVALID` when a patch is missing, is of another length than its parts, or is too long */
export function requirePatches({ parts }: Recipe, patches: ReadonlyMap<string, Uint8Array>): void {
  for (const { at, length, from } of parts) {
    if (!('bytes' in from)) continue;
    const patch = patches.get(from.bytes);
    if (patch === undefined) throw invalid(`the bytes ${from.bytes} of the part at ${at} are missing`);
    if (patch.length !== length) throw invalid(`the part at ${at} has ${length} bytes, and its patch ${patch.length}`);
  }
}

function checked(recipe: Recipe): Recipe {
  const { sizeBytes, parts } = recipe;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw invalid(`${String(sizeBytes)} is not a size`);
  let covered = 0;
  for (const { at, length, from } of parts) {
    if (!isPosition(at)) throw invalid(`a part can't begin at ${String(at)}`);
    if (!isPosition(length) || length === 0) throw invalid(`the part at ${at} can't have ${String(length)} bytes`);
    if (at < covered) throw invalid(`the part at ${at} begins before the end of another, at ${covered}`);
    covered = at + length;
    if (covered > sizeBytes) throw invalid(`the part at ${at} goes beyond the disk's ${sizeBytes} bytes`);
    if ('image' in from) {
      if (!isPosition(from.offset) || !isPosition(from.offset + length)) {
        throw invalid(`the part at ${at} can't begin at ${String(from.offset)} of an image`);
      }
    } else {
      if (!SHA256.test(from.bytes)) throw invalid(`the part at ${at} names no SHA-256`);
      if (length > LONGEST_PATCH_BYTES) throw invalid(`the part at ${at} is a patch of more than 1 MiB`);
    }
  }
  return recipe;
}

function partOf(value: unknown, index: number): RecipePart {
  const { at, length, from } = fieldsOf(value, `part ${index}`);
  const { image, offset, bytes } = fieldsOf(from, `the source of part ${index}`);
  const where = { at: at as number, length: length as number };
  if (typeof image === 'string' && bytes === undefined) return { ...where, from: { image, offset: offset as number } };
  if (typeof bytes === 'string' && image === undefined) return { ...where, from: { bytes } };
  throw invalid(`part ${index} comes neither from an image nor from a patch`);
}

function fieldsOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw invalid(`${what} is not an object`);
}

function isPosition(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function invalid(why: string): PermanentError {
  return new PermanentError({
    code: 'RECIPE_INVALID',
    message: `A disk can't be composed so: ${why}.`,
    fix: 'This is a fault of Landfall: report it with the plan of the restore.',
  });
}
