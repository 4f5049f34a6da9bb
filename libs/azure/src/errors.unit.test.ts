import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { RestError } from '@azure/arm-compute';
import { createHttpHeaders, createPipelineRequest } from '@azure/core-rest-pipeline';
import { RetryableError, WaitingError, type ErrorKind } from '@landfall/domain';
import { fromAzure, refusal, type AzureAnswer } from './errors.js';

/** What Azure says in each case, in its own words. */
const CASES: readonly [string, Partial<AzureAnswer>, ErrorKind, string][] = [
  ['ARM throttles', { status: 429, code: 'TooManyRequests', message: 'Slow down.' }, 'retryable', 'AZURE_THROTTLED'],
  ['429 without a known code', { status: 429, code: 'Whatever' }, 'retryable', 'AZURE_THROTTLED'],
  [
    'Compute throttles',
    {
      status: 429,
      code: 'OperationNotAllowed',
      message: 'The server rejected the request because too many requests have been received for this subscription.',
    },
    'retryable',
    'AZURE_THROTTLED',
  ],
  ['Network is busy', { status: 429, code: 'RetryableErrorDueToAnotherOperation' }, 'waiting', 'AZURE_BUSY'],
  ['the size is not offered', { status: 409, code: 'SkuNotAvailable' }, 'permanent', 'SIZE_UNAVAILABLE'],
  [
    'the quota is used up',
    {
      status: 409,
      code: 'OperationNotAllowed',
      message:
        'Operation could not be completed as it results in exceeding approved standardFSv2Family Cores quota. Current Limit: 10, Current Usage: 8, Additional Required: 4.',
    },
    'permanent',
    'QUOTA',
  ],
  ['the quota is used up, by code', { status: 409, code: 'QuotaExceeded' }, 'permanent', 'QUOTA'],
  ['there is no room', { code: 'AllocationFailed' }, 'retryable', 'ALLOCATION_FAILED'],
  ['there is no room in the zone', { code: 'ZonalAllocationFailed' }, 'retryable', 'ALLOCATION_FAILED'],
  ['too many constraints', { code: 'OverconstrainedAllocationRequest' }, 'retryable', 'ALLOCATION_FAILED'],
  [
    'an attached disk is deleted',
    { status: 409, code: 'OperationNotAllowed', message: 'Disk d1 is attached to VM /subscriptions/s/vm1.' },
    'retryable',
    'DISK_ATTACHED',
  ],
  [
    'a disk belongs to another VM',
    {
      status: 409,
      code: 'ConflictingUserInput',
      message: "Disk 'd1' cannot be attached as the disk is already owned by VM 'vm2'.",
    },
    'retryable',
    'DISK_ATTACHED',
  ],
  [
    'a disk is another VM’s, as Azure words it today',
    {
      status: 409,
      code: 'ConflictingUserInput',
      message:
        'Cannot attach the disk d1 to VM vm1 because it is already attached to VM vm2. A disk can be attached to only one VM at a time.',
    },
    'retryable',
    'DISK_ATTACHED',
  ],
  [
    'the bytes of a running VM’s disk are asked for',
    {
      status: 409,
      code: 'Conflict',
      message: 'Access not permitted because disk d1 is currently attached to running VM vm2.',
    },
    'retryable',
    'DISK_ATTACHED',
  ],
  [
    'the network is being written',
    {
      status: 429,
      code: 'ReferencedResourceNotProvisioned',
      message: 'Resource n used by resource i is not in Succeeded state. Resource is in Updating state.',
    },
    'waiting',
    'AZURE_BUSY',
  ],
  [
    'the network has failed',
    {
      status: 409,
      code: 'ReferencedResourceNotProvisioned',
      message: 'Resource n used by resource i is not in Succeeded state. Resource is in Failed state.',
    },
    'permanent',
    'AZURE_REFUSED',
  ],
  [
    'a move meets what is not ready',
    { status: 409, code: 'MoveCannotProceedWithResourcesNotInSucceededState' },
    'retryable',
    'MOVE_NOT_READY',
  ],
  ['a detach is under way', { status: 409, code: 'AttachDiskWhileBeingDetached' }, 'waiting', 'AZURE_BUSY'],
  [
    'the LUN is taken',
    { status: 400, code: 'InvalidParameter', message: 'A disk at LUN 3 already exists.' },
    'permanent',
    'LUN_TAKEN',
  ],
  [
    'there are too many disks',
    {
      status: 409,
      code: 'OperationNotAllowed',
      message: 'The maximum number of data disks allowed to be attached to a VM of this size is 4.',
    },
    'permanent',
    'DISK_COUNT',
  ],
  [
    'the zones differ',
    {
      status: 400,
      code: 'BadRequest',
      message: 'Disk d cannot be attached to the VM because it is not in the same zone as the VM. More.',
    },
    'permanent',
    'ZONE_MISMATCH',
  ],
  [
    'the generation does not fit',
    {
      status: 400,
      code: 'BadRequest',
      message: "The selected VM size 'Standard_A1' cannot boot Hypervisor Generation '2'. Choose another.",
    },
    'permanent',
    'GENERATION_SIZE',
  ],
  [
    'the OS disk does not go with the size’s controllers',
    {
      status: 400,
      code: 'InvalidParameter',
      message:
        "The VM size 'Standard_D2s_v6' cannot boot with OS image or disk. Please check that disk controller types supported by the OS image or disk is one of the supported disk controller types for the VM size.",
    },
    'permanent',
    'DISK_CONTROLLER',
  ],
  [
    'the processor is another',
    {
      status: 400,
      code: 'BadRequest',
      message:
        "Cannot create a VM of size 'Standard_D2pds_v6' because this VM size only supports a CPU Architecture of 'Arm64'.",
    },
    'permanent',
    'ARCHITECTURE',
  ],
  [
    'the security types differ',
    {
      status: 400,
      code: 'BadRequest',
      message: 'Security type of VM is not compatible with the security type of attached OS Disk.',
    },
    'permanent',
    'SECURITY_TYPE',
  ],
  ['a fixed property is changed', { status: 409, code: 'PropertyChangeNotAllowed' }, 'permanent', 'PROPERTY_FIXED'],
  ['a disk would shrink', { code: 'ResizeDiskError' }, 'permanent', 'DISK_SHRINK'],
  [
    'a SAS is out, by code',
    { status: 409, code: 'ChangeDiskSizeWhileActiveSasNotAllowed' },
    'retryable',
    'DISK_SAS_ACTIVE',
  ],
  [
    'a SAS is out',
    {
      status: 409,
      code: 'OperationNotAllowed',
      message: 'There is an active shared access signature outstanding for disk d1',
    },
    'retryable',
    'DISK_SAS_ACTIVE',
  ],
  [
    'the VM is busy',
    {
      status: 409,
      code: 'OperationNotAllowed',
      message: "Operation 'start' is not allowed on VM 'vm1' since another operation is in progress.",
    },
    'waiting',
    'AZURE_BUSY',
  ],
  ['the VM is busy, by code', { status: 409, code: 'Conflict' }, 'waiting', 'AZURE_BUSY'],
  ['a lock is set', { status: 409, code: 'ScopeLocked' }, 'permanent', 'LOCKED'],
  ['the group goes', { status: 409, code: 'ResourceGroupBeingDeleted' }, 'permanent', 'RESOURCE_GROUP_DELETING'],
  ['the group is missing', { status: 404, code: 'ResourceGroupNotFound' }, 'permanent', 'RESOURCE_GROUP_NOT_FOUND'],
  ['a resource is missing', { status: 404, code: 'ResourceNotFound' }, 'retryable', 'AZURE_NOT_FOUND'],
  [
    'the subnet is missing',
    {
      status: 400,
      code: 'InvalidResourceReference',
      message: 'Resource /x/virtualNetworks/n/subnets/s referenced by resource /y was not found.',
    },
    'permanent',
    'NETWORK_NOT_FOUND',
  ],
  ['a policy forbids it', { status: 403, code: 'RequestDisallowedByPolicy' }, 'permanent', 'POLICY_DENIED'],
  ['rights are missing', { status: 403, code: 'AuthorizationFailed' }, 'permanent', 'PERMISSION'],
  ['the token is bad', { status: 401, code: 'InvalidAuthenticationToken' }, 'permanent', 'AZURE_DENIED'],
  ['the address is in use', { status: 400, code: 'PrivateIPAddressInUse' }, 'permanent', 'IP_IN_USE'],
  ['the public address is in use', { status: 400, code: 'PublicIPAddressInUse' }, 'permanent', 'IP_IN_USE'],
  [
    'a VM is going away',
    {
      status: 409,
      code: 'OperationNotAllowed',
      message: "Operation 'update' is not allowed on VM 'a' since the VM is marked for deletion.",
    },
    'waiting',
    'AZURE_BUSY',
  ],
  ['a move timed out', { status: 409, code: 'ResourceMoveTimedOut' }, 'retryable', 'MOVE_TIMED_OUT'],
  ['a move is invalid', { status: 409, code: 'ResourceMoveProviderValidationFailed' }, 'permanent', 'MOVE_INVALID'],
  ['a move has to wait', { status: 409, code: 'MoveResourcesHavePendingOperations' }, 'waiting', 'AZURE_BUSY'],
  [
    'a move goes nowhere',
    {
      status: 409,
      code: 'ConflictingUserInput',
      message: 'Source and destination resource groups are the same.',
    },
    'permanent',
    'MOVE_INVALID',
  ],
  ['it was changed since the look', { status: 412, code: 'PreconditionFailed' }, 'retryable', 'AZURE_CHANGED'],
  ['the NIC is reserved', { status: 400, code: 'NicReservedForAnotherVm' }, 'waiting', 'NIC_RESERVED'],
  ['an operation was preempted', { code: 'OperationPreempted' }, 'retryable', 'OPERATION_CANCELED'],
  ['Azure is ill', { status: 503, code: 'ServiceUnavailable' }, 'retryable', 'AZURE_UNREACHABLE'],
  ['something nobody knows', { status: 400, code: 'BrandNewCode' }, 'permanent', 'AZURE_REFUSED'],
];

describe('a refusal of Azure', () => {
  for (const [when, said, kind, code] of CASES) {
    it(`is ${kind} ${code} when ${when}`, () => {
      const error = refusal(answer(said), 'create the disk "d1"');
      expect([error.kind, error.code]).toStrictEqual([kind, code]);
      expect(error.message).toMatch(/^Azure did not create the disk "d1": /);
      expect(error.fix.length).toBeGreaterThan(20);
    });
  }

  it('keeps the sentence, the code and the correlation ID of Azure', () => {
    const error = refusal(answer({ code: 'SkuNotAvailable', message: 'Not\n here', correlationId: 'abc-1' }), 'act');
    expect(error.message).toBe('Azure did not act: Not here. (SkuNotAvailable, correlation abc-1)');
  });

  it('waits as long as Azure says', () => {
    const throttled = refusal(answer({ status: 429, retryAfterMs: 17_000 }), 'act');
    expect(throttled instanceof RetryableError && throttled.retryAfterMs === 17_000).toBe(true);
    const reserved = refusal(answer({ code: 'NicReservedForAnotherVm' }), 'act');
    expect(reserved instanceof WaitingError && reserved.retryAfterMs > 0).toBe(true);
  });
});

describe('an error of the client', () => {
  it('is taken by the code in the body, not by that of the client', () => {
    const error = fromAzure(restError(409, { error: { code: 'ScopeLocked', message: 'Locked.' } }), 'act');
    expect(error.code).toBe('LOCKED');
  });

  it('is understood without the wrapping', () => {
    const error = fromAzure(restError(409, { code: 'SkuNotAvailable', message: 'No.' }), 'act');
    expect(error.code).toBe('SIZE_UNAVAILABLE');
  });

  it('tells the reason that lies among the details', () => {
    const body = {
      error: {
        code: 'DeploymentFailed',
        message: 'See details.',
        details: [{ code: 'QuotaExceeded', message: 'No cores.' }],
      },
    };
    const error = fromAzure(restError(409, body), 'act');
    expect(error.code).toBe('QUOTA');
    expect(error.message).toMatch(/No cores\./);
  });

  const move = (...reasons: { code: string; message: string }[]): unknown => ({
    error: {
      code: 'ResourceMoveProviderValidationFailed',
      message: 'Resource move validation failed. Please see details. Tracking Id: t.',
      details: [
        {
          code: 'ResourceMoveProviderValidationFailed',
          target: 'Microsoft.Network/networkInterfaces',
          details: reasons,
        },
      ],
    },
  });

  it('of a move that waits for another operation passes by itself', () => {
    const error = fromAzure(
      restError(409, move({ code: 'AnotherOperationInProgress', message: 'Busy: nic-1.' })),
      'act',
    );
    expect([error.kind, error.code]).toStrictEqual(['waiting', 'AZURE_BUSY']);
    expect(error.message).toMatch(/AnotherOperationInProgress: Busy: nic-1\./);
  });

  it('of a move is permanent when one of its reasons is, and tells all of them', () => {
    const busy = { code: 'AnotherOperationInProgress', message: 'Busy: nic-1.' };
    const error = fromAzure(restError(409, move(busy, { code: 'MoveNotSupported', message: 'Not nic-2.' })), 'act');
    expect([error.kind, error.code]).toStrictEqual(['permanent', 'MOVE_INVALID']);
    expect(error.message).toMatch(/Busy: nic-1\. MoveNotSupported: Not nic-2\./);
  });

  it('of a move against a lock is told as the lock', () => {
    const error = fromAzure(restError(409, move({ code: 'ScopeLocked', message: 'Locked.' })), 'act');
    expect(error.code).toBe('LOCKED');
  });

  it('of a move whose reasons a provider has written into a message as JSON, is what these say', () => {
    const message = (error: unknown) => ({ code: 'Conflict', message: JSON.stringify({ error }) });
    const target = 'Microsoft.Compute/disks/d1';
    const lasting = { code: 'MoveNotSupported', target, message: 'Not d1.' };
    const nested = message({ code: 'ResourceMoveFailed', message: 'See details.', details: [lasting] });
    const error = fromAzure(restError(409, move(nested)), 'act');
    expect([error.kind, error.code]).toStrictEqual(['permanent', 'MOVE_INVALID']);
    expect(error.message).toMatch(/MoveNotSupported: Not d1\./);
    const busy = message({ code: 'AnotherOperationInProgress', message: 'Busy: d1.' });
    expect(fromAzure(restError(409, move(busy)), 'act')).toMatchObject({ kind: 'waiting', code: 'AZURE_BUSY' });
    const broken = { code: 'MoveNotSupported', message: '{"error": {"code"' };
    expect(fromAzure(restError(409, move(broken)), 'act').code).toBe('MOVE_INVALID');
  });

  it('is read within bounds, however its details nest', () => {
    let nested: unknown = { code: 'Deep', message: 'deep' };
    for (let level = 0; level < 50; level += 1)
      nested = { code: 'DeploymentFailed', message: 'See.', details: [nested] };
    expect(fromAzure(restError(409, { error: nested }), 'act').code).toBe('AZURE_REFUSED');
  });

  it('carries Retry-After and the correlation ID', () => {
    const headers = { 'retry-after': '7', 'x-ms-correlation-request-id': 'c-9' };
    const error = fromAzure(restError(429, { error: { code: 'TooManyRequests', message: 'No.' } }, headers), 'act');
    assert.ok(error instanceof RetryableError);
    expect(error.retryAfterMs).toBe(7_000);
    expect(error.message).toMatch(/correlation c-9/);
  });

  it('without an answer means that Azure could not be reached', () => {
    const lost = new RestError('read ECONNRESET', { code: 'ECONNRESET' });
    expect(fromAzure(lost, 'act').code).toBe('AZURE_UNREACHABLE');
    expect(fromAzure(lost, 'act').kind).toBe('retryable');
  });

  it('of signing in is permanent', () => {
    const error = new Error('no identity');
    error.name = 'CredentialUnavailableError';
    expect([fromAzure(error, 'act').code, fromAzure(error, 'act').kind]).toStrictEqual(['AZURE_DENIED', 'permanent']);
  });

  it('that is an abort says that waiting was interrupted', () => {
    expect(fromAzure(new DOMException('stop', 'AbortError'), 'act').code).toBe('INTERRUPTED');
  });
});

function answer(said: Partial<AzureAnswer>): AzureAnswer {
  return { status: null, code: null, message: 'No.', retryAfterMs: null, correlationId: null, ...said };
}

function restError(status: number, body: unknown, headers: Record<string, string> = {}): RestError {
  const request = createPipelineRequest({ url: 'https://management.example/' });
  const error = new RestError('refused', {
    statusCode: status,
    code: 'CodeOfTheClient',
    request,
    response: { status, request, headers: createHttpHeaders(headers) },
  });
  error.details = body;
  return error;
}
