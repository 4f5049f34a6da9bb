import type { ErrorKind } from '@landfall/domain';

/*
 * How each refusal of Azure is to be taken. An answer is held against the rules from the top; the first whose codes,
 * statuses and message all fit decides. What no rule knows is permanent, so that it is seen and not tried for ever.
 */
export interface RefusalRule {
  readonly codes?: readonly string[];
  readonly statuses?: readonly number[];
  readonly message?: RegExp;
  readonly kind: ErrorKind;
  readonly code: string;
  readonly fix: string;
  /** Where Azure names no time of its own. */
  readonly retryAfterMs?: number;
}

const THROTTLED =
  'Nothing has to be done: Landfall waits as long as Azure asks for. Run fewer restores at once if it goes on.';
const RAISE_QUOTA = 'Ask for a higher quota in the subscription, or choose a size of another family (--size).';
const END_ACCESS = 'End the access that was granted to the disk (az disk revoke-access), then resume.';
const CHECK_IDENTITY = 'Check the identity that Landfall signs in with, then resume.';
const GIVE_ROLE = "Give Landfall's identity the role in deploy/azure that covers the action, then resume.";
const TRY_LATER =
  'Nothing has to be done: Landfall tries again. Look at the state of Azure in the region if it goes on.';
const WAIT_A_MOMENT = 'Nothing has to be done: Landfall tries again once the other operation has ended.';

export const REFUSAL_RULES: readonly RefusalRule[] = [
  {
    codes: [
      'RetryableError',
      'RetryableErrorDueToAnotherOperation',
      'AttachDiskWhileBeingDetached',
      'MoveResourcesHavePendingOperations',
    ],
    kind: 'waiting',
    code: 'AZURE_BUSY',
    fix: WAIT_A_MOMENT,
    retryAfterMs: 5_000,
  },
  {
    // A network interface that is made while its network is being written; what has failed does not pass.
    codes: ['ReferencedResourceNotProvisioned'],
    message: /^(?!.*\bFailed state)/is,
    kind: 'waiting',
    code: 'AZURE_BUSY',
    fix: WAIT_A_MOMENT,
    retryAfterMs: 5_000,
  },
  {
    codes: ['NicReservedForAnotherVm'],
    kind: 'waiting',
    code: 'NIC_RESERVED',
    fix: 'Nothing has to be done: Azure keeps the network interface reserved for 180 seconds after a VM that failed.',
    retryAfterMs: 30_000,
  },
  {
    codes: ['TooManyRequests'],
    kind: 'retryable',
    code: 'AZURE_THROTTLED',
    fix: THROTTLED,
    retryAfterMs: 10_000,
  },
  {
    message: /too many requests/i,
    kind: 'retryable',
    code: 'AZURE_THROTTLED',
    fix: THROTTLED,
    retryAfterMs: 10_000,
  },
  {
    statuses: [429],
    kind: 'retryable',
    code: 'AZURE_THROTTLED',
    fix: THROTTLED,
    retryAfterMs: 10_000,
  },
  {
    codes: ['SkuNotAvailable'],
    kind: 'permanent',
    code: 'SIZE_UNAVAILABLE',
    fix: 'Choose another VM size, zone or region (--size, --zone, --region).',
  },
  {
    codes: ['QuotaExceeded'],
    kind: 'permanent',
    code: 'QUOTA',
    fix: RAISE_QUOTA,
  },
  {
    message: /exceeding (approved|quota)|quota limit/i,
    kind: 'permanent',
    code: 'QUOTA',
    fix: RAISE_QUOTA,
  },
  {
    codes: [
      'AllocationFailed',
      'ZonalAllocationFailed',
      'OverconstrainedAllocationRequest',
      'OverconstrainedZonalAllocationRequest',
    ],
    kind: 'retryable',
    code: 'ALLOCATION_FAILED',
    fix: 'Azure has no room for this size there just now: wait, or choose another size, zone or region.',
    retryAfterMs: 30_000,
  },
  {
    message: /is attached to VM|already (owned by|attached to) VM/i,
    kind: 'retryable',
    code: 'DISK_ATTACHED',
    fix: 'Detach the disk from the VM that is named, then resume.',
    retryAfterMs: 5_000,
  },
  {
    // Of an access to its bytes; Azure gives it the code of what passes by itself, and it does not.
    message: /currently attached to running VM/i,
    kind: 'retryable',
    code: 'DISK_ATTACHED',
    fix: 'Deallocate the VM that is named, or detach the disk from it, then resume.',
    retryAfterMs: 5_000,
  },
  {
    message: /A disk at LUN .* already exists/i,
    kind: 'permanent',
    code: 'LUN_TAKEN',
    fix: 'Free the LUN on the VM, or restore to a VM of another name.',
  },
  {
    message: /maximum number of data disks/i,
    kind: 'permanent',
    code: 'DISK_COUNT',
    fix: 'Choose a size that takes more data disks (--size), or leave disks out (--exclude-disk).',
  },
  {
    message: /not in the same zone/i,
    kind: 'permanent',
    code: 'ZONE_MISMATCH',
    fix: 'Restore disks and VM to the same zone (--zone).',
  },
  {
    message: /cannot boot Hypervisor Generation/i,
    kind: 'permanent',
    code: 'GENERATION_SIZE',
    fix: 'Choose a size that supports the generation (--size), or another generation (--generation).',
  },
  {
    message: /cannot boot with OS image or disk.*disk controller types/is,
    kind: 'permanent',
    code: 'DISK_CONTROLLER',
    fix: 'Choose a size with SCSI controllers (--size); sizes of version 6 and newer have none.',
  },
  {
    message: /only supports a CPU Architecture of/i,
    kind: 'permanent',
    code: 'ARCHITECTURE',
    fix: 'Choose a size with the processors that the machine is made for (--size).',
  },
  {
    message: /Security type of VM is not compatible with the security type of attached OS Disk/i,
    kind: 'permanent',
    code: 'SECURITY_TYPE',
    fix: 'Restore to a new VM: its OS disk was made with another security type, which Azure never changes.',
  },
  {
    codes: ['PropertyChangeNotAllowed'],
    kind: 'permanent',
    code: 'PROPERTY_FIXED',
    fix: 'The resource exists with other properties than the restore needs: remove it or restore under another name.',
  },
  {
    // Seven of one disk within five minutes.
    message: /incremental snapshots .*(?:within|in) (?:five|5) minutes/i,
    kind: 'retryable',
    code: 'SNAPSHOTS_TOO_MANY',
    fix: 'Nothing has to be done: Azure takes few snapshots of one disk in a short time, and Landfall asks again.',
    retryAfterMs: 60_000,
  },
  {
    codes: ['ResizeDiskError'],
    kind: 'permanent',
    code: 'DISK_SHRINK',
    fix: 'Azure never makes a disk smaller: restore to a new disk.',
  },
  {
    codes: ['ChangeDiskSizeWhileActiveSasNotAllowed'],
    kind: 'retryable',
    code: 'DISK_SAS_ACTIVE',
    fix: END_ACCESS,
    retryAfterMs: 5_000,
  },
  {
    message: /active shared access signature/i,
    kind: 'retryable',
    code: 'DISK_SAS_ACTIVE',
    fix: END_ACCESS,
    retryAfterMs: 5_000,
  },
  {
    message: /another operation is in progress|marked for deletion/i,
    kind: 'waiting',
    code: 'AZURE_BUSY',
    fix: WAIT_A_MOMENT,
    retryAfterMs: 5_000,
  },
  {
    codes: ['ScopeLocked'],
    kind: 'permanent',
    code: 'LOCKED',
    fix: 'Have the lock that is named taken away by whoever set it, or restore to another resource group.',
  },
  {
    codes: ['ResourceGroupBeingDeleted'],
    kind: 'permanent',
    code: 'RESOURCE_GROUP_DELETING',
    fix: 'Restore to another resource group, or wait until it is gone and make it anew.',
  },
  {
    codes: ['ResourceGroupNotFound'],
    kind: 'permanent',
    code: 'RESOURCE_GROUP_NOT_FOUND',
    fix: 'Make the resource group first, or name one that exists (--resource-group).',
  },
  {
    codes: ['InvalidResourceReference', 'NotFound', 'ResourceNotFound', 'LinkedInvalidPropertyId'],
    message: /virtualNetworks|subnet/i,
    kind: 'permanent',
    code: 'NETWORK_NOT_FOUND',
    fix: 'Name a subnet that exists in the region (--subnet, its full ID).',
  },
  {
    codes: ['RequestDisallowedByPolicy'],
    kind: 'permanent',
    code: 'POLICY_DENIED',
    fix: 'Choose values that the Azure policy allows, or have an exemption made for the resource group.',
  },
  {
    codes: ['MissingSubscriptionRegistration', 'SubscriptionNotRegistered'],
    kind: 'permanent',
    code: 'PROVIDER_NOT_REGISTERED',
    fix: 'Register the resource provider in the subscription (az provider register).',
  },
  {
    codes: ['PublicIPAddressInUse'],
    kind: 'permanent',
    code: 'IP_IN_USE',
    fix: 'Take the public address from the resource that is named, or restore without it.',
  },
  {
    codes: ['PrivateIPAddressInUse', 'PrivateIPAddressIsAllocated', 'IPAddressInUse'],
    kind: 'permanent',
    code: 'IP_IN_USE',
    fix: 'Choose a free address of the subnet (--private-ip), or leave it to Azure.',
  },
  {
    codes: [
      'PrivateIPAddressNotInAnySubnet',
      'PrivateIPAddressNotInSubnet',
      'PrivateIPAddressInReservedRange',
      'InvalidPrivateIPAddress',
    ],
    kind: 'permanent',
    code: 'IP_INVALID',
    fix: 'Choose an address within the subnet (--private-ip), or leave it to Azure.',
  },
  {
    codes: ['SubnetIsFull'],
    kind: 'permanent',
    code: 'SUBNET_FULL',
    fix: 'Free addresses in the subnet, or choose another one (--subnet).',
  },
  {
    codes: ['NicInUse'],
    kind: 'retryable',
    code: 'NIC_IN_USE',
    fix: 'Remove the VM that uses the network interface, then resume.',
    retryAfterMs: 5_000,
  },
  {
    codes: ['ResourceMoveTimedOut'],
    kind: 'retryable',
    code: 'MOVE_TIMED_OUT',
    fix: 'Some resources may have moved already: Landfall looks where each one is and goes on with the rest.',
    retryAfterMs: 60_000,
  },
  {
    codes: ['MoveCannotProceedWithResourcesNotInSucceededState'],
    kind: 'retryable',
    code: 'MOVE_NOT_READY',
    fix: 'Wait for the operation on what is named; bring what has failed back to "Succeeded" (az resource update), then resume.',
    retryAfterMs: 30_000,
  },
  {
    codes: ['ResourceMoveProviderValidationFailed', 'ResourceMovePolicyValidationFailed', 'CannotMoveResource'],
    kind: 'permanent',
    code: 'MOVE_INVALID',
    fix: 'Remove what the message names from the disks, or restore to a new location.',
  },
  {
    message: /source and destination resource groups are the same/i,
    kind: 'permanent',
    code: 'MOVE_INVALID',
    fix: 'Restore to a new location: a staging resource group must differ from the original one.',
  },
  {
    codes: ['OperationPreempted', 'OperationPreemptedByUserRequest', 'Canceled'],
    kind: 'retryable',
    code: 'OPERATION_CANCELED',
    fix: 'Something else ended the operation in Azure: Landfall tries again; look at the activity log if it goes on.',
  },
  {
    codes: ['InvalidAuthenticationToken', 'ExpiredAuthenticationToken', 'AuthenticationFailed'],
    kind: 'permanent',
    code: 'AZURE_DENIED',
    fix: CHECK_IDENTITY,
  },
  {
    statuses: [401],
    kind: 'permanent',
    code: 'AZURE_DENIED',
    fix: CHECK_IDENTITY,
  },
  {
    statuses: [403],
    kind: 'permanent',
    code: 'PERMISSION',
    fix: GIVE_ROLE,
  },
  {
    codes: ['AuthorizationFailed', 'LinkedAuthorizationFailed'],
    kind: 'permanent',
    code: 'PERMISSION',
    fix: GIVE_ROLE,
  },
  {
    statuses: [404],
    kind: 'retryable',
    code: 'AZURE_NOT_FOUND',
    fix: 'Look whether somebody removed the resource; one that was just made may take some seconds to be seen.',
    retryAfterMs: 2_000,
  },
  {
    statuses: [412],
    kind: 'retryable',
    code: 'AZURE_CHANGED',
    fix: 'Nothing has to be done: somebody has changed the resource just now, and Landfall looks at it again.',
    retryAfterMs: 2_000,
  },
  {
    statuses: [408, 500, 502, 503, 504],
    kind: 'retryable',
    code: 'AZURE_UNREACHABLE',
    fix: TRY_LATER,
  },
  {
    codes: [
      'InternalServerError',
      'InternalExecutionError',
      'InternalDiskManagementError',
      'NetworkingInternalOperationError',
    ],
    kind: 'retryable',
    code: 'AZURE_UNREACHABLE',
    fix: TRY_LATER,
  },
  {
    codes: ['Conflict', 'AnotherOperationInProgress'],
    kind: 'waiting',
    code: 'AZURE_BUSY',
    fix: WAIT_A_MOMENT,
    retryAfterMs: 5_000,
  },
];
