import type { Call, Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireSubscription } from '../groups/placement.js';
import { requireRegistered } from './providers.js';

/** What holds for every operation, whichever it is. @throws AzureError */
export function requireAllowed(route: Route, call: Call, azure: Azure): void {
  const subscriptionId = call.parameters['subscriptionId'];
  if (subscriptionId !== undefined) requireSubscription(subscriptionId, azure);
  if (route.effect !== 'read') requireRegistered(call.path, azure);
}
