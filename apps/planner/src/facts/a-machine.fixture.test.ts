import type { Cloud, CloudVm } from '@landfall/domain';
import { MemoryJournal, seedOf } from '@landfall/testing';

const GIB = 1024 ** 3;

/** The VM `web` with an OS disk and a data disk at LUN 0; it runs. */
export async function aMachine(
  { disks, network, machines: vms }: Cloud,
  resourceGroup = 'apps',
  subnetId = seedOf().subnets[0]!.azureId,
): Promise<CloudVm> {
  const journal = new MemoryJournal('r0');
  const located = (name: string) => ({
    ...{ name, resourceGroup, region: 'westeurope', zone: null, tags: { owner: 'somebody' } },
    ...{ role: 'disk', purpose: 'result' as const },
  });
  const spec = (name: string) => ({ ...located(name), sizeBytes: GIB, sku: 'Premium_LRS' });
  const os = { family: 'linux', generation: 1 } as const;
  const osDisk = await disks.ensureEmpty({ ...spec('web-os'), os }, journal);
  const data = await disks.ensureEmpty({ ...spec('web-data'), os: null }, journal);
  const nic = await network.ensureNic({ ...located('web-nic'), subnetId, privateIp: null }, journal);
  return vms.ensure(
    {
      ...{ ...located('web'), size: 'Standard_F2s_v2', nicId: nic.azureId },
      osDisk: { diskId: osDisk.azureId, family: 'linux', caching: 'ReadWrite' },
      dataDisks: [{ diskId: data.azureId, lun: 0, caching: 'ReadOnly' }],
    },
    journal,
  );
}
