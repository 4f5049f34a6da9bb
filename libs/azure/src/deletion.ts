import { CLOUD_KINDS, type CloudReader, type CloudResourceKind, type Owned } from '@landfall/domain';
import { bodyHash, requireOwn } from './ownership.js';
import { perform, type Change, type Performer } from './perform.js';
import type { Poller } from './polling.js';

/*
 * Deleting. What is to be deleted is read first and must carry every one of our tags.
 */
export interface Deletion {
  readonly kind: CloudResourceKind;
  readonly name: string;
  readonly owned: Owned;
  /** Looks whether anything stands in the way. @throws LandfallError what it is */
  requireFree?(): Promise<void>;
  send(): Poller;
  resume(pollerState: string): Poller;
}

type Looker = Pick<CloudReader, 'resource'>;

/** Returns whether it was there. */
export async function removeOwn(reader: Looker, deletion: Deletion, performer: Performer): Promise<boolean> {
  let wasThere = false;
  const noteIt = (): void => {
    wasThere = true;
  };
  await perform(removal(reader, deletion, noteIt), performer);
  return wasThere;
}

export function removal(reader: Looker, deletion: Deletion, onFound: () => void): Change<null> {
  const { kind, name, owned } = deletion;
  return {
    doing: `delete the ${CLOUD_KINDS[kind].label} "${name}"`,
    intent: {
      // What moves has one name under two ids.
      key: `${kind}.delete:${owned.azureId.toLowerCase()}`,
      operation: `${kind}.delete`,
      azureId: owned.azureId,
      bodyHash: bodyHash(owned.azureId),
      effect: { removes: 'ours' },
    },
    async look() {
      const found = await reader.resource(kind, owned.azureId);
      if (found === null) return { state: 'done', value: null };
      requireOwn(found, owned.tags);
      onFound();
      if (found.provisioningState === 'Deleting') return { state: 'busy' };
      await deletion.requireFree?.();
      return { state: 'needed' };
    },
    send: () => deletion.send(),
    resume: (state) => deletion.resume(state),
  };
}
