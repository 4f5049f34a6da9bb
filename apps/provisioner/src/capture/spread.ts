import type { Inspection } from '@landfall/disk';

/** Of what lies on several disks at once: its members by their type, and what it is called. `LDM`, and what else has no UUID, is one. */
const MEMBERS: Readonly<Record<string, string>> = {
  btrfs: 'the btrfs',
  LDM: 'the dynamic disks of Windows',
  linux_raid_member: 'the RAID array',
  StorageSpaces: 'the pool of Storage Spaces',
  zfs_member: 'the ZFS pool',
};

/** What lies on several of a machine's disks, such as `the volume group "data" (os, lun1)`. */
export function spreadOverDisks({ disks, volumeGroups }: Inspection): string[] {
  const spread = new Map<string, Set<string>>();
  const note = (what: string, disk: string): void => {
    spread.set(what, (spread.get(what) ?? new Set()).add(disk));
  };
  for (const { name, physicalVolumes } of volumeGroups) {
    for (const { disk } of physicalVolumes) if (disk !== null) note(`the volume group "${name}"`, disk);
  }
  for (const { path, content, partitions } of disks) {
    for (const found of [content, ...partitions.map((partition) => partition.content)]) {
      const what = found === null ? undefined : MEMBERS[found.type];
      if (found === null || what === undefined) continue;
      const name = found.label ?? found.uuid;
      note(name === null ? what : `${what} "${name}"`, path);
    }
  }
  return [...spread].filter(([, on]) => on.size > 1).map(([what, on]) => `${what} (${[...on].join(', ')})`);
}
