import { LandfallError, presentRound, type LedgerEntry } from '@landfall/domain';
import { removeEach, type RemovalPorts, type WorkContext } from '@landfall/pipeline';

/** Azure lists for some seconds what was deleted; what lies in a group after so many tries is somebody else's. */
const TRIES_FOR_GROUP = 3;

export interface LeftAlone {
  readonly entry: LedgerEntry;
  readonly error: LandfallError;
}

/**
 * Removes what the ledger lists. Returns what stays, because it is somebody else's by now, or a resource group in which somebody
 * else keeps something.
 * @param work that does it: its attempts are counted
 */
export async function removeAll(
  ports: RemovalPorts,
  { restore, journal, signal }: WorkContext,
  entries: readonly LedgerEntry[],
  work: 'remove-created' | 'remove-staging-resource-group',
): Promise<readonly LeftAlone[]> {
  const { foreign, failures } = await removeEach(ports, entries, journal, signal);
  const direction = work === 'remove-created' ? 'back' : 'forward';
  const round = presentRound(restore, direction);
  const attempts = restore.works.find((each) => each.id === work && each.round === round)?.attempts ?? 0;
  const left: LeftAlone[] = [...foreign];
  for (const { entry, error } of failures) {
    const isUsed = error instanceof LandfallError && error.code === 'GROUP_NOT_EMPTY';
    if (!isUsed || attempts + 1 < TRIES_FOR_GROUP) throw error;
    left.push({ entry, error });
  }
  return left;
}
