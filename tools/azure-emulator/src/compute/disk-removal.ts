import type { Azure } from '../azure.js';
import type { DiskRecord, SnapshotRecord } from '../state/records.js';
import { remove, type Change } from '../state/state.js';
import { lostSource } from './background-copy.js';

/** Ends every SAS on the disk and deletes its file; the returned changes take the records away. */
export async function removeDisk(disk: DiskRecord | SnapshotRecord, azure: Azure): Promise<readonly Change[]> {
  const grants = azure.state.grantsOn(disk.id);
  await Promise.all(grants.map((grant) => azure.transfers.end(grant.opaque)));
  await azure.files.remove(disk.uniqueId);
  return [
    ...grants.map((grant): Change => ({ table: 'grants', key: grant.opaque, value: null })),
    remove(disk.id),
    ...lostSource(disk, azure),
  ];
}
