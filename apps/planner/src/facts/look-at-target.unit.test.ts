import { describe, expect, it } from '@jest/globals';
import { aRestorePoint, aRestoreRequest, MemoryCloud, seedOf } from '@landfall/testing';
import { lookAtTarget } from './look-at-target.js';

const SUBSCRIPTION = seedOf().subscriptionId;
const machines = seedOf().subnets[0]!;
const settings = {
  subscriptionId: SUBSCRIPTION,
  defaultRegion: 'westeurope',
  defaultResourceGroup: 'apps',
  defaultSubnetId: null,
  workerSubnetId: null,
  archivePrices: null,
  applianceId: 'appliance-1',
};

describe('what a plan asks of Azure about networks', () => {
  it('is each network once, though several of its subnets are named', async () => {
    const far = (name: string) => ({
      ...machines,
      ...{ resourceGroup: 'hub', networkName: 'hub', name },
      azureId: machines.azureId
        .replace('/apps/', '/hub/')
        .replace(/virtualNetworks.*/, `virtualNetworks/hub/subnets/${name}`),
    });
    const { reader, asked } = counting([machines, far('machines'), far('workers')]);
    const request = aRestoreRequest({ destination: { subnetId: far('machines').azureId.toUpperCase() } });
    const target = await lookAtTarget(reader, request, aRestorePoint(), {
      ...settings,
      workerSubnetId: far('workers').azureId,
    });
    expect([target.subnet?.name, target.workerSubnet?.name]).toStrictEqual(['machines', 'workers']);
    expect(asked).toStrictEqual({ subnetsIn: 1, subnetsOf: 1 });
  });

  it('is nothing of an address unless one is named that the subnet has', async () => {
    for (const privateIp of [undefined, '10.0.1.1', '10.0.0.1', 'no address']) {
      const { reader, asked } = counting([machines]);
      const request = aRestoreRequest({ destination: { ...(privateIp === undefined ? {} : { privateIp }) } });
      const target = await lookAtTarget(reader, request, aRestorePoint(), settings);
      expect([target.privateIpTaken, asked]).toStrictEqual([false, { subnetsIn: 1 }]);
    }
  });

  it('is once whether the address is free that is named', async () => {
    for (const [privateIp, taken] of [
      ['10.0.0.8', true],
      ['10.0.0.9', false],
    ] as const) {
      const { reader, asked } = counting([machines], ['10.0.0.8']);
      const request = aRestoreRequest({ destination: { privateIp } });
      const target = await lookAtTarget(reader, request, aRestorePoint(), settings);
      expect([target.privateIpTaken, asked]).toStrictEqual([taken, { subnetsIn: 1, addressIsFree: 1 }]);
    }
  });
});

function counting(subnets: readonly (typeof machines)[], taken: readonly string[] = []) {
  const { reader } = new MemoryCloud({ seed: { subnets } });
  const asked: Record<string, number> = {};
  const count = (what: string): void => void (asked[what] = (asked[what] ?? 0) + 1);
  const counted = Object.assign(Object.create(reader) as typeof reader, {
    subnetsIn: (group: string) => (count('subnetsIn'), reader.subnetsIn(group)),
    subnetsOf: (id: string) => (count('subnetsOf'), reader.subnetsOf(id)),
    addressIsFree: async (_: string, address: string) => (count('addressIsFree'), !taken.includes(address)),
  });
  return { reader: counted, asked };
}
