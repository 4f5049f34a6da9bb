import { describe, expect, it } from '@jest/globals';
import { ownerTags } from '@landfall/domain';
import { removal, type Deletion } from './deletion.js';
import type { Poller } from './polling.js';

const AZURE_ID = '/subscriptions/s/resourceGroups/apps/providers/Microsoft.Compute/disks/web';
const RESOURCE = { azureId: AZURE_ID, kind: 'disk', region: 'westeurope' } as const;
const TAGS = ownerTags('appliance-1', 'r-1', 'disk');

/** What a deletion makes of a disk in this state, before it sends anything. */
function lookAt(provisioningState: string | null, tags: Record<string, string> = TAGS, more: Partial<Deletion> = {}) {
  const found = provisioningState === null ? null : { ...RESOURCE, tags, provisioningState };
  const never = (): Poller => {
    throw new Error('Nothing is sent.');
  };
  const owned = { azureId: AZURE_ID, tags: TAGS };
  const deletion = { kind: 'disk', name: 'web', owned, send: never, resume: never, ...more } as const;
  return removal({ resource: async () => found }, deletion, () => undefined).look();
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

  it('is refused where something stands in its way, and not while it is under way', async () => {
    const inTheWay = { requireFree: () => Promise.reject(new Error('Something stands in the way.')) };
    await expect(lookAt('Succeeded', TAGS, inTheWay)).rejects.toThrow('Something stands in the way.');
    expect(await lookAt('Deleting', TAGS, inTheWay)).toStrictEqual({ state: 'busy' });
  });
});
