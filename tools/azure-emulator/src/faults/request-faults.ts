import type { ServerResponse } from 'node:http';
import { AzureError, resourceGroupNotFound, resourceNotFound } from '../arm/errors.js';
import { nameOf, parseResourceId, resourceGroupOf, sameId } from '../arm/resource-id.js';
import type { Answer, Call, Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { diskNotFound } from '../compute/disk-rules.js';
import { vmSize } from '../compute/size-catalogue.js';
import { limitOf, quotaExceeded } from '../compute/usages.js';
import { DISK, SNAPSHOT } from '../state/records.js';
import type { Fault, FaultKind, FaultTarget } from './fault.js';
import { requestNames } from './operation-names.js';
import { traits, type MachineLike } from './traits.js';

/*
 * Faults of requests. Before a request is carried out it may be refused, left without an answer, or cut off; after
 * it was carried out its answer may be lost, or what it has made not be found for a while.
 */
const BEFORE: readonly FaultKind[] = ['throttle', 'error', 'timeout', 'reset-before'];
/** How long Azure's front door waits before it gives up itself. */
const GATEWAY_SECONDS = 60;
const HIDDEN_SECONDS = 5;

/** No answer is sent: the connection is cut. */
export class ConnectionCut extends Error {
  constructor(
    readonly fault: FaultKind,
    /** The status that got lost; 0 when nothing was carried out. */
    readonly status: number,
  ) {
    super(`the connection is cut by a fault of kind ${fault}`);
  }
}

/** Carries a request out, unless a fault prevents it. @throws AzureError, ConnectionCut */
export async function withFaults(
  route: Route,
  call: Call,
  azure: Azure,
  response: ServerResponse,
  carryOut: () => Answer | Promise<Answer>,
): Promise<Answer> {
  const names = requestNames(route.operation);
  const target = targetOf(names, call, azure);
  const fault = azure.faults.strike(BEFORE, target);
  if (fault !== null) await refuse(fault, route, call, azure, response);
  const resource = resourceIdIn(call.path);
  if (route.effect === 'read' && azure.faults.isHidden(resource)) throw notFound(resource);
  const isNew = call.method === 'PUT' && azure.state.resource(resource) === undefined;
  if (isNew) requireQuotaLeft(target, call, azure);
  const answer = await azure.faults.during(names, carryOut);
  if (answer.status >= 300) return answer;
  const hiding = isNew ? azure.faults.strike('not-found-after-create', target) : null;
  if (hiding !== null) azure.faults.hide(hiding.id, resource, hiding.forSeconds ?? HIDDEN_SECONDS);
  const cut = azure.faults.strike('reset-after', target);
  if (cut !== null) throw new ConnectionCut(cut.kind, answer.status);
  return answer;
}

async function refuse(fault: Fault, route: Route, call: Call, azure: Azure, response: ServerResponse): Promise<never> {
  switch (fault.kind) {
    case 'throttle':
      throw throttled(fault, call, azure);
    case 'timeout':
      await hold(response, fault.forSeconds ?? GATEWAY_SECONDS);
      if (response.destroyed) throw new ConnectionCut(fault.kind, 0);
      throw new AzureError(
        fault.status ?? 504,
        fault.code ?? 'GatewayTimeout',
        fault.message ??
          `The gateway did not receive a response from '${providerOf(call)}' within the specified time period.`,
      );
    case 'reset-before':
      throw new ConnectionCut(fault.kind, 0);
    default:
      throw new AzureError(
        fault.status ?? 500,
        fault.code ?? 'InternalServerError',
        fault.message ?? `${route.operation} failed: an internal execution error occurred. Please retry later.`,
        { headers: retryHeader(fault.retryAfterSeconds ?? null) },
      );
  }
}

/** Each resource provider has its own way of saying that there were too many requests. */
function throttled(fault: Fault, call: Call, azure: Azure): AzureError {
  const seconds = fault.retryAfterSeconds === undefined ? 1 : fault.retryAfterSeconds;
  const headers = retryHeader(seconds);
  const message = (usual: string): string => fault.message ?? usual;
  switch (providerOf(call).toLowerCase()) {
    case 'microsoft.compute': {
      const text = message(
        'The server rejected the request because too many requests have been received for this subscription.',
      );
      const details = [{ code: 'TooManyRequests', message: text }];
      return new AzureError(fault.status ?? 429, fault.code ?? 'OperationNotAllowed', text, { headers, details });
    }
    case 'microsoft.network': {
      const text = message('The request failed due to conflict with a concurrent request. Please retry later.');
      return new AzureError(fault.status ?? 429, fault.code ?? 'RetryableErrorDueToAnotherOperation', text, {
        headers,
      });
    }
    default: {
      const text = message(
        `Number of requests for subscription '${azure.subscriptionId}' exceeded. ` +
          `Please try again after '${seconds ?? 1}' seconds after additional tokens are available.`,
      );
      return new AzureError(fault.status ?? 429, fault.code ?? 'SubscriptionRequestsThrottled', text, { headers });
    }
  }
}

/** The cores that the plan has counted on are gone: Azure's list of usages still shows them. @throws AzureError 409 */
function requireQuotaLeft(target: FaultTarget, call: Call, azure: Azure): void {
  const size = vmSize(target.size ?? '');
  if (size === undefined) return;
  const fault = azure.faults.strike('quota', target);
  if (fault === null) return;
  const location = String((call.body as { location?: unknown } | undefined)?.location ?? '');
  const limit = limitOf(size.family, location, azure);
  const usual = quotaExceeded(size, size.family, location, { limit, used: limit });
  throw new AzureError(fault.status ?? usual.status, fault.code ?? usual.code, fault.message ?? usual.message, {
    ...(usual.details === undefined ? {} : { details: usual.details }),
  });
}

/** Ends when so much time has passed or when the client has given up. */
export async function hold(response: ServerResponse, seconds: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, seconds * 1000);
    function done(): void {
      clearTimeout(timer);
      response.off('close', done);
      resolve();
    }
    response.once('close', done);
  });
}

export function retryHeader(seconds: number | null): Record<string, string> {
  return seconds === null ? {} : { 'retry-after': String(seconds) };
}

/** What a request is about: its path's resource; for a poll, that of the operation. */
function targetOf(names: readonly string[], call: Call, azure: Azure): FaultTarget {
  const operationId = call.parameters['operationId'];
  const polled = operationId === undefined ? undefined : azure.operations.get(operationId.toLowerCase())?.resourceId;
  const id = polled ?? resourceIdIn(call.path);
  const body = (typeof call.body === 'object' ? call.body : null) as Partial<MachineLike> | null;
  const known = traits(azure.state.resource(id));
  return {
    operations: names,
    resources: [id],
    size: body?.properties?.hardwareProfile?.vmSize ?? known.size,
    zones: Array.isArray(body?.zones) ? body.zones : known.zones,
  };
}

/** The id of the resource, or else of the resource group, that a path names; actions and lists are left off. */
export function resourceIdIn(path: string): string {
  return (
    /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+(?:\/providers\/[^/]+(?:\/[^/]+\/[^/]+)+)?/i.exec(path)?.[0] ?? path
  );
}

function providerOf(call: Call): string {
  return /\/providers\/([^/]+)/i.exec(call.path)?.[1] ?? 'Microsoft.Resources';
}

function notFound(id: string): AzureError {
  const address = parseResourceId(id);
  if (address === null) return resourceGroupNotFound(resourceGroupOf(id));
  if (sameId(address.type, DISK) || sameId(address.type, SNAPSHOT)) return diskNotFound(address.type, nameOf(id));
  return resourceNotFound(address.type, nameOf(id), address.resourceGroup);
}
