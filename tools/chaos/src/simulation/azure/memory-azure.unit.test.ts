import type { HttpClient } from '@azure/core-rest-pipeline';
import { AzureCloud, connectClients } from '@landfall/azure';
import { Secret } from '@landfall/domain';
import { cloudContract } from '@landfall/testing/contracts';
import { Kernel } from '../kernel.js';
import { MemoryAzure } from './memory-azure.js';
import { callOf, responseTo } from './transport.js';

const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000cc';
const APPLIANCE = 'appliance';
const DAY_MS = 24 * 3_600_000;

cloudContract('the Azure of the simulation, without its faults,', async () => {
  const kernel = new Kernel(1);
  const azure = new MemoryAzure(kernel, SUBSCRIPTION);
  const network = azure.plantPlace('apps');
  const subnetId = `${network.id}/subnets/machines`;
  const settings = {
    ...{ subscriptionId: SUBSCRIPTION, endpoint: 'https://arm.simulated', applianceId: APPLIANCE },
    token: new Secret('token'),
  };
  return {
    cloud: new AzureCloud(connectClients(settings, answeredBy(azure, kernel)), APPLIANCE),
    applianceId: APPLIANCE,
    resourceGroup: 'apps',
    region: 'westeurope',
    subnetId,
    freeAddress: '10.0.0.250',
    smallSize: 'Standard_F2s_v2',
    async lock(scope, name, level) {
      const others = azure.locks.filter((lock) => lock.name !== name);
      azure.locks = level === null ? others : [...others, { scope, name, level }];
    },
    async assign(policies) {
      azure.policies = policies;
    },
    dispose: () => Promise.resolve(),
  };
});

/** Every operation has ended by the time of the next request. */
function answeredBy(azure: MemoryAzure, kernel: Kernel): HttpClient {
  return {
    async sendRequest(request) {
      const answer = azure.handle(callOf(request));
      await kernel.run(DAY_MS, () => false);
      return responseTo(request, answer);
    },
  };
}
