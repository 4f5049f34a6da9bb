import { describe, expect, it } from '@jest/globals';
import type { BackupRepository, Restore } from '@landfall/domain';
import type { OpenRepositories } from '@landfall/repository';
import { aRestorePlan } from '@landfall/testing';
import { extentsOf, type SourcePorts } from './source-disks.js';

const EXTENTS = [{ offset: 0, length: 4096 }];

describe('the ranges of a disk’s backup', () => {
  it('are those of the image that the plan names, in the repository that it names', async () => {
    const seen: string[] = [];
    const repository = {
      openDisk: async (location: string) => {
        seen.push(location);
        return { extents: () => EXTENTS, close: async () => void seen.push('closed') };
      },
    } as unknown as BackupRepository;
    const useAsItIsNow: OpenRepositories['useAsItIsNow'] = (name, work) => {
      seen.push(name);
      return work(repository);
    };
    const ports: SourcePorts = { repositories: { useAsItIsNow } };
    const plan = aRestorePlan();
    const [disk] = plan.disks;
    const restore = { id: 'r-1', plan } as Restore;
    const extents = await extentsOf(ports, restore, disk!, new AbortController().signal);
    expect(extents).toStrictEqual(EXTENTS);
    expect(seen).toStrictEqual(['backups', 'snapshot-1/sda.raw', 'closed']);
  });
});
