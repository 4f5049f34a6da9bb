import { describe, expect, it } from '@jest/globals';
import { createHttpHeaders, type HttpClient } from '@azure/core-rest-pipeline';
import { Secret } from '@landfall/domain';
import { connectClients } from './connection.js';
import { AzureReader } from './reader.js';

const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000aa';
const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/apps`;
const NETWORK = `${GROUP}/providers/Microsoft.Network/virtualNetworks/net`;

describe('what reading networks costs', () => {
  it('is one request for a network, and one for all of a group, however many machines are in them', async () => {
    const { reader, asked } = answering((path) => {
      const network = aNetwork(1_000);
      return path === NETWORK ? network : { value: [network, { ...network, name: 'other' }] };
    });
    expect((await reader.subnetsOf(NETWORK)).map(({ name, region }) => [name, region])).toStrictEqual([
      ['machines', 'westeurope'],
      ['more', 'westeurope'],
    ]);
    expect((await reader.subnetsIn('apps')).map(({ networkName, name }) => [networkName, name])).toStrictEqual([
      ['net', 'machines'],
      ['net', 'more'],
      ['other', 'machines'],
      ['other', 'more'],
    ]);
    expect(asked).toStrictEqual([NETWORK, NETWORK.replace(/\/net$/, '')]);
  });

  it('is one request for an address', async () => {
    const { reader, asked } = answering(() => ({ available: false, availableIPAddresses: ['10.0.0.7'] }));
    expect(await reader.addressIsFree(`${NETWORK}/subnets/machines`, '10.0.0.6')).toBe(false);
    expect(asked).toStrictEqual([`${NETWORK}/checkIPAddressAvailability`]);
  });
});

describe("a disk's ownership", () => {
  const diskOf = (properties: object) =>
    answering(() => ({ location: 'westeurope', properties })).reader.disk(
      `${GROUP}/providers/Microsoft.Compute/disks/os`,
    );

  it('is told to the last digit, because it is only compared', async () => {
    const time = '2026-01-02T03:04:05.1234567+00:00';
    expect((await diskOf({ LastOwnershipUpdateTime: time }))?.ownershipUpdatedAt).toBe(time);
    expect((await diskOf({}))?.ownershipUpdatedAt).toBe(null);
  });
});

describe('what Landfall may do', () => {
  const missing = (value: readonly object[], ...actions: string[]) =>
    answering(() => ({ value })).reader.actionsMissing(GROUP, actions);
  const role = (actions: string[], notActions: string[] = []) => ({ actions, notActions });

  it('is what any of its roles allows that does not take it out again, whatever the case', async () => {
    const [read, write, remove] = ['read', 'write', 'delete'].map((verb) => `Microsoft.Compute/disks/${verb}`);
    const asked = [read!, write!, remove!];
    expect(await missing([role(['*/read']), role(['microsoft.compute/*'], [remove!])], ...asked)).toStrictEqual([
      remove,
    ]);
    expect(await missing([role(['*'], [write!]), role([write!])], ...asked)).toStrictEqual([]);
    expect(await missing([], ...asked)).toStrictEqual(asked);
  });

  it('is not more than what is named: a dot in an action is a dot', async () => {
    const [near] = await missing([role(['Microsoft.Compute/disks/read'])], 'MicrosoftXCompute/disks/read');
    expect(near).toBe('MicrosoftXCompute/disks/read');
  });
});

function aNetwork(machines: number) {
  const subnet = (name: string) => ({
    id: `${NETWORK}/subnets/${name}`,
    name,
    properties: {
      addressPrefix: '10.0.0.0/16',
      ipConfigurations: Array.from({ length: machines }, (_, index) => ({
        id: `${GROUP}/providers/Microsoft.Network/networkInterfaces/nic-${index}/ipConfigurations/primary`,
      })),
    },
  });
  return {
    id: NETWORK,
    name: 'net',
    location: 'westeurope',
    properties: { subnets: [subnet('machines'), subnet('more')] },
  };
}

function answering(answer: (path: string) => object) {
  const asked: string[] = [];
  const transport: HttpClient = {
    sendRequest: async (request) => {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      return {
        request,
        status: 200,
        headers: createHttpHeaders({ 'content-type': 'application/json' }),
        bodyAsText: JSON.stringify(answer(pathname)),
      };
    },
  };
  const settings = { subscriptionId: SUBSCRIPTION, applianceId: 'a', token: new Secret('t') };
  return { reader: new AzureReader(connectClients(settings, transport)), asked };
}
