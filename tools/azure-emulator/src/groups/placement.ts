import { AzureError, badRequest, conflict, resourceGroupBeingDeleted, resourceGroupNotFound } from '../arm/errors.js';
import { resourceGroupId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { RESOURCE_GROUP, type ResourceGroupRecord, type ResourceRecord } from '../state/records.js';
import { regionName } from './regions.js';

/* What must be true of a resource's group and name before anything else is looked at. */

/** Where resources may be. */
type Places = Pick<Azure, 'subscriptionId' | 'state'>;

export function requireSubscription(subscriptionId: string, azure: Pick<Places, 'subscriptionId'>): void {
  if (subscriptionId.toLowerCase() === azure.subscriptionId.toLowerCase()) return;
  throw new AzureError(404, 'SubscriptionNotFound', `The subscription '${subscriptionId}' could not be found.`);
}

/** @throws AzureError 404 ResourceGroupNotFound */
export function requireGroup(name: string, azure: Places): ResourceGroupRecord {
  const group = azure.state.find(RESOURCE_GROUP, resourceGroupId(azure.subscriptionId, name));
  if (group === undefined) throw resourceGroupNotFound(name);
  return group;
}

/** @throws AzureError 409 ResourceGroupBeingDeleted, 404 ResourceGroupNotFound */
export function requireOpenGroup(name: string, azure: Places): ResourceGroupRecord {
  const group = requireGroup(name, azure);
  if (group.provisioningState === 'Deleting') throw resourceGroupBeingDeleted(group.name);
  return group;
}

/** A name that is in use in another region cannot be used again. */
export function requireSameLocation(existing: ResourceRecord | undefined, location: string): void {
  if (existing === undefined || existing.location === regionName(location)) return;
  throw conflict(
    'InvalidResourceLocation',
    `The resource '${existing.name}' already exists in location '${existing.location}' in resource group. ` +
      `A resource with the same name cannot be created in location '${location}'. Please select a new resource name.`,
  );
}

interface NameRule {
  readonly pattern: RegExp;
  readonly rule: string;
}

const NAME_RULES = {
  resourceGroup: {
    pattern: /^[\p{L}\p{N}._()-]{0,89}[\p{L}\p{N}_()-]$/u,
    rule: '1-90 characters; letters, digits, underscores, hyphens, periods and parentheses; no period at the end',
  },
  disk: {
    pattern: /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?$/,
    rule: '1-80 characters; letters, digits, underscores, hyphens and periods; begins with a letter or digit, ends with a letter, digit or underscore',
  },
  virtualMachine: {
    pattern: /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_])?$/,
    rule: '1-64 characters; letters, digits, underscores, hyphens and periods; begins with a letter or digit, ends with a letter, digit or underscore',
  },
  network: {
    pattern: /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?$/,
    rule: '1-80 characters; letters, digits, underscores, hyphens and periods; begins with a letter or digit, ends with a letter, digit or underscore',
  },
} as const satisfies Record<string, NameRule>;

/** @throws AzureError 400 InvalidParameter, or InvalidResourceGroup for a group */
export function requireName(kind: keyof typeof NAME_RULES, name: string): void {
  const { pattern, rule } = NAME_RULES[kind];
  if (pattern.test(name)) return;
  throw kind === 'resourceGroup'
    ? badRequest(
        'InvalidResourceGroup',
        `The provided resource group name '${name}' has these invalid characters or form. Allowed: ${rule}.`,
      )
    : badRequest(
        'InvalidParameter',
        `The entity name '${name}' is invalid according to its validation rule: ${rule}.`,
        'name',
      );
}
