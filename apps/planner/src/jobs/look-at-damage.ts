import { composeSource, USUAL_ALLOWANCE, whatLiesIn } from '@landfall/disk';
import {
  type BackupRepository,
  type ByteRange,
  type DamagedRange,
  type DiskIngredients,
  type DiskSource,
  type FailedSegment,
  isDamage,
  patchesOf,
  type RangeContents,
  type RestoreBooks,
} from '@landfall/domain';
import { type AnswerHandler, LOOK_AT_DAMAGE } from '@landfall/pipeline';
import type { OpenRepositories } from '@landfall/repository';

/*
 * What lies in the parts of a restore's disks that the backup could not give. A data-mover says which bytes they are and
 * nothing else; the names are read here, out of the same backup, around what is damaged in it.
 */
type Books = Pick<RestoreBooks, 'failedSegments' | 'ingredients' | 'patches'>;

const MOST_RANGES = 16;
/** The first one that is damaged ends a restore: there are as many as data-movers report at the same moment. */
const MOST_SEGMENTS = 256;
/** The longest that a segment or a part of a backup is; what is told may be longer, and is cut. */
const LONGEST_RANGE_BYTES = 256 * 1024 * 1024;

type Met = Pick<DamagedRange, 'disk' | 'code' | 'exact'> & { readonly range: ByteRange };

/** Answers with a list of `DAMAGED_RANGE`. @throws what opening the repository throws, and its images */
export function answerDamage(books: Books, repositories: OpenRepositories): AnswerHandler {
  return async (payload, signal): Promise<readonly DamagedRange[]> => {
    const { restoreId } = LOOK_AT_DAMAGE.parse(payload);
    const failed = await books.failedSegments(restoreId, MOST_SEGMENTS);
    const damaged = failed.filter(({ error }) => isDamage(error.code)).map(metIn);
    const met = damaged.slice(0, MOST_RANGES);
    const disks = [...new Set(met.map(({ disk }) => disk))];
    const answer: DamagedRange[] = [];
    for (const name of disks) {
      const ingredients = await books.ingredients(restoreId, name);
      if (ingredients === null) continue;
      const ofDisk = met.filter(({ disk }) => disk === name);
      const patches = await books.patches(patchesOf(ingredients.recipe));
      const look = async (images: ReadonlyMap<string, DiskSource>): Promise<readonly RangeContents[]> =>
        whatLiesIn(
          composeSource(ingredients.recipe, { images, patches }),
          ofDisk.map(({ range }) => range),
          // Of all disks together; whoever asks waits a while longer than that.
          { allowance: { ...USUAL_ALLOWANCE, milliseconds: USUAL_ALLOWANCE.milliseconds / disks.length }, signal },
        );
      const told = await repositories.useAsItIsNow(ingredients.source.repository, (repository) =>
        withImages(repository, ingredients, signal, look),
      );
      answer.push(...ofDisk.map(({ disk, code, exact }, index) => ({ disk, code, exact, ...told[index]! })));
    }
    return answer;
  };
}

/** What the data-mover has told, where it touches what it was given; else all of that. */
function metIn({ segment, error }: FailedSegment): Met {
  const { diskName: disk, offsetBytes: offset, lengthBytes: length } = segment;
  const { code, range } = error;
  const touches = range !== undefined && range.offset < offset + length && offset < range.offset + range.length;
  if (!touches) return { disk, code, exact: false, range: { offset, length } };
  return { disk, code, exact: true, range: { ...range, length: Math.min(range.length, LONGEST_RANGE_BYTES) } };
}

async function withImages<T>(
  repository: BackupRepository,
  { source }: DiskIngredients,
  signal: AbortSignal,
  use: (images: ReadonlyMap<string, DiskSource>) => Promise<T>,
): Promise<T> {
  const images = new Map<string, DiskSource>();
  try {
    for (const { name, location } of source.images) images.set(name, await repository.openDisk(location, signal));
    return await use(images);
  } finally {
    await Promise.all([...images.values()].map((image) => image.close()));
  }
}
