import { AzureError } from '../arm/errors.js';
import { parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import type { OperationRecord } from '../state/records.js';
import { resultUrl, retryAfter } from './answers.js';

/* Where clients ask how a long-running operation is doing. */
const SUBSCRIPTION = '/subscriptions/{subscriptionId}';

export const OPERATION_ROUTES: readonly Route[] = [
  {
    operation: 'Operations_Compute',
    method: 'GET',
    effect: 'read',
    path: `${SUBSCRIPTION}/providers/Microsoft.Compute/locations/{location}/operations/{operationId}`,
    handle: poll,
  },
  {
    operation: 'Operations_Disk',
    method: 'GET',
    effect: 'read',
    path: `${SUBSCRIPTION}/providers/Microsoft.Compute/locations/{location}/DiskOperations/{operationId}`,
    handle: poll,
  },
  {
    operation: 'Operations_Network',
    method: 'GET',
    effect: 'read',
    path: `${SUBSCRIPTION}/providers/Microsoft.Network/locations/{location}/operations/{operationId}`,
    handle: async (call, azure) => withoutTimes(await poll(call, azure)),
  },
  {
    operation: 'Operations_Resources',
    method: 'GET',
    effect: 'read',
    path: `${SUBSCRIPTION}/operationresults/{operationId}`,
    handle: async (call, azure) => result(await settled(call, azure), azure),
  },
];

async function poll(call: Call, azure: Azure): Promise<Answer> {
  const operation = await settled(call, azure);
  return call.query.get('monitor') === 'true' ? result(operation, azure) : status(operation, azure);
}

async function settled(call: Call, azure: Azure): Promise<OperationRecord> {
  const id = parameter(call, 'operationId').toLowerCase();
  const operation = azure.operations.get(id);
  if (operation !== undefined) await azure.operations.settle(operation);
  const current = azure.operations.get(id);
  if (current === undefined) throw new AzureError(404, 'NotFound', `The operation '${id}' could not be found.`);
  return current;
}

/** `Azure-AsyncOperation`: always 200; the body tells the state. */
function status(operation: OperationRecord, azure: Azure): Answer {
  return {
    status: 200,
    ...(operation.status === 'InProgress' ? { headers: retryAfter(operation, azure) } : {}),
    body: {
      startTime: operation.startedAt,
      ...(operation.endedAt === null ? {} : { endTime: operation.endedAt }),
      status: operation.status,
      ...(operation.status === 'Succeeded' && operation.output !== null
        ? { properties: { output: operation.output } }
        : {}),
      ...(operation.error === null ? {} : { error: operation.error }),
      name: operation.id,
    },
  };
}

/** The network tells neither when an operation began and ended nor its name. */
function withoutTimes(answer: Answer): Answer {
  const { startTime, endTime, name, ...body } = (answer.body ?? {}) as Record<string, unknown>;
  void [startTime, endTime, name];
  return { ...answer, ...(answer.body === undefined ? {} : { body }) };
}

/** `Location`: 202 until the end, then the result itself or the error itself. */
function result(operation: OperationRecord, azure: Azure): Answer {
  if (operation.status === 'InProgress') {
    const location: Record<string, string> = operation.kind.startsWith('resources.')
      ? { location: resultUrl(azure, operation) }
      : {};
    return { status: 202, headers: { ...location, ...retryAfter(operation, azure) } };
  }
  if (operation.error !== null) return { status: operation.errorStatus ?? 500, body: { error: operation.error } };
  if (operation.kind.startsWith('resources.move') || operation.kind.startsWith('resources.validate')) {
    return { status: 204 };
  }
  return operation.output === null ? { status: 200 } : { status: 200, body: operation.output };
}
