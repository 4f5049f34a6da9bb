import {
  imagesOf,
  patchesOf,
  recipeWithin,
  requirePatches,
  type DiskAccesses,
  type PlannedDisk,
  PermanentError,
  type RestoreBooks,
  type SecretBox,
  SEALING_CONTEXT,
  type Segment,
  WaitingError,
} from '@landfall/domain';
import type { RepositoryAccess, SegmentGrant } from './mover-protocol.js';

export interface GrantPorts {
  readonly books: Pick<RestoreBooks, 'plan' | 'ingredients' | 'patches'>;
  readonly diskAccesses: Pick<DiskAccesses, 'access'>;
  readonly secrets: Pick<SecretBox, 'open'>;
  /** Where the repository of this name lies and what opens it; null when it is gone, or data-movers can't read it. */
  readonly repositoryAccess: (name: string) => Promise<RepositoryAccess | null>;
}

/**
 * Everything that a data-mover needs for one segment, less the epoch: where to read, what opens it, where to write. Put
 * together before the segment is given out, so that what can't be granted is not. What is read is what the plan says, for all
 * segments alike: the catalogue may speak of another backup by now. Of a disk's recipe it has what reaches into the segment.
 * @param lun the disk's LUN on the worker; null where the disk is written through its SAS
 * @throws PermanentError `GRANT_IMPOSSIBLE`, `RECIPE_INVALID` when the books do not hold what the disk is made from
 * @throws WaitingError `ACCESS_MISSING` while there is no access to a disk that is written directly
 */
export async function grantOf(
  ports: GrantPorts,
  segment: Segment,
  lun: number | null,
): Promise<Omit<SegmentGrant, 'epoch'>> {
  const plan = await ports.books.plan(segment.restoreId);
  const disk = plan?.disks.find((candidate) => candidate.name === segment.diskName);
  if (plan === null || disk === undefined) throw impossible(segment, 'its plan does not know the disk');
  const ingredients = await ports.books.ingredients(segment.restoreId, disk.name);
  if (ingredients === null) throw impossible(segment, 'nobody has written down what the disk is to hold');
  const { repository: name, images } = ingredients.source;
  const recipe = recipeWithin(ingredients.recipe, { offset: segment.offsetBytes, length: segment.lengthBytes });
  const patches = await ports.books.patches(patchesOf(recipe));
  requirePatches(recipe, patches);
  const needed = imagesOf(recipe);
  const repository = await ports.repositoryAccess(name);
  if (repository === null) throw impossible(segment, `the repository "${name}" is gone`);
  return {
    segmentId: segment.id,
    restoreId: segment.restoreId,
    purpose: segment.purpose,
    verify: plan.options.verify,
    offsetBytes: segment.offsetBytes,
    lengthBytes: segment.lengthBytes,
    repository,
    recipe: { ...recipe, parts: [...recipe.parts] },
    images: images
      .filter((image) => needed.includes(image.name))
      .map(({ name: image, location }) => ({ name: image, location })),
    patches: [...patches.values()].map((bytes) => Buffer.from(bytes).toString('base64')),
    target: await targetOf(ports, disk, segment, lun),
  };
}

async function targetOf(
  ports: GrantPorts,
  disk: PlannedDisk,
  segment: Segment,
  lun: number | null,
): Promise<SegmentGrant['target']> {
  if (lun !== null) return { kind: 'lun', lun, sizeBytes: disk.sizeBytes };
  const access = await ports.diskAccesses.access(segment.restoreId, disk.name);
  const wanted = segment.purpose === 'move' ? 'write' : 'read';
  if (access?.purpose !== wanted) throw accessMissing(disk.name);
  const url = ports.secrets.open(access.sealedUrl, SEALING_CONTEXT.diskAccess(segment.restoreId, disk.name)).reveal();
  return { kind: 'page-blob', url, sizeBytes: disk.sizeBytes };
}

const ACCESS_AGAIN_MS = 2_000;

/** The finalizer grants it, or grants it anew. */
function accessMissing(diskName: string): WaitingError {
  return new WaitingError(
    {
      code: 'ACCESS_MISSING',
      message: `There is no access to the disk "${diskName}" just now.`,
      fix: 'Nothing has to be done: claim the segment again soon.',
    },
    { retryAfterMs: ACCESS_AGAIN_MS },
  );
}

function impossible(segment: Segment, why: string): PermanentError {
  return new PermanentError({
    code: 'GRANT_IMPOSSIBLE',
    message: `Segment ${segment.id} of disk "${segment.diskName}" cannot be moved: ${why}.`,
    fix: 'Rescan the repository and start the restore again from a point that it lists.',
  });
}
