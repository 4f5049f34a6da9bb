import type { ServerResponse } from 'node:http';
import type { Azure } from '../azure.js';
import type { Fault, FaultKind } from '../faults/fault.js';
import { requestNames, type PageBlobOperation } from '../faults/operation-names.js';
import { ConnectionCut, hold, retryHeader } from '../faults/request-faults.js';
import { StorageError } from './storage-rules.js';

/* The faults of requests as Azure Storage shows them; see faults/request-faults.ts. */
const BEFORE: readonly FaultKind[] = ['throttle', 'error', 'timeout', 'reset-before'];
const GATEWAY_SECONDS = 60;

/** What is left to do when a request was carried out: to tell the client. */
export type Reply = () => void | Promise<void>;

/** Carries a request on a disk's signature out, unless a fault prevents it. @throws StorageError, ConnectionCut */
export async function withStorageFaults(
  operation: PageBlobOperation,
  diskId: string,
  azure: Azure,
  response: ServerResponse,
  carryOut: () => Promise<Reply>,
): Promise<void> {
  const target = { operations: requestNames(operation), resources: [diskId] };
  const fault = azure.faults.strike(BEFORE, target);
  if (fault !== null) await refuse(fault, response);
  const reply = await carryOut();
  if (azure.faults.strike('reset-after', target) !== null) throw new ConnectionCut('reset-after', 0);
  await reply();
}

async function refuse(fault: Fault, response: ServerResponse): Promise<never> {
  switch (fault.kind) {
    case 'throttle':
      throw new StorageError(
        fault.status ?? 503,
        fault.code ?? 'ServerBusy',
        fault.message ?? 'The server is busy.',
        retryHeader(fault.retryAfterSeconds === undefined ? 1 : fault.retryAfterSeconds),
      );
    case 'timeout':
      await hold(response, fault.forSeconds ?? GATEWAY_SECONDS);
      throw new StorageError(
        fault.status ?? 500,
        fault.code ?? 'OperationTimedOut',
        fault.message ?? 'The operation could not be completed within the permitted time.',
      );
    case 'reset-before':
      throw new ConnectionCut(fault.kind, 0);
    default:
      throw new StorageError(
        fault.status ?? 500,
        fault.code ?? 'InternalError',
        fault.message ?? 'The server encountered an internal error. Please retry the request.',
        retryHeader(fault.retryAfterSeconds ?? null),
      );
  }
}
