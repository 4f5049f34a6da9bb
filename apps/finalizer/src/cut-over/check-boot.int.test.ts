import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SEED, seedIds } from '@landfall/azure-emulator';
import type { AzureCloud } from '@landfall/azure';
import { APPLIANCE, EmulatedAzure } from '@landfall/azure/fixtures/emulated-azure';
import { networkOf } from '@landfall/domain';
import { BootImages, BootImageUnavailable, skip } from '@landfall/testing';
import { disksOfSource } from './emulated-source.fixture.test.js';
import { CutOverScene } from './scene.fixture.test.js';

/* The boot check through the adapter: what is asked of Azure for copies, and copies that really boot. */
const GIB = 1024 ** 3;
/** Software emulation on a machine that does other things as well takes its time; nothing is concluded from how much. */
const PATIENCE_MS = 600_000;

type Scene = CutOverScene<AzureCloud>;

describe('copies that are booted before a machine is replaced', () => {
  const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000b1';
  let azure: EmulatedAzure;
  beforeAll(async () => {
    azure = await EmulatedAzure.start(SUBSCRIPTION);
  });
  afterAll(() => azure.close());

  it('have nothing of the machine that acts beyond them, and leave nothing, and the disks as they were verified', async () => {
    const scene = await sceneOn(azure, SUBSCRIPTION, { bootCheck: 'serial' });
    const { reader } = azure.cloud;
    const { disks } = await scene.restore();
    const before = await Promise.all(disks.map(({ azureId }) => reader.disk(azureId ?? '')));
    expect(before.map((disk) => [disk?.diskState, disk?.ownershipUpdatedAt])).toStrictEqual([
      ['Unattached', null],
      ['Unattached', null],
    ]);
    await scene.run('check-boot');
    const group = `landfall-staging-${scene.restoreId}`;
    const copy = await reader.savedVm(reader.vmId(group, `landfall-boot-${scene.restoreId}`));
    assert.ok(copy);
    expect(copy.vm.body).not.toHaveProperty('identity');
    expect(copy.vm.body['tags']).toMatchObject({ env: 'prod', 'landfall-role': 'copy' });
    const properties = copy.vm.body['properties'] as Record<string, unknown>;
    for (const name of ['userData', 'availabilitySet', 'proximityPlacementGroup'])
      expect(properties).not.toHaveProperty(name);
    expect(properties).toMatchObject({
      hardwareProfile: { vmSize: 'Standard_F2s_v2' },
      diagnosticsProfile: { bootDiagnostics: { enabled: true } },
    });
    expect([copy.extensions, copy.publicIps, copy.nics.length]).toStrictEqual([[], [], 1]);
    expect(copy.disks.map(({ body }) => (body['properties'] as { creationData: unknown }).creationData)).toMatchObject(
      disks.map(({ azureId }) => ({ createOption: 'Copy', sourceResourceId: azureId })),
    );
    const nic = copy.nics[0]?.body['properties'] as { ipConfigurations: { properties: { subnet: { id: string } } }[] };
    const subnetId = nic.ipConfigurations[0]?.properties.subnet.id ?? '';
    const network = await reader.network(networkOf(subnetId));
    expect(network?.subnets).toMatchObject([{ id: subnetId, defaultOutboundAccess: false }]);
    const rules = await reader.securityGroup(network?.subnets?.[0]?.networkSecurityGroup?.id ?? '');
    expect(rules?.securityRules?.map(({ access, direction }) => `${access} ${direction}`)).toStrictEqual([
      ...['Deny Inbound', 'Deny Outbound', 'Deny Outbound'],
    ]);

    await azure.faults.change({ serialLog: `${'x'.repeat(80_000)}\r\nweb login: ` });
    await scene.run('check-boot');
    expect(await scene.events()).toContain('boot.checked');
    const left = await reader.tagged('landfall-restore', scene.restoreId);
    expect(left.map(({ azureId }) => azureId).filter((id) => id.includes('landfall-boot'))).toStrictEqual([]);
    expect(await Promise.all(disks.map(({ azureId }) => reader.disk(azureId ?? '')))).toStrictEqual(before);
    expect((await reader.vm(scene.source.azureId))?.powerState).toBe('running');
  });
});

describe('copies that really boot', () => {
  const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000b2';
  let azure: EmulatedAzure;
  let folder: string;
  let images: BootImages | null = null;
  let without: string | null = existsSync('/usr/bin/qemu-system-x86_64') ? null : 'qemu-system-x86_64 is not installed';
  beforeAll(async () => {
    azure = await EmulatedAzure.start(SUBSCRIPTION, { hypervisor: 'qemu', qemu: { graceMs: 500, memoryMiB: 256 } });
    folder = await mkdtemp(join(tmpdir(), 'landfall-boot-check-'));
    if (without !== null) return;
    try {
      images = await BootImages.open();
    } catch (error) {
      if (!(error instanceof BootImageUnavailable)) throw error;
      without = error.message;
    }
  });
  afterAll(async () => {
    images?.close();
    await azure.close();
    await rm(folder, { recursive: true, force: true });
  });

  it(
    'say so on their serial console, from what was written to the restored disks, which stays as it is',
    async () => {
      if (without !== null) skip(without);
      const scene = await sceneOn(azure, SUBSCRIPTION, { bootCheck: 'serial', bootPattern: 'guest: up' });
      const { disks } = await scene.restore();
      const osDiskId = disks.find(({ name }) => name === 'os')?.azureId ?? '';
      const image = join(folder, 'restored.img');
      await images?.make(image, { then: 'stay', sizeBytes: GIB });
      await cp(image, await azure.pathOfDisk(osDiskId));
      const disk = await azure.cloud.reader.disk(osDiskId);
      const began = Date.now();
      await scene.run('check-boot');
      while ((await scene.next())?.work === 'check-boot') {
        assert.ok(Date.now() - began < PATIENCE_MS, 'the copies never said that they had booted');
        await pause(500);
        await scene.run('check-boot');
      }
      expect(await scene.events()).toContain('boot.checked');
      expect(await azure.cloud.reader.disk(osDiskId)).toStrictEqual(disk);
      const left = await azure.cloud.reader.tagged('landfall-restore', scene.restoreId);
      expect(left.filter(({ azureId }) => azureId.includes('landfall-boot'))).toStrictEqual([]);
    },
    PATIENCE_MS,
  );
});

/** A machine of somebody with an identity, user data and a set, and a restore whose disks are written and wait. */
async function sceneOn(
  azure: EmulatedAzure,
  subscriptionId: string,
  bootCheck: { readonly bootCheck: 'serial'; readonly bootPattern?: string },
): Promise<Scene> {
  const provider = `/subscriptions/${subscriptionId}/resourceGroups/${SEED.resourceGroup}/providers`;
  const disks = await disksOfSource(azure.cloud);
  const nic = `${provider}/Microsoft.Network/networkInterfaces/web-nic`;
  const configuration = { subnet: { id: seedIds(subscriptionId).machineSubnetId } };
  await azure.putByHand(nic, { properties: { ipConfigurations: [{ name: 'primary', properties: configuration }] } });
  const attached = (name: string) => ({ managedDisk: { id: disks.get(name)!.azureId }, createOption: 'Attach' });
  const vmId = `${provider}/Microsoft.Compute/virtualMachines/web`;
  await azure.putByHand(vmId, {
    ...{ tags: { env: 'prod' }, identity: { type: 'SystemAssigned' } },
    properties: {
      ...{ hardwareProfile: { vmSize: 'Standard_F2s_v2' }, userData: Buffer.from('hello').toString('base64') },
      storageProfile: {
        osDisk: { ...attached('os'), osType: 'Linux' },
        dataDisks: [
          { ...attached('data'), lun: 9 },
          { ...attached('kept'), lun: 21 },
        ],
      },
      networkProfile: { networkInterfaces: [{ id: nic }] },
    },
  });
  const vm = await azure.cloud.reader.vm(vmId);
  assert.ok(vm);
  const place = { resourceGroup: SEED.resourceGroup, applianceId: APPLIANCE, addressIds: [] };
  return CutOverScene.of(azure.cloud, place, vm, disks, bootCheck);
}
