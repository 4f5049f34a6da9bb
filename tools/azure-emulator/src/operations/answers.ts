import type { Answer } from '../arm/route.js';
import type { Azure } from '../azure.js';
import type { OperationRecord } from '../state/records.js';

/*
 * How the acceptance of a long-running operation is told, by family: which headers, and where they point. As seen in
 * recorded traffic; the query of these URLs is added to them in arm/wire.ts.
 */
type Family = 'virtual-machines' | 'disks' | 'network' | 'resources';

/** 201 or 200 with the resource as it is now; the client polls `Azure-AsyncOperation` and then reads the resource. */
export function acceptedWrite(
  azure: Azure,
  operation: OperationRecord,
  family: 'virtual-machines' | 'network',
  status: 200 | 201,
  body: unknown,
): Answer {
  return {
    status,
    headers: { 'azure-asyncoperation': operationUrl(azure, operation, family), ...retryAfter(operation, azure) },
    body,
  };
}

/** 202 with both headers: disk and snapshot writes, deletions, and actions. */
export function accepted(azure: Azure, operation: OperationRecord, family: Family, body?: unknown): Answer {
  if (family === 'resources') {
    return {
      status: 202,
      headers: {
        location: resultUrl(azure, operation),
        ...retryAfter(operation, azure),
      },
    };
  }
  const url = operationUrl(azure, operation, family);
  return {
    status: 202,
    headers: { 'azure-asyncoperation': url, location: `${url}?monitor=true`, ...retryAfter(operation, azure) },
    ...(body === undefined ? {} : { body }),
  };
}

export function retryAfter({ kind }: OperationRecord, azure: Azure): Record<string, string> {
  return { 'retry-after': String(azure.settings.retryAfterSecondsOf(kind)) };
}

function operationUrl(azure: Azure, operation: OperationRecord, family: Exclude<Family, 'resources'>): string {
  const provider = family === 'network' ? 'Microsoft.Network' : 'Microsoft.Compute';
  const collection = family === 'disks' ? 'DiskOperations' : 'operations';
  return (
    `${azure.baseUrl}/subscriptions/${azure.subscriptionId}/providers/${provider}/locations/${operation.location}` +
    `/${collection}/${operation.id}`
  );
}

/** Where the result of an operation of Resource Manager itself is asked for. */
export function resultUrl(azure: Azure, operation: OperationRecord): string {
  return `${azure.baseUrl}/subscriptions/${azure.subscriptionId}/operationresults/${operation.id}`;
}
