import type { Retrievals } from '@landfall/domain';
import type { CopiesOf } from '@landfall/service/archive-copies';

export interface RetrievedPorts {
  readonly retrievals: Retrievals;
  readonly copiesOf: CopiesOf;
}

/** What a restore has brought back from the archive tier goes: all of it at once, with the container that it lies in. */
export async function removeRetrieved(
  { retrievals, copiesOf }: RetrievedPorts,
  restoreId: string,
  repositoryName: string,
  signal: AbortSignal,
): Promise<boolean> {
  const retrieval = await retrievals.retrieval(restoreId);
  if (retrieval === null) return false;
  const copies = await copiesOf(retrieval, repositoryName);
  await copies.remove(signal);
  await retrievals.removed(restoreId);
  return true;
}
