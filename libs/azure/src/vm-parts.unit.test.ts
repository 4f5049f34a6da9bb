import { describe, expect, it } from '@jest/globals';
import { partsThatGoAlong, withDeleteOptions } from './vm-parts.js';

const MODEL = {
  location: 'westeurope',
  storageProfile: {
    osDisk: { createOption: 'Attach', name: 'os', deleteOption: 'Delete', managedDisk: { id: '/os' } },
    dataDisks: [
      {
        ...{ lun: 1, createOption: 'Attach', caching: 'None' as const, managedDisk: { id: '/data' } },
        ...{ diskIopsReadWrite: 500, diskMBpsReadWrite: 60 },
      },
    ],
  },
  networkProfile: { networkInterfaces: [{ id: '/nic', primary: true, deleteOption: 'Detach' }] },
};

describe('the delete options of what a VM consists of', () => {
  it('are sent with all that its parts are, but for how fast a disk is, which Azure refuses to take back', () => {
    const body = withDeleteOptions(MODEL, (id) => (id === '/data' ? 'Detach' : null));
    expect(body).toStrictEqual({
      location: 'westeurope',
      storageProfile: {
        osDisk: MODEL.storageProfile.osDisk,
        dataDisks: [
          { lun: 1, createOption: 'Attach', caching: 'None', managedDisk: { id: '/data' }, deleteOption: 'Detach' },
        ],
      },
      networkProfile: MODEL.networkProfile,
    });
  });

  it('let a part go along of which nothing is said, and a public address only where its interface says so', () => {
    const address = (name: string, deleteOption?: string) => ({
      publicIPAddress: { id: `/${name}`, ...(deleteOption === undefined ? {} : { deleteOption }) },
    });
    const nics = [{ ipConfigurations: [address('going', 'Delete'), address('staying', 'Detach'), address('unsaid')] }];
    expect(partsThatGoAlong(MODEL, nics)).toStrictEqual(['/os', '/data', '/going']);
  });
});
