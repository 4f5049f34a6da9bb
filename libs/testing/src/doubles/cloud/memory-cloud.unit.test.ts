import { cloudContract } from '../../contracts/cloud/index.js';
import { MemoryCloud } from './memory-cloud.js';
import { seedOf } from '@landfall/domain/builders';

cloudContract('the cloud in memory', () =>
  Promise.resolve({
    cloud: new MemoryCloud({ applianceId: 'appliance' }),
    applianceId: 'appliance',
    resourceGroup: 'apps',
    region: 'westeurope',
    subnetId: seedOf().subnets[0]?.azureId ?? '',
    freeAddress: '10.0.0.10',
    smallSize: 'Standard_F2s_v2',
    dispose: () => Promise.resolve(),
  }),
);
