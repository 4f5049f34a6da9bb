import type { Route } from './arm/route.js';
import { BOOT_DIAGNOSTICS_ROUTES } from './compute/boot-diagnostics.js';
import { DISK_ACCESS_ROUTES, GRANT_ACCESS, REVOKE_ACCESS } from './compute/disk-access.js';
import { CREATE_DISK, DELETE_DISK, DISK_ROUTES, UPDATE_DISK } from './compute/disks.js';
import { SIZE_ROUTES } from './compute/size-availability.js';
import { SKU_ROUTES } from './compute/skus.js';
import { CREATE_SNAPSHOT, DELETE_SNAPSHOT, SNAPSHOT_ROUTES, UPDATE_SNAPSHOT } from './compute/snapshots.js';
import { USAGE_ROUTES } from './compute/usages.js';
import { DELETE_VM, VIRTUAL_MACHINE_ROUTES } from './compute/virtual-machines.js';
import { CREATE_VM } from './compute/vm-create.js';
import { DELETE_EXTENSION, EXTENSION_ROUTES, WRITE_EXTENSION } from './compute/vm-extensions.js';
import { POWER_KINDS } from './compute/vm-power.js';
import { RUN_COMMAND, RUN_COMMAND_ROUTES } from './compute/vm-run-command.js';
import { UPDATE_VM } from './compute/vm-update.js';
import { LOCK_ROUTES } from './governance/locks.js';
import { POLICY_ROUTES } from './governance/policies.js';
import { PERMISSION_ROUTES } from './governance/principals.js';
import { PROVIDER_ROUTES, REGISTER_PROVIDER } from './governance/providers.js';
import { TAG_ROUTES } from './governance/tags.js';
import { MOVE_RESOURCES, MOVE_ROUTES, VALIDATE_MOVE } from './groups/move-resources.js';
import { REGION_ROUTES } from './groups/regions.js';
import { DELETE_GROUP, RESOURCE_GROUP_ROUTES } from './groups/resource-groups.js';
import { RESOURCE_LIST_ROUTES } from './groups/resource-list.js';
import { SUBSCRIPTION_ROUTES } from './groups/subscriptions.js';
import { NETWORK_INTERFACE_ROUTES } from './network/network-interfaces.js';
import { PLAIN_NETWORK_ROUTES } from './network/plain-resources.js';
import { DELETE_NETWORK_RESOURCE, SETTLE_NETWORK_RESOURCE } from './network/settle.js';
import { VIRTUAL_NETWORK_ROUTES } from './network/virtual-networks.js';
import type { OperationKind } from './operations/kind.js';
import { OPERATION_ROUTES } from './operations/routes.js';
import { REFERRED_ROUTES } from './referred/routes.js';

/* Everything that this Azure can do: its operations, and the effects of those that take their time. */
export const ROUTES: readonly Route[] = [
  ...SUBSCRIPTION_ROUTES,
  ...REGION_ROUTES,
  ...RESOURCE_GROUP_ROUTES,
  ...RESOURCE_LIST_ROUTES,
  ...MOVE_ROUTES,
  ...DISK_ROUTES,
  ...SNAPSHOT_ROUTES,
  ...DISK_ACCESS_ROUTES,
  ...VIRTUAL_MACHINE_ROUTES,
  ...EXTENSION_ROUTES,
  ...RUN_COMMAND_ROUTES,
  ...BOOT_DIAGNOSTICS_ROUTES,
  ...SKU_ROUTES,
  ...SIZE_ROUTES,
  ...USAGE_ROUTES,
  ...VIRTUAL_NETWORK_ROUTES,
  ...NETWORK_INTERFACE_ROUTES,
  ...PLAIN_NETWORK_ROUTES,
  ...REFERRED_ROUTES,
  ...PROVIDER_ROUTES,
  ...LOCK_ROUTES,
  ...PERMISSION_ROUTES,
  ...POLICY_ROUTES,
  ...TAG_ROUTES,
  ...OPERATION_ROUTES,
];

export const OPERATION_KINDS: readonly OperationKind<never>[] = [
  DELETE_GROUP,
  MOVE_RESOURCES,
  VALIDATE_MOVE,
  REGISTER_PROVIDER,
  CREATE_DISK,
  UPDATE_DISK,
  DELETE_DISK,
  CREATE_SNAPSHOT,
  UPDATE_SNAPSHOT,
  DELETE_SNAPSHOT,
  GRANT_ACCESS,
  REVOKE_ACCESS,
  CREATE_VM,
  UPDATE_VM,
  DELETE_VM,
  ...Object.values(POWER_KINDS),
  RUN_COMMAND,
  WRITE_EXTENSION,
  DELETE_EXTENSION,
  SETTLE_NETWORK_RESOURCE,
  DELETE_NETWORK_RESOURCE,
];
