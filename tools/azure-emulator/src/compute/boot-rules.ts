import { badRequest, conflict, invalidParameter } from '../arm/errors.js';
import type { DiskRecord, Kept } from '../state/records.js';
import type { Image } from './image-catalogue.js';
import type { Controller, VmSizeEntry } from './size-catalogue.js';
import type { VmProperties } from './vm-schema.js';

/*
 * What a size, the machine that has it and the disk or image that it boots from must have in common: Hypervisor
 * generation, processor architecture, disk controller and security type.
 */
export interface Bootable {
  readonly generation: 'V1' | 'V2';
  readonly architecture: 'x64' | 'Arm64';
  readonly controllers: readonly Controller[];
  readonly securityType: string;
}

export interface BootWishes {
  readonly size: VmSizeEntry;
  readonly controller: Controller;
  readonly securityType: string;
}

/** What a disk or a machine has that names no security type. */
export const STANDARD = 'Standard';

export function securityTypeOf(profile: Kept | undefined): string {
  const type = profile?.['securityType'];
  return typeof type === 'string' ? type : STANDARD;
}

/** A disk that names no generation, controllers or architecture is one of Generation 1, for SCSI and x64. */
export function bootableDisk({ hyperVGeneration, kept }: DiskRecord): Bootable {
  const { architecture, diskControllerTypes } = (kept['supportedCapabilities'] ?? {}) as Kept;
  return {
    generation: hyperVGeneration ?? 'V1',
    architecture: architecture === 'Arm64' ? 'Arm64' : 'x64',
    controllers: namedControllers(diskControllerTypes),
    securityType: securityTypeOf(kept['securityProfile'] as Kept | undefined),
  };
}

/** An image makes a disk of whatever security type its machine has; one of Generation 1 makes standard ones alone. */
export function bootableImage({ generation, architecture }: Image, securityType: string): Bootable {
  const controllers: readonly Controller[] = generation === 'V2' ? ['SCSI', 'NVMe'] : ['SCSI'];
  return { generation, architecture, controllers, securityType: generation === 'V2' ? securityType : STANDARD };
}

/** What a disk that is made of it says of itself. */
export function disksMembers({ architecture, controllers, securityType }: Bootable): Kept {
  return {
    supportedCapabilities: { architecture, diskControllerTypes: controllers.join(', ') },
    ...(securityType === STANDARD ? {} : { securityProfile: { securityType } }),
  };
}

/** @throws AzureError 400 with Azure's reason why that can't boot */
export function requireBootable({ size, controller, securityType }: BootWishes, bootable: Bootable): void {
  requireGeneration(size, bootable.generation);
  if (size.architecture !== bootable.architecture) {
    throw badRequest(
      'BadRequest',
      `Cannot create a VM of size '${size.name}' because this VM size only supports a CPU Architecture of '${size.architecture}', ` +
        `but the image or disk has the CPU Architecture '${bootable.architecture}'.`,
    );
  }
  if (!bootable.controllers.includes(controller)) {
    throw invalidParameter(
      'vmSize',
      `The VM size '${size.name}' cannot boot with OS image or disk. Please check that disk controller types supported by ` +
        `the OS image or disk is one of the supported disk controller types for the VM size '${size.name}'.`,
    );
  }
  if (securityType !== STANDARD && (!size.trustedLaunch || bootable.generation === 'V1')) {
    throw badRequest(
      'BadRequest',
      `The VM size '${size.name}' is not supported for creation of VMs with '${securityType}' security type.`,
    );
  }
  if (securityType !== bootable.securityType) {
    throw badRequest('BadRequest', 'Security type of VM is not compatible with the security type of attached OS Disk.');
  }
}

/** Where nothing is said Azure takes SCSI; of a size that has none, the one that it has. @throws AzureError 400 */
export function controllerOf(size: VmSizeEntry, wanted: Controller | undefined): Controller {
  if (wanted === undefined) return size.controllers.includes('SCSI') ? 'SCSI' : (size.controllers[0] ?? 'SCSI');
  if (size.controllers.includes(wanted)) return wanted;
  throw invalidParameter(
    'storageProfile.diskControllerType',
    `The disk controller type '${wanted}' is not supported by the VM size '${size.name}'. It has: '${size.controllers.join(', ')}'.`,
  );
}

/** Only these can give a disk a security type; a copy has its source's. */
const SECURED_BY = ['FromImage', 'Import', 'ImportSecure', 'UploadPreparedSecure'];

/** @throws AzureError 400 BadRequest for a disk that can't have the security type it asks for */
export function requireSecurable(createOption: string, profile: Kept | undefined): void {
  const type = securityTypeOf(profile);
  if (type === STANDARD || SECURED_BY.includes(createOption)) return;
  throw badRequest(
    'BadRequest',
    `Security type '${type}' of a disk is only supported with the create options ${SECURED_BY.join(', ')}.`,
    'securityProfile.securityType',
  );
}

/** @throws AzureError 409 PropertyChangeNotAllowed */
export function requireSameSecurity(before: Kept, wanted: Kept): void {
  const profile = wanted['securityProfile'] as Kept | undefined;
  if (profile === undefined) return;
  if (securityTypeOf(profile) === securityTypeOf(before['securityProfile'] as Kept | undefined)) return;
  const property = 'securityProfile.securityType';
  throw conflict('PropertyChangeNotAllowed', `Changing property '${property}' is not allowed.`, property);
}

/** What a machine is to boot with, its size and its own wishes considered. @throws AzureError 400 */
export function bootWishes(size: VmSizeEntry, properties: VmProperties): BootWishes {
  return {
    size,
    controller: controllerOf(size, properties.storageProfile?.diskControllerType),
    securityType: securityTypeOf(properties.securityProfile),
  };
}

function namedControllers(text: unknown): readonly Controller[] {
  if (typeof text !== 'string') return ['SCSI'];
  return text.split(',').flatMap((name): readonly Controller[] => {
    const trimmed = name.trim().toLowerCase();
    if (trimmed === 'scsi') return ['SCSI'];
    return trimmed === 'nvme' ? ['NVMe'] : [];
  });
}

/** @throws AzureError 400 BadRequest */
function requireGeneration(size: VmSizeEntry, generation: 'V1' | 'V2'): void {
  if (size.generations.includes(generation)) return;
  const number = generation.slice(1);
  throw badRequest(
    'BadRequest',
    `The selected VM size '${size.name}' cannot boot Hypervisor Generation '${number}'. If this was a Create operation ` +
      'please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of the selected VM Size. ' +
      `If this was an Update operation please select a Hypervisor Generation '${number}' VM Size.`,
  );
}
