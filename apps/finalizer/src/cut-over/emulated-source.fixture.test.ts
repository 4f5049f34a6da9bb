import { SEED } from '@landfall/azure-emulator';
import type { Cloud, CloudDisk } from '@landfall/domain';
import { MemoryJournal } from '@landfall/testing';

const GIB = 1024 ** 3;

/** The disks of somebody's machine in the emulated Azure, by the names that the scene has for them. */
export async function disksOfSource(cloud: Cloud): Promise<ReadonlyMap<string, CloudDisk>> {
  const journal = new MemoryJournal('others');
  const disks = new Map<string, CloudDisk>();
  for (const name of ['os', 'data', 'kept']) {
    const os = name === 'os' ? { family: 'linux' as const, generation: 2 as const } : null;
    const place = { resourceGroup: SEED.resourceGroup, region: SEED.region, zone: null };
    const spec = { ...place, name: `web-${name}`, sizeBytes: GIB, sku: 'StandardSSD_LRS', os };
    const theirs = { tags: { owner: 'shop' }, role: 'theirs', purpose: 'result' as const };
    disks.set(name, await cloud.disks.ensureEmpty({ ...spec, ...theirs }, journal));
  }
  return disks;
}
