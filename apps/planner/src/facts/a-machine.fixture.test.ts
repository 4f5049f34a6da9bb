import type { CloudVm } from '@landfall/domain';
import { MemoryJournal, seedOf, type MemoryCloud } from '@landfall/testing';

const GIB = 1024 ** 3;

/** The VM `web` with an OS disk and a data disk, in the group `apps`. */
export async function aMachine({ disks, network, machines: vms }: MemoryCloud): Promise<CloudVm> {
  const journal = new MemoryJournal('r0');
  const located = (name: string) => ({
    ...{ name, resourceGroup: 'apps', region: 'westeurope', zone: null, tags: { owner: 'somebody' } },
    ...{ role: 'disk', purpose: 'result' as const },
  });
  const disk = (name: string) =>
    disks.ensureEmpty({ ...located(name), sizeBytes: GIB, sku: 'Premium_LRS', os: null }, journal);
  const [os, data] = [await disk('web-os'), await disk('web-data')];
  const nic = await network.ensureNic(
    { ...located('web-nic'), subnetId: seedOf().subnets[0]!.azureId, privateIp: null },
    journal,
  );
  return vms.ensure(
    {
      ...{ ...located('web'), size: 'Standard_F2s_v2', nicId: nic.azureId },
      osDisk: { diskId: os.azureId, family: 'linux', caching: 'ReadWrite' },
      dataDisks: [{ diskId: data.azureId, lun: 0, caching: 'None' }],
    },
    journal,
  );
}
