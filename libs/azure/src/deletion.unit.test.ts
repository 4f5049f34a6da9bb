import { describe, expect, it } from '@jest/globals';
import { ownerTags } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { remove } from './deletion.js';

const AZURE_ID = '/subscriptions/s/resourceGroups/apps/providers/Microsoft.Compute/disks/web';
const TAGS = ownerTags('appliance-1', 'r-1', 'disk');

/** What a deletion makes of a disk in this state, before it sends anything. */
function lookAt(provisioningState: string | null, tags: Record<string, string> = TAGS) {
  const connection = { subscriptionId: 's' } as AzureConnection;
  const found = provisioningState === null ? null : { azureId: AZURE_ID, tags, provisioningState };
  const owned = { azureId: AZURE_ID, kind: 'disk', tags: TAGS } as const;
  return remove(
    connection,
    owned,
    async () => found,
    () => undefined,
  ).look();
}

describe('deleting a resource', () => {
  it('waits for a deletion that is under way already, whoever asked for it', async () => {
    expect(await lookAt('Deleting')).toStrictEqual({ state: 'busy' });
  });

  it('is needed where it is, whatever state it is in, and done where it is not', async () => {
    for (const state of ['Succeeded', 'Failed', 'Updating']) {
      expect(await lookAt(state)).toStrictEqual({ state: 'needed' });
    }
    expect(await lookAt(null)).toStrictEqual({ state: 'done', value: null });
  });

  it('is refused where it does not carry our tags', async () => {
    await expect(lookAt('Succeeded', {})).rejects.toMatchObject({ code: 'RESOURCE_FOREIGN' });
    await expect(lookAt('Deleting', {})).rejects.toMatchObject({ code: 'RESOURCE_FOREIGN' });
  });
});
