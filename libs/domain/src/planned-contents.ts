import { parseRecipe, requirePatches, patchId, type Recipe } from './recipe.js';

/**
 * What one disk of a plan is to hold, and where that is read. It is written down with the plan, and says all that step 5
 * has to know of the backup: nobody opens a repository again to find it out, but to read the data.
 */
export interface PlannedContents {
  /** Of the disk, as in the plan. */
  readonly name: string;
  readonly recipe: Recipe;
  readonly source: PlannedSource;
  /** What is to be written. Ascending, not overlapping. */
  readonly used: readonly CutSegment[];
}

export interface PlannedSource {
  /** Its name. */
  readonly repository: string;
  /** Those that the recipe names. */
  readonly images: readonly PlannedImage[];
}

export interface PlannedImage {
  /** In the recipe. */
  readonly name: string;
  /** What is read, whatever the catalogue says later: `PointDisk.location` when the plan was made. */
  readonly location: string;
  readonly sizeBytes: number;
}

/** A range of a disk that is moved, or read back, as one job. */
export interface CutSegment {
  readonly index: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** Bytes of it that may hold something other than zeros; all of them where they are read back. */
  readonly dataBytes: number;
}

/** What is read for a disk, without what is to be written. */
export type DiskIngredients = Pick<PlannedContents, 'recipe' | 'source'>;

/**
 * For those who keep contents: they have to be whole before they are written down.
 * @param patches the bytes that the recipes name
 * @throws PermanentError `RECIPE_INVALID`
 */
export function requireWhole(contents: readonly PlannedContents[], patches: readonly Uint8Array[]): void {
  const byId = new Map(patches.map((bytes) => [patchId(bytes), bytes]));
  for (const { recipe } of contents) requirePatches(parseRecipe(recipe), byId);
}
