import { apiVersionsOf } from '../arm/api-versions.js';
import { AzureError, conflict } from '../arm/errors.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { REGIONS } from '../groups/regions.js';
import type { OperationKind } from '../operations/kind.js';
import { REFERRED_TYPES } from '../state/records.js';

/*
 * Resource providers: a subscription can use those that are registered. Registering one takes its time; meanwhile its
 * state reads Registering, and it can't be used yet.
 */
const OWN_TYPES: Readonly<Record<string, readonly string[]>> = {
  'Microsoft.Compute': ['disks', 'snapshots', 'virtualMachines', 'locations', 'locations/operations', 'skus'],
  'Microsoft.Network': ['networkInterfaces', 'virtualNetworks', 'publicIPAddresses', 'networkSecurityGroups'],
  'Microsoft.Resources': ['resourceGroups', 'subscriptions'],
  'Microsoft.Authorization': ['locks', 'permissions'],
  'Microsoft.PolicyInsights': ['checkPolicyRestrictions'],
  'Microsoft.Storage': ['storageAccounts'],
  'Microsoft.ManagedIdentity': [],
};

const PROVIDERS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(OWN_TYPES).map(([namespace, types]) => {
    const prefix = `${namespace}/`;
    const referred = REFERRED_TYPES.filter((type) => type.startsWith(prefix)).map((type) => type.slice(prefix.length));
    return [namespace, [...types, ...referred]];
  }),
);

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
  {
    operation: 'Providers_Unregister',
    method: 'POST',
    effect: 'action',
    path: '/subscriptions/{subscriptionId}/providers/{resourceProviderNamespace}/unregister',
    handle: (call, azure) => {
      const namespace = namespaceOf(call);
      azure.settings.change({ unregisteredProviders: [...othersThan(namespace, azure), namespace] });
      return ok(view(namespace, azure));
    },
  },
];

export const REGISTER_PROVIDER: OperationKind<{ readonly namespace: string }> = {
  name: 'providers.register',
  run: ({ namespace }, _, azure) => {
    azure.settings.change({ unregisteredProviders: [...othersThan(namespace, azure)] });
    return { changes: [] };
  },
};

function register(call: Call, azure: Azure): Answer {
  const namespace = namespaceOf(call);
  const resourceId = idOf(namespace, azure);
  if (stateOf(namespace, azure) === 'NotRegistered') {
    azure.operations.begin(REGISTER_PROVIDER, { resourceId, location: 'global', input: { namespace }, changes: [] });
  }
  return ok(view(namespace, azure));
}

/** @throws AzureError 409 MissingSubscriptionRegistration for a change through a provider that is not registered */
export function requireRegistered(path: string, azure: Azure): void {
  const namespace = /\/resourceGroups\/[^/]+\/providers\/(Microsoft\.[A-Za-z]+)\//i.exec(path)?.[1];
  if (namespace !== undefined) requireRegisteredNamespace(namespace, azure);
}

/** @throws AzureError 409 MissingSubscriptionRegistration */
export function requireRegisteredNamespace(namespace: string, azure: Azure): void {
  if (stateOf(namespace, azure) === 'Registered') return;
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
  return {
    id: idOf(namespace, azure),
    namespace,
    registrationPolicy: 'RegistrationRequired',
    registrationState: stateOf(namespace, azure),
    resourceTypes: (PROVIDERS[namespace] ?? []).map((resourceType) => ({
      resourceType,
      locations: REGIONS.map(({ displayName }) => displayName),
      apiVersions: apiVersionsOf(namespace, resourceType)?.toReversed() ?? ['2025-04-01'],
    })),
  };
}

function stateOf(namespace: string, azure: Azure): 'Registered' | 'Registering' | 'NotRegistered' {
  if (!azure.settings.values.unregisteredProviders.some((name) => isSame(name, namespace))) return 'Registered';
  return azure.operations.on(idOf(namespace, azure)) === undefined ? 'NotRegistered' : 'Registering';
}

function othersThan(namespace: string, azure: Azure): readonly string[] {
  return azure.settings.values.unregisteredProviders.filter((name) => !isSame(name, namespace));
}

function idOf(namespace: string, azure: Azure): string {
  return `/subscriptions/${azure.subscriptionId}/providers/${namespace}`;
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
