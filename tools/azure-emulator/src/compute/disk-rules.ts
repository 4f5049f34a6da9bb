import { AzureError, badRequest, conflict, invalidParameter, resourceNotFound } from '../arm/errors.js';
import { nameOf, parseResourceId, resourceId, sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import {
  DISK,
  SNAPSHOT,
  VIRTUAL_MACHINE,
  type DiskRecord,
  type RecordOf,
  type ResourceRecord,
  type SnapshotRecord,
} from '../state/records.js';
import { requireGroup } from '../groups/placement.js';
import { GIB } from './disk-view.js';

/** The size of the footer at the end of a fixed VHD, which an upload must include. */
export const VHD_FOOTER_BYTES = 512;
const MIB = 1024 ** 2;
const LARGEST_DISK_GIB = 32_767;
/** An OS disk can't be larger (Azure documentation, managed disks). */
export const LARGEST_OS_DISK_GIB = 4_095;
/** A disk that is to cross this size must not be attached to a running VM (Azure documentation, expanding disks). */
const ONLINE_RESIZE_GIB = 4_096;
const SMALLEST_UPLOAD_BYTES = 20 * MIB + VHD_FOOTER_BYTES;
const LARGEST_UPLOAD_BYTES = 32 * 1024 * GIB + VHD_FOOTER_BYTES;

export type StoredDiskType = typeof DISK | typeof SNAPSHOT;

/** Compute says itself that a disk is not there. @throws AzureError 404 NotFound or ResourceGroupNotFound */
export function requireDisk<T extends StoredDiskType>(
  type: T,
  resourceGroup: string,
  name: string,
  azure: Azure,
): RecordOf<T> {
  const disk = azure.state.find(type, resourceId(azure.subscriptionId, resourceGroup, type, name));
  if (disk !== undefined) return disk;
  requireGroup(resourceGroup, azure);
  throw diskNotFound(type, name);
}

export function diskNotFound(type: string, name: string): AzureError {
  return new AzureError(404, 'NotFound', `${sameId(type, DISK) ? 'Disk' : 'Snapshot'} ${name} is not found.`);
}

/** The disk or snapshot that an id in a body names. */
export function requireDiskById<T extends StoredDiskType>(
  type: T,
  id: string,
  target: string,
  azure: Azure,
): RecordOf<T> {
  const address = parseResourceId(id);
  if (address === null || address.type.toLowerCase() !== type.toLowerCase()) {
    throw invalidParameter(target, `Entity with ID '${id}' is not a valid '${type}' resource identifier.`);
  }
  const disk = azure.state.find(type, id);
  if (disk === undefined) throw resourceNotFound(type, address.name, address.resourceGroup);
  return disk;
}

/** @throws AzureError 400 for a size that no managed disk has */
export function requireDiskSize(diskSizeGb: number | undefined): number {
  if (diskSizeGb === undefined)
    throw invalidParameter('disk.diskSizeGB', 'The value of parameter diskSizeGB is missing.');
  if (diskSizeGb > LARGEST_DISK_GIB) {
    throw invalidParameter(
      'disk.diskSizeGB',
      `The value '${diskSizeGb}' of parameter 'disk.diskSizeGB' is out of range. Value '${diskSizeGb}' must be between '1' and '${LARGEST_DISK_GIB}' inclusive.`,
    );
  }
  return diskSizeGb * GIB;
}

/** `uploadSizeBytes` counts the footer. @throws AzureError 400 */
export function requireUploadSize(uploadSizeBytes: number | undefined): number {
  const target = 'creationData.uploadSizeBytes';
  if (uploadSizeBytes === undefined)
    throw invalidParameter(target, `Required parameter '${target}' is missing (null).`);
  if (uploadSizeBytes < SMALLEST_UPLOAD_BYTES || uploadSizeBytes > LARGEST_UPLOAD_BYTES) {
    throw invalidParameter(
      target,
      `The value '${uploadSizeBytes}' of parameter '${target}' is out of range. It must be between '${SMALLEST_UPLOAD_BYTES}' and '${LARGEST_UPLOAD_BYTES}' inclusive.`,
    );
  }
  if ((uploadSizeBytes - VHD_FOOTER_BYTES) % MIB !== 0) {
    throw invalidParameter(
      target,
      `The value '${uploadSizeBytes}' of parameter '${target}' is invalid. It must be a multiple of 1 MiB and the 512 bytes of the VHD footer.`,
    );
  }
  return uploadSizeBytes;
}

export function shrinkRefused(): AzureError {
  return badRequest(
    'ResizeDiskError',
    'Disk size reduction is not supported. Current size is larger than the requested size.',
    'disk.diskSizeGB',
  );
}

export function attachedRefused(disk: DiskRecord): AzureError {
  return conflict('OperationNotAllowed', `Disk ${disk.name} is attached to VM ${disk.managedBy}.`, disk.name);
}

export function hasActiveSas(disk: DiskRecord | SnapshotRecord): boolean {
  return disk.diskState === 'ActiveSAS' || disk.diskState === 'ActiveUpload';
}

/** False for one whose creation failed: it can be made again under the same name. */
export function hasContent(disk: DiskRecord | SnapshotRecord, azure: Azure): boolean {
  return disk.provisioningState !== 'Failed' || azure.files.has(disk.uniqueId);
}

/** @throws AzureError 409 while another operation changes the disk */
export function requireIdleDisk(disk: DiskRecord | SnapshotRecord, azure: Azure): void {
  const running = azure.operations.on(disk.id);
  if (running === undefined) return;
  throw conflict(
    'Conflict',
    `Operation cannot be performed on '${disk.name}' since another operation ('${running.kind}') is in progress.`,
  );
}

/** Nobody else may have made, changed or removed the resource meanwhile. @throws AzureError 409 */
export function requireUnchanged(before: ResourceRecord | undefined, id: string, azure: Azure): void {
  if (azure.state.resource(id) === before) return;
  throw conflict(
    'Conflict',
    `Operation cannot be performed on '${nameOf(id)}' since another operation is in progress.`,
  );
}

/** A disk grows under a running VM only if it is a data disk and stays on its side of 4 TiB. @throws AzureError 409 */
export function requireResizable(disk: DiskRecord, sizeBytes: number, azure: Azure): void {
  if (disk.diskState !== 'Attached') return;
  const vm = azure.state.find(VIRTUAL_MACHINE, disk.managedBy ?? '');
  const isOsDisk = sameId(vm?.properties.storageProfile.osDisk.managedDisk?.id, disk.id);
  const crosses = disk.sizeBytes <= ONLINE_RESIZE_GIB * GIB && sizeBytes > ONLINE_RESIZE_GIB * GIB;
  if (!isOsDisk && !crosses) return;
  throw conflict(
    'OperationNotAllowed',
    `Cannot resize disk ${disk.name} while it is attached to running VM ${disk.managedBy}. Resizing a disk of an Azure ` +
      'Virtual Machine requires the virtual machine to be deallocated. Please stop your VM and retry the operation.',
    disk.name,
  );
}
