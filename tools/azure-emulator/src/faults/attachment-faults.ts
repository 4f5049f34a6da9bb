import { AzureError, resourceNotFound } from '../arm/errors.js';
import { nameOf, resourceGroupOf, sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { ownedElsewhere } from '../compute/vm-rules.js';
import { DISK, type DiskRecord, type VirtualMachineRecord } from '../state/records.js';

/*
 * Faults of attaching and detaching data disks.
 *
 *   stale-disk-state   an attach reserves nothing: until it has ended, the disk reads Unattached and can be deleted
 *   stuck-detach       a detach fails and the disk stays where it is, marked as being detached, until it is forced
 */
export function attachmentFault(
  kind: 'stale-disk-state' | 'stuck-detach',
  operation: string,
  vm: VirtualMachineRecord,
  disks: readonly DiskRecord[],
  azure: Azure,
): boolean {
  if (disks.length === 0) return false;
  const resources = [vm.id, ...disks.map(({ id }) => id)];
  return azure.faults.strike(kind, { operations: [operation], resources }) !== null;
}

/** What nobody saw as reserved may be gone, going, or another's by the time it is attached. @throws AzureError */
export function requireStillThere(diskId: string, vm: VirtualMachineRecord, azure: Azure): void {
  const disk = azure.state.find(DISK, diskId);
  if (disk === undefined || disk.provisioningState === 'Deleting') {
    throw resourceNotFound(DISK, nameOf(diskId), resourceGroupOf(diskId));
  }
  if (disk.managedBy !== null && !sameId(disk.managedBy, vm.id)) throw ownedElsewhere(disk, vm);
}

/** @throws AzureError when the disk doesn't come off */
export function requireLoose(disk: DiskRecord, forced: readonly string[]): void {
  if (disk.detachStuck !== true || forced.some((id) => sameId(id, disk.id))) return;
  throw new AzureError(
    500,
    'InternalExecutionError',
    `The detach of disk '${disk.name}' did not complete: the disk is still not released. Force the detach as a last resort.`,
  );
}
