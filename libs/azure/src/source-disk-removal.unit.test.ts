import { describe, expect, it } from '@jest/globals';
import type { CloudDisk } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { removalOfSourceDisk } from './source-disk-removal.js';

const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000aa';
const ID = `/subscriptions/${SUBSCRIPTION}/resourceGroups/web/providers/Microsoft.Compute/disks/os`;

/** @param shown what Azure shows at each look */
function removal(shown: readonly Partial<CloudDisk>[]) {
  const connection = { subscriptionId: SUBSCRIPTION, compute: { disks: {} } } as AzureConnection;
  const left = [...shown];
  const usual = { azureId: ID, managedBy: null, diskState: 'Unattached', provisioningState: 'Succeeded' };
  const read = () => Promise.resolve({ ...usual, ...left.shift() } as CloudDisk);
  return removalOfSourceDisk(connection, read, { azureId: ID, uniqueId: 'one' }, () => undefined);
}

describe('the removal of a disk that is replaced', () => {
  it('is done once another disk is there instead of the one that was seen, and not if that one never was', async () => {
    const seen = removal([{ uniqueId: 'ONE' }, { uniqueId: 'other' }]);
    expect(await seen.look()).toStrictEqual({ state: 'needed' });
    expect(await seen.look()).toStrictEqual({ state: 'done', value: null });
    await expect(removal([{ uniqueId: 'other' }]).look()).rejects.toMatchObject({ code: 'SOURCE_REPLACED' });
  });

  it('is not asked for while Azure does not say which disk it is', async () => {
    await expect(removal([{ uniqueId: '' }]).look()).rejects.toMatchObject({ code: 'SOURCE_REPLACED' });
  });

  it('waits while something is done to the disk', async () => {
    const busy = removal([{ uniqueId: 'one', provisioningState: 'Updating', diskState: 'Reserved' }]);
    expect(await busy.look()).toStrictEqual({ state: 'busy' });
  });
});
