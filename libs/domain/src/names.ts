import { createHash, randomBytes } from 'node:crypto';

/*
 * Names of what Landfall creates are functions of the restore's id and the thing's place in its plan, so that a
 * repetition after a crash asks for the same resource again and never makes a second one.
 */

const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';

/** `r` and eleven characters (55 bits) without look-alikes, fit for every Azure name. */
export function newRestoreId(): string {
  let id = 'r';
  for (const byte of randomBytes(11)) id += ALPHABET[byte % ALPHABET.length];
  return id;
}

/** As a restore's, with `c` for its first letter: no capture and no restore have the same. */
export function newCaptureId(): string {
  return `c${newRestoreId().slice(1)}`;
}

/** Whether an id, or the beginning of one, can be a capture's alone. */
export function isOfCapture(id: string): boolean {
  return id.startsWith('c');
}

export function restorePointId(repositoryName: string, reference: string): string {
  return `rp-${createHash('sha256').update(`${repositoryName}\n${reference}`).digest('hex').slice(0, 10)}`;
}

/** Azure disk names: at most 80 characters, letters, digits, `_`, `.`, `-`, beginning with a letter or digit. */
export function azureDiskName(plannedName: string, restoreId: string): string {
  return `${nameBase(plannedName, 'disk').slice(0, 79 - restoreId.length)}-${restoreId}`;
}

export function networkInterfaceName(vmName: string, restoreId: string): string {
  return `${nameBase(vmName, 'disk').slice(0, 75 - restoreId.length)}-nic-${restoreId}`;
}

/** Of a disk of a captured VM, by the disk's name in the capture, such as `os` or `lun3`. */
export function snapshotName(captureId: string, diskName: string): string {
  return `landfall-${diskName}-${captureId}`;
}

/** What the names of staging groups begin with; a plan, which has no restore's id yet, says no more. */
export const STAGING_GROUP = 'landfall-staging';

/** Of the resource group in which a restore's new disks wait to be moved to where the machine is. */
export function stagingGroupName(restoreId: string): string {
  return `${STAGING_GROUP}-${restoreId}`;
}

export const SAFETY_GROUP = 'landfall-safety';

/** Of the resource group that holds the copies from which what a restore replaces can be brought back. */
export function safetyGroupName(restoreId: string): string {
  return `${SAFETY_GROUP}-${restoreId}`;
}

/** Of a disk of what is replaced, by its place in the plan; `take` counts how often they were taken. */
export function safetySnapshotName(restoreId: string, take: number, place: number): string {
  return `landfall-safety-${restoreId}-${take}-${place}`;
}

/** Of the container that holds what a restore has brought back from the archive tier. */
export function retrievalContainer(restoreId: string): string {
  return `landfall-retrieved-${restoreId.toLowerCase()}`;
}

/** Of the machine that a boot check makes from copies of the restored disks; theirs begin with it. */
export function bootCopyName(restoreId: string): string {
  return `landfall-boot-${restoreId}`;
}

/** Of the copy of a restored disk, by its place in the plan. */
export function diskCopyName(restoreId: string, place: number): string {
  return `${bootCopyName(restoreId)}-${place}`;
}

/** Of the network that a VM has for itself alone, and with `-nsg` of the group that closes it. */
export function isolatedNetworkName(vmName: string, restoreId: string): string {
  return `${nameBase(vmName, 'machine').slice(0, 55 - restoreId.length)}-isolated-${restoreId}`;
}

export function workerName(restoreId: string, index: number): string {
  return `landfall-worker-${restoreId}-${index}`;
}

/** What an Azure name made from this text may begin with: letters, digits, `_`, `.`, `-`; `otherwise` where nothing is left. */
export function nameBase(text: string, otherwise: string): string {
  const kept = text.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return kept === '' ? otherwise : kept;
}

const LONGEST_VM_NAME = 64;

/** The name that a machine's VM gets unless another is asked for: its own; of one that is called by a path, what Azure takes of it. */
export function vmNameOf(machineName: string): string {
  if (!/[/\\]/.test(machineName)) return machineName;
  return nameBase(machineName, 'machine')
    .slice(0, LONGEST_VM_NAME)
    .replace(/[^A-Za-z0-9_]+$/, '');
}

/**
 * Says what is wrong with a VM name, or null. Azure: 1–64 characters, letters, digits, `.`, `_`, `-`; begins with a
 * letter or digit, ends with a letter, digit or `_` (Azure naming rules, Microsoft.Compute/virtualMachines).
 */
export function vmNameProblem(name: string): string | null {
  if (name.length === 0) return 'it is empty';
  if (name.length > 64) return `it has ${name.length} characters and Azure allows 64`;
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return 'Azure allows letters, digits, ".", "_" and "-" only';
  if (!/^[A-Za-z0-9]/.test(name)) return 'it must begin with a letter or a digit';
  if (!/[A-Za-z0-9_]$/.test(name)) return 'it must end with a letter, a digit or "_"';
  return null;
}

/** Resource groups: 1–90 characters, letters, digits, `.`, `_`, `-`, parentheses; no `.` at the end. */
export function resourceGroupNameProblem(name: string): string | null {
  if (name.length === 0) return 'it is empty';
  if (name.length > 90) return `it has ${name.length} characters and Azure allows 90`;
  if (!/^[\p{L}\p{N}._()-]+$/u.test(name)) return 'Azure allows letters, digits, ".", "_", "-" and parentheses only';
  if (name.endsWith('.')) return 'it must not end with "."';
  return null;
}
