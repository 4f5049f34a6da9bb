import { derivedUuid } from '../arm/derived-uuid.js';
import { list, ok, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';

/* The one subscription and its tenant. The Azure CLI asks for both before anything else. */
export const SUBSCRIPTION_ROUTES: readonly Route[] = [
  {
    operation: 'Subscriptions_Get',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}',
    handle: (_, azure) => ok(subscriptionView(azure)),
  },
  {
    operation: 'Subscriptions_List',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions',
    handle: (_, azure) => list([subscriptionView(azure)]),
  },
  {
    operation: 'Tenants_List',
    method: 'GET',
    effect: 'read',
    path: '/tenants',
    handle: (_, azure) => list([{ id: `/tenants/${tenantOf(azure)}`, tenantId: tenantOf(azure) }]),
  },
];

export function tenantOf(azure: Pick<Azure, 'subscriptionId'>): string {
  return derivedUuid(`tenant of ${azure.subscriptionId}`);
}

function subscriptionView(azure: Azure): unknown {
  return {
    id: `/subscriptions/${azure.subscriptionId}`,
    subscriptionId: azure.subscriptionId,
    tenantId: tenantOf(azure),
    displayName: 'Emulated',
    state: 'Enabled',
    authorizationSource: 'RoleBased',
  };
}
