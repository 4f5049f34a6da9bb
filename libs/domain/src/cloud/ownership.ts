/*
 * Whose a resource is: told by its tags alone, in one way everywhere. A disk, a NIC and a VM have no ETag in common; tags they
 * all have.
 */

/** Every resource that Landfall creates carries all three. The second one tells its owner: a restore by its id, or a capture by its own. */
export const OWNER_TAGS = {
  appliance: 'landfall-appliance',
  restore: 'landfall-restore',
  role: 'landfall-role',
} as const;

/** On a VM that is not ours: the id of the restore that is about to replace it. */
export const CLAIM_TAG = 'landfall-claim';

export type ResourceRole =
  | ('disk' | 'worker' | 'worker-nic' | 'worker-os-disk' | 'vm' | 'nic' | 'staging' | 'safety' | 'snapshot')
  // Of a boot check: the machine that is booted, its disks, its network interface.
  | ('copy' | 'copy-disk' | 'copy-nic')
  | 'isolated-network';

export type Tags = Readonly<Record<string, string>>;

export function ownerTags(applianceId: string, ownerId: string, role: ResourceRole): Record<string, string> {
  return { [OWNER_TAGS.appliance]: applianceId, [OWNER_TAGS.restore]: ownerId, [OWNER_TAGS.role]: role };
}

/** Whether a resource has all of these tags, each with exactly this value. */
export function carriesTags(found: Tags, wanted: Tags): boolean {
  return Object.entries(wanted).every(([name, value]) => tagOf(found, name) === value);
}

/**
 * The value of a tag; null: the resource has no such tag. Azure takes tag names that differ only in their case for the same, and
 * may hand a name back in another case than it was given (learn.microsoft.com, "Use tags to organize your Azure resources");
 * values keep theirs.
 */
export function tagOf(found: Tags, name: string): string | null {
  const wanted = name.toLowerCase();
  return Object.entries(found).find(([candidate]) => candidate.toLowerCase() === wanted)?.[1] ?? null;
}
