import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  imagesOf,
  LONGEST_PATCH_BYTES,
  parseRecipe,
  patchesOf,
  patchId,
  type Recipe,
  recipeOf,
  type RecipePart,
  recipeWithin,
  requirePatches,
  wholeImage,
} from './recipe.js';

const PATCH = Buffer.from('boot code');
const image = (at: number, length: number, offset = 0): RecipePart => ({ at, length, from: { image: 'sda', offset } });
const patch = (at: number): RecipePart => ({ at, length: PATCH.length, from: { bytes: patchId(PATCH) } });

/** Gaps and lengths, one part after the other. */
const recipes: fc.Arbitrary<Recipe> = fc
  .tuple(
    fc.array(
      fc.record({ gap: fc.nat(3), length: fc.integer({ min: 1, max: 5 }), offset: fc.nat(9), own: fc.boolean() }),
    ),
    fc.nat(5),
  )
  .map(([specs, rest]) => {
    let at = 0;
    const parts = specs.map(({ gap, length, offset, own }): RecipePart => {
      const part = own ? patch(at + gap) : image(at + gap, length, offset);
      at = part.at + part.length;
      return part;
    });
    return recipeOf(at + rest, parts);
  });

describe('a recipe', () => {
  it('is the same after it was written down and read again', () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        expect(parseRecipe(JSON.parse(JSON.stringify(recipe)))).toStrictEqual(recipe);
      }),
    );
  });

  it('is the same in whatever order its parts are given', () => {
    fc.assert(
      fc.property(
        recipes.chain((recipe) =>
          fc.tuple(
            fc.constant(recipe),
            fc.shuffledSubarray([...recipe.parts], { minLength: recipe.parts.length, maxLength: recipe.parts.length }),
          ),
        ),
        ([recipe, parts]) => {
          expect(recipeOf(recipe.sizeBytes, parts)).toStrictEqual(recipe);
        },
      ),
    );
  });

  it('has within a range exactly the parts that reach into it', () => {
    fc.assert(
      fc.property(recipes, fc.nat(40), fc.nat(40), (recipe, offset, length) => {
        const inside = recipeWithin(recipe, { offset, length });
        expect(inside.sizeBytes).toBe(recipe.sizeBytes);
        const bytes = Array.from({ length }, (_, index) => offset + index);
        expect(inside.parts).toStrictEqual(
          recipe.parts.filter((part) => bytes.some((byte) => byte >= part.at && byte < part.at + part.length)),
        );
      }),
    );
  });

  it('of a whole image is one part, from end to end', () => {
    expect(wholeImage('sda', 4096)).toStrictEqual({ sizeBytes: 4096, parts: [image(0, 4096)] });
  });

  it('names each image and each patch once', () => {
    const recipe = recipeOf(100, [image(0, 10), patch(10), image(30, 10, 30), patch(50)]);
    expect([imagesOf(recipe), patchesOf(recipe)]).toStrictEqual([['sda'], [patchId(PATCH)]]);
  });

  for (const [what, sizeBytes, parts] of [
    ['parts overlap', 20, [image(0, 10), image(9, 2)]],
    ['a part goes beyond its end', 20, [image(11, 10)]],
    ['a part is empty', 20, [image(0, 0)]],
    ['a part begins before it', 20, [image(-1, 4)]],
    ['a part begins within a byte', 20, [image(0.5, 4)]],
    ['an image is read from before its beginning', 20, [image(0, 4, -1)]],
    ['a position can’t be told exactly', Number.MAX_SAFE_INTEGER, [image(0, 4, Number.MAX_SAFE_INTEGER)]],
    ['its size is no number', Number.NaN, []],
    ['a patch has no SHA-256', 20, [{ at: 0, length: 4, from: { bytes: 'ABC' } }]],
    [
      'a patch is longer than 1 MiB',
      2 * LONGEST_PATCH_BYTES,
      [{ at: 0, length: LONGEST_PATCH_BYTES + 1, from: { bytes: patchId(PATCH) } }],
    ],
  ] as const) {
    it(`is refused where ${what}`, () => {
      expect(() => recipeOf(sizeBytes, parts)).toThrow(expect.objectContaining({ code: 'RECIPE_INVALID' }));
    });
  }

  it('that was written down is refused unless its parts are in order and of a known kind', () => {
    const written = [
      { sizeBytes: 20, parts: [image(10, 2), image(0, 2)] },
      { sizeBytes: 20, parts: [{ at: 0, length: 2, from: {} }] },
      { sizeBytes: 20, parts: [{ at: 0, length: 2, from: { image: 'sda', offset: 0, bytes: patchId(PATCH) } }] },
      { sizeBytes: '20', parts: [] },
      { sizeBytes: 20 },
      { sizeBytes: 20, parts: [null] },
      null,
    ];
    for (const each of written) {
      expect(() => parseRecipe(each)).toThrow(expect.objectContaining({ code: 'RECIPE_INVALID' }));
    }
  });

  it('needs every patch that it names, at its length', () => {
    const recipe = recipeOf(100, [patch(10)]);
    requirePatches(recipe, new Map([[patchId(PATCH), PATCH]]));
    for (const patches of [new Map(), new Map([[patchId(PATCH), PATCH.subarray(1)]])]) {
      expect(() => requirePatches(recipe, patches)).toThrow(expect.objectContaining({ code: 'RECIPE_INVALID' }));
    }
  });
});
