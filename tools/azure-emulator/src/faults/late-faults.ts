import { AzureError } from '../arm/errors.js';
import type { LateFault, ResourceRecord } from '../state/records.js';
import type { Fault, FaultKind } from './fault.js';
import type { Faults } from './faults.js';
import { traits } from './traits.js';

/*
 * Faults of long-running operations: accepted like any other, they end badly when their time has come, and their effect
 * never takes place. Which one it will be is decided and kept when the operation begins.
 */

const ANY_OPERATION: readonly FaultKind[] = ['fail-late', 'cancel'];
const ALLOCATING: readonly FaultKind[] = [...ANY_OPERATION, 'allocation-failed'];
/** What needs room on a machine of Azure's. */
const ALLOCATING_OPERATIONS = ['virtualMachines.create', 'virtualMachines.start'];

/** @param resource as it will be when the operation is accepted */
export function lateFault(
  kind: string,
  resourceId: string,
  resource: ResourceRecord | undefined,
  faults: Faults,
): LateFault | undefined {
  const { size, zones } = traits(resource);
  const fault = faults.strike(ALLOCATING_OPERATIONS.includes(kind) ? ALLOCATING : ANY_OPERATION, {
    operations: [kind],
    resources: [resourceId],
    size,
    zones,
  });
  return fault === null ? undefined : outcome(fault, zones.length > 0);
}

function outcome(fault: Fault, isZonal: boolean): LateFault {
  const usual = usualOutcome(fault.kind, isZonal);
  return {
    ...usual,
    status: fault.status ?? usual.status,
    code: fault.code ?? usual.code,
    message: fault.message ?? usual.message,
  };
}

function usualOutcome(kind: FaultKind, isZonal: boolean): LateFault {
  switch (kind) {
    case 'cancel':
      return {
        ends: 'Canceled',
        status: 409,
        code: 'OperationPreempted',
        message: 'Operation execution has been preempted by a more recent operation.',
      };
    case 'allocation-failed':
      return {
        ends: 'Failed',
        status: 409,
        code: isZonal ? 'ZonalAllocationFailed' : 'AllocationFailed',
        message:
          `Allocation failed. We do not have sufficient capacity for the requested VM size in this ${isZonal ? 'zone' : 'region'}. ` +
          'Read more about improving likelihood of allocation success at https://aka.ms/allocation-guidance',
      };
    default:
      return {
        ends: 'Failed',
        status: 500,
        code: 'InternalExecutionError',
        message: 'An internal execution error occurred. Please retry later.',
      };
  }
}

export function asError(fault: LateFault): AzureError {
  return new AzureError(fault.status, fault.code, fault.message);
}
