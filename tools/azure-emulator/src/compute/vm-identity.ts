import { randomUUID } from 'node:crypto';
import { badRequest } from '../arm/errors.js';
import { parseResourceId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { tenantOf } from '../groups/subscriptions.js';
import { principalOf } from '../referred/types.js';
import type { Kept } from '../state/records.js';
import type { VmIdentity } from './vm-schema.js';

/* The managed identities of a VM. The directory behind them is not emulated. */
const USER_IDENTITY = 'Microsoft.ManagedIdentity/userAssignedIdentities';

/** Whose identities they are. */
type Directory = Pick<Azure, 'subscriptionId'>;

/**
 * The identity as a GET shows it. A system identity lasts as long as the VM has it; a PATCH adds user identities to those
 * that are there, and takes away those that it names with null.
 * @throws AzureError 400 for identities that contradict the type, or are none
 */
export function settledIdentity(
  wanted: VmIdentity | undefined,
  before: Kept | null,
  method: 'PUT' | 'PATCH',
  azure: Directory,
): Kept | null {
  if (wanted === undefined) return before;
  const type = wanted.type ?? String(before?.['type'] ?? 'None');
  const named = wanted.userAssignedIdentities ?? {};
  if (Object.keys(named).length > 0 && !type.includes('UserAssigned')) {
    throw badRequest(
      'InvalidIdentityValues',
      "The 'userAssignedIdentities' property keys should only be specified when identity type is 'UserAssigned'.",
      'identity',
    );
  }
  for (const id of Object.keys(named)) requireUserIdentity(id);
  if (type === 'None') return null;
  const userIds = new Map<string, string>();
  const earlier = method === 'PATCH' ? Object.keys((before?.['userAssignedIdentities'] ?? {}) as object) : [];
  for (const id of earlier) userIds.set(id.toLowerCase(), id);
  for (const [id, value] of Object.entries(named)) {
    if (value === null) userIds.delete(id.toLowerCase());
    else userIds.set(id.toLowerCase(), userIds.get(id.toLowerCase()) ?? id);
  }
  if (type.includes('UserAssigned') && userIds.size === 0) {
    throw badRequest(
      'InvalidIdentityValues',
      "The 'userAssignedIdentities' property must name an identity when identity type is 'UserAssigned'.",
      'identity',
    );
  }
  return {
    type,
    ...(type.includes('SystemAssigned')
      ? {
          principalId: before?.['principalId'] ?? randomUUID(),
          tenantId: tenantOf(azure),
        }
      : {}),
    ...(type.includes('UserAssigned')
      ? { userAssignedIdentities: Object.fromEntries([...userIds.values()].map((id) => [id, principalOf(id)])) }
      : {}),
  };
}

function requireUserIdentity(id: string): void {
  if (parseResourceId(id)?.type.toLowerCase() === USER_IDENTITY.toLowerCase()) return;
  throw badRequest(
    'LinkedInvalidPropertyId',
    `Property id '${id}' at path 'identity' is invalid. Expect fully qualified resource Id that starts with ` +
      `'/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.`,
    'identity',
  );
}
