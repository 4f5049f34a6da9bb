import { AzureError, badRequest } from '../arm/errors.js';
import { parseBody } from '../arm/body.js';
import { ok, parameter, type Route } from '../arm/route.js';
import { DETAILS, FAULT, matches, REQUEST_KINDS, type FaultWish } from './fault.js';
import { PAGE_BLOB_OPERATIONS, requestNames } from './operation-names.js';

interface KnownOperations {
  readonly routes: readonly Route[];
  /** Names of the kinds of long-running operations. */
  readonly kinds: readonly string[];
}

/** `/_emulator/faults`: switches faults on and off while the emulator runs. */
export function faultRoutes(known: KnownOperations): readonly Route[] {
  const requests = [...known.routes.map(({ operation }) => operation), ...PAGE_BLOB_OPERATIONS].flatMap(requestNames);
  return [
    {
      operation: 'Emulator_Faults',
      method: 'GET',
      effect: 'read',
      path: '/_emulator/faults',
      handle: (_, azure) => ok(azure.faults.list()),
    },
    {
      operation: 'Emulator_AddFault',
      method: 'POST',
      effect: 'action',
      path: '/_emulator/faults',
      handle: (call, azure) => {
        const wish = parseBody(FAULT, call.body);
        requireMeaning(wish);
        requireKnownOperation(wish, requests, known.kinds);
        return { status: 201, body: azure.faults.add(wish) };
      },
    },
    {
      operation: 'Emulator_ClearFaults',
      method: 'DELETE',
      effect: 'action',
      path: '/_emulator/faults',
      handle: (_, azure) => ok(azure.faults.clear()),
    },
    {
      operation: 'Emulator_ClearFault',
      method: 'DELETE',
      effect: 'action',
      path: '/_emulator/faults/{faultId}',
      handle: (call, azure) => {
        const id = parameter(call, 'faultId');
        const cleared = azure.faults.clear(id);
        if (cleared.length === 0) throw new AzureError(404, 'FaultNotFound', `There is no fault '${id}'.`);
        return ok(cleared);
      },
    },
  ];
}

/** @throws AzureError 400 for a detail that faults of this kind don't have */
function requireMeaning(wish: FaultWish): void {
  const details = ['status', 'code', 'message', 'retryAfterSeconds', 'forSeconds'] as const;
  const idle = details.find((name) => wish[name] !== undefined && !DETAILS[wish.kind].includes(name));
  if (idle === undefined) return;
  const has = DETAILS[wish.kind];
  throw badRequest(
    'MeaninglessDetail',
    `A fault of kind '${wish.kind}' has no ${idle}; ${has.length === 0 ? 'it has no such details' : `it has ${has.join(', ')}`}.`,
    idle,
  );
}

/** A fault that can never strike is a mistake of its maker. @throws AzureError 400 */
function requireKnownOperation(wish: FaultWish, requests: readonly string[], kinds: readonly string[]): void {
  const pattern = wish.operation ?? '*';
  const isRequestKind = REQUEST_KINDS.includes(wish.kind);
  const names = isRequestKind ? requests : [...requests, ...kinds];
  if (names.some((name) => matches(pattern, name))) return;
  const word = pattern.replaceAll('*', '').split(/[._]/)[0]?.toLowerCase() ?? '';
  const similar = names.filter((name) => word !== '' && name.toLowerCase().startsWith(word.slice(0, 4)));
  throw badRequest(
    'UnknownOperation',
    `No ${isRequestKind ? 'request' : 'operation'} is named '${pattern}'. ` +
      (similar.length === 0 ? `Such names are ${names.slice(0, 3).join(', ')}.` : `Similar are ${similar.join(', ')}.`),
    'operation',
  );
}
