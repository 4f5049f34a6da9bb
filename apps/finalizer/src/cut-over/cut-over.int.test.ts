import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { SEED, seedIds } from '@landfall/azure-emulator';
import type { AzureCloud } from '@landfall/azure';
import { APPLIANCE, EmulatedAzure } from '@landfall/azure/fixtures/emulated-azure';
import { stepOf, type CloudDisk, type SavedVm } from '@landfall/domain';
import { requestPurge, requestRollback, SETTLED } from '@landfall/pipeline';
import { disksOfSource } from './emulated-source.fixture.test.js';
import { CutOverScene } from './scene.fixture.test.js';

/*
 * The cut-over through the adapter: a machine with two network interfaces, a public address, addresses that Azure may take back, an
 * identity, and parts that would go along with it.
 */
const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000c7';
const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${SEED.resourceGroup}/providers`;
const VM = `${GROUP}/Microsoft.Compute/virtualMachines/web`;
const SUBNET = seedIds(SUBSCRIPTION).machineSubnetId;

let azure: EmulatedAzure;
let scene: CutOverScene<AzureCloud>;
let before: SavedVm;
let options: readonly unknown[];

beforeAll(async () => {
  azure = await EmulatedAzure.start(SUBSCRIPTION);
  const disks = await disksOfSource(azure.cloud);
  await makeMachine(disks);
  const vm = await azure.cloud.reader.vm(VM);
  before = (await azure.cloud.reader.savedVm(VM))!;
  assert.ok(vm);
  const place = {
    ...{ resourceGroup: SEED.resourceGroup, applianceId: APPLIANCE },
    addressIds: before.publicIps.map(({ azureId }) => azureId),
  };
  options = await optionsNow();
  expect(options).toContain('Delete');
  scene = await CutOverScene.of(azure.cloud, place, vm, disks);
});
afterAll(() => azure.close());

describe('a machine of two network interfaces', () => {
  it('is replaced with its name, interfaces, addresses, tags and what it keeps, and every difference is explained', async () => {
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    const after = (await azure.cloud.reader.savedVm(VM))!;
    expect(at(after, 'vmId')).not.toBe(at(before, 'vmId'));
    expect(addressesOf(after)).toStrictEqual(addressesOf(before));
    expect(await optionsNow()).toStrictEqual(options);
    expect(after.vm.body['tags']).toMatchObject({ env: 'prod' });
    expect(after.vm.body['tags']).not.toHaveProperty('landfall-claim');
    expect(await scene.standing()).toStrictEqual(['kept']);
    const vm = await azure.cloud.reader.vm(VM);
    expect(vm?.dataDisks.map(({ lun }) => lun).sort((a, b) => a - b)).toStrictEqual([9, 21]);
    expect(vm?.powerState).toBe('running');
    const { output } = stepOf(await scene.restore(), 'remove-staging-resource-group') ?? {};
    const { fidelity } = SETTLED.parse(output);
    expect(fidelity.filter(({ why }) => why.startsWith('Not known'))).toStrictEqual([]);
    expect(fidelity.map(({ path }) => path)).toContain('vm.identity.principalId');
  });

  it('is brought back with all that, and what was in use since is kept until it is purged', async () => {
    const { disks } = await scene.restore();
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    expect((await scene.state())[0]).toBe('rolled-back');
    const after = (await azure.cloud.reader.savedVm(VM))!;
    expect(addressesOf(after)).toStrictEqual(addressesOf(before));
    expect(await optionsNow()).toStrictEqual(options);
    const names = (saved: SavedVm) => saved.disks.map(({ azureId }) => azureId.toLowerCase()).sort();
    expect(names(after)).toStrictEqual(names(before));
    for (const { azureId } of disks) expect((await azure.cloud.reader.disk(azureId!))?.diskState).toBe('Unattached');
    await requestPurge(scene.books, scene.restoreId, 'arthur', { selfApproval: false });
    expect(await scene.runAll()).toStrictEqual(['purge']);
    for (const { azureId } of disks) expect(await azure.cloud.reader.disk(azureId!)).toBe(null);
    // What a roll-back has made anew stays as it was before, its owner's: nothing of the restore is left.
    expect(await azure.cloud.reader.tagged('landfall-restore', scene.restoreId)).toStrictEqual([]);
    expect(after.vm.body['tags']).toStrictEqual(before.vm.body['tags']);
    expect((await azure.cloud.reader.vm(VM))?.powerState).toBe('running');
  });
});

async function makeMachine(disks: ReadonlyMap<string, CloudDisk>): Promise<void> {
  const address = `${GROUP}/Microsoft.Network/publicIPAddresses/web-ip`;
  await azure.putByHand(address, {
    ...{ sku: { name: 'Standard' }, properties: { publicIPAllocationMethod: 'Static' } },
  });
  const nics = ['first', 'second'].map((name) => `${GROUP}/Microsoft.Network/networkInterfaces/web-${name}`);
  for (const [index, nic] of nics.entries()) {
    const fixed = index === 0 ? {} : { privateIPAllocationMethod: 'Static', privateIPAddress: '10.20.1.50' };
    const open = index === 0 ? { publicIPAddress: { id: address, properties: { deleteOption: 'Delete' } } } : {};
    const properties = { subnet: { id: SUBNET }, ...fixed, ...open };
    await azure.putByHand(nic, { properties: { ipConfigurations: [{ name: 'primary', properties }] } });
  }
  const attached = (name: string) => ({ managedDisk: { id: disks.get(name)!.azureId }, deleteOption: 'Delete' });
  await azure.putByHand(VM, {
    tags: { env: 'prod' },
    identity: { type: 'SystemAssigned' },
    properties: {
      hardwareProfile: { vmSize: 'Standard_F2s_v2' },
      storageProfile: {
        osDisk: { ...attached('os'), createOption: 'Attach', osType: 'Linux', caching: 'ReadWrite' },
        dataDisks: [
          { ...attached('data'), createOption: 'Attach', lun: 9, caching: 'ReadOnly' },
          { ...attached('kept'), createOption: 'Attach', lun: 21, caching: 'ReadOnly' },
        ],
      },
      networkProfile: {
        networkInterfaces: nics.map((id, index) => ({
          id,
          properties: { primary: index === 0, deleteOption: 'Delete' },
        })),
      },
    },
  });
}

/** What happens to its disks, its network interfaces and their public addresses when it goes, in this order. */
async function optionsNow(): Promise<readonly unknown[]> {
  return ((await azure.cloud.reader.parts(VM)) ?? []).map(({ deleteOption }) => deleteOption);
}

function at({ vm }: SavedVm, member: string): unknown {
  return (vm.body['properties'] as Record<string, unknown>)[member];
}

interface NicModel {
  readonly ipConfigurations: readonly {
    readonly properties: {
      readonly privateIPAddress: string;
      readonly privateIPAllocationMethod: string;
      readonly publicIPAddress?: { readonly id: string };
    };
  }[];
}

/** By network interface: which addresses, how they are given, and what happens to the public one when the VM goes. */
function addressesOf({ nics }: SavedVm): unknown {
  return nics.map(({ azureId, body }) => [
    azureId.toLowerCase(),
    (body['properties'] as NicModel).ipConfigurations.map(({ properties }) => [
      properties.privateIPAddress,
      properties.privateIPAllocationMethod,
      properties.publicIPAddress,
    ]),
  ]);
}
