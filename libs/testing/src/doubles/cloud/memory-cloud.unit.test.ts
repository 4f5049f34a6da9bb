import { cloudContract } from '../../contracts/cloud/index.js';
import { MemoryCloud } from './memory-cloud.js';
import { seedOf } from '@landfall/domain/builders';

cloudContract('the cloud in memory', () => {
  const cloud = new MemoryCloud({ applianceId: 'appliance' });
  const { subscription } = cloud;
  return Promise.resolve({
    cloud,
    applianceId: 'appliance',
    resourceGroup: 'apps',
    region: 'westeurope',
    subnetId: seedOf().subnets[0]?.azureId ?? '',
    freeAddress: '10.0.0.10',
    smallSize: 'Standard_F2s_v2',
    async lock(scope, name, level) {
      const others = subscription.locks.filter((lock) => lock.name !== name);
      const azureId = `${scope}/providers/Microsoft.Authorization/locks/${name}`;
      subscription.locks = level === null ? others : [...others, { azureId, name, scope, level }];
    },
    async assign(policies) {
      subscription.policies = policies;
    },
    dispose: () => Promise.resolve(),
  });
});
