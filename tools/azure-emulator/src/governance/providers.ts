import { AzureError, conflict } from '../arm/errors.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { REGIONS } from '../groups/regions.js';

/* Resource providers: a subscription can use those that are registered. */
const PROVIDERS: Readonly<Record<string, readonly string[]>> = {
  'Microsoft.Compute': ['disks', 'snapshots', 'virtualMachines', 'locations', 'locations/operations', 'skus'],
  'Microsoft.Network': ['networkInterfaces', 'virtualNetworks', 'publicIPAddresses', 'networkSecurityGroups'],
  'Microsoft.Resources': ['resourceGroups', 'subscriptions'],
  'Microsoft.Authorization': ['locks', 'permissions'],
  'Microsoft.Storage': ['storageAccounts'],
};

export const PROVIDER_ROUTES: readonly Route[] = [
  {
    operation: 'Providers_Get',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/providers/{resourceProviderNamespace}',
    handle: (call, azure) => ok(view(namespaceOf(call), azure)),
  },
  {
    operation: 'Providers_List',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/providers',
    handle: (_, azure) => list(Object.keys(PROVIDERS).map((namespace) => view(namespace, azure))),
  },
  {
    operation: 'Providers_Register',
    method: 'POST',
    effect: 'action',
    path: '/subscriptions/{subscriptionId}/providers/{resourceProviderNamespace}/register',
    handle: register,
  },
];

function register(call: Call, azure: Azure): Answer {
  const namespace = namespaceOf(call);
  const others = azure.settings.values.unregisteredProviders.filter((name) => !isSame(name, namespace));
  azure.settings.change({ unregisteredProviders: others });
  return ok(view(namespace, azure));
}

/** @throws AzureError 409 MissingSubscriptionRegistration for a change through a provider that is not registered */
export function requireRegistered(path: string, azure: Azure): void {
  const namespace = /\/resourceGroups\/[^/]+\/providers\/(Microsoft\.[A-Za-z]+)\//i.exec(path)?.[1];
  if (namespace === undefined || !azure.settings.values.unregisteredProviders.some((name) => isSame(name, namespace)))
    return;
  throw conflict(
    'MissingSubscriptionRegistration',
    `The subscription is not registered to use namespace '${namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions.`,
  );
}

function namespaceOf(call: Call): string {
  const wanted = parameter(call, 'resourceProviderNamespace');
  const found = Object.keys(PROVIDERS).find((namespace) => isSame(namespace, wanted));
  if (found !== undefined) return found;
  throw new AzureError(404, 'InvalidResourceNamespace', `The resource namespace '${wanted}' is invalid.`);
}

function view(namespace: string, azure: Azure): unknown {
  const isRegistered = !azure.settings.values.unregisteredProviders.some((name) => isSame(name, namespace));
  return {
    id: `/subscriptions/${azure.subscriptionId}/providers/${namespace}`,
    namespace,
    registrationPolicy: 'RegistrationRequired',
    registrationState: isRegistered ? 'Registered' : 'NotRegistered',
    resourceTypes: (PROVIDERS[namespace] ?? []).map((resourceType) => ({
      resourceType,
      locations: REGIONS.map(({ displayName }) => displayName),
      apiVersions: ['2025-04-01'],
    })),
  };
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
