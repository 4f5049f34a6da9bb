import { AzureError, type AdditionalInfo } from '../arm/errors.js';
import { nameOf } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { regionName } from '../groups/regions.js';
import type { Policy } from '../settings/policy.js';
import { RESOURCE_GROUP, type Tags } from '../state/records.js';
import { isWithin } from './scopes.js';

/** What policies are told from. */
type Policies = Pick<Azure, 'subscriptionId' | 'settings'>;

/** A resource as a write would leave it. */
export interface Written {
  readonly id: string;
  readonly type: string;
  readonly location: string;
  readonly tags: Tags;
}

/** The policy that denies it; undefined when none does. */
export function denyingPolicy(written: Written, azure: Policies): Policy | undefined {
  return azure.settings.values.policies.find((policy) => denies(policy, written));
}

/** @throws AzureError 403 RequestDisallowedByPolicy */
export function requirePolicy(written: Written, azure: Policies): void {
  const policy = denyingPolicy(written, azure);
  if (policy !== undefined) throw disallowed(policy, nameOf(written.id), azure);
}

function denies(policy: Policy, { id, type, location, tags }: Written): boolean {
  const { scope, resourceTypes, locations, notLocations, tag, missingTag } = policy;
  const isAt = (names: readonly string[]): boolean => names.some((name) => regionName(name) === regionName(location));
  return (
    (scope === undefined || isWithin(id, scope)) &&
    (resourceTypes === undefined
      ? type !== RESOURCE_GROUP
      : resourceTypes.some((name) => typeKey(name) === typeKey(type))) &&
    (locations === undefined || isAt(locations)) &&
    (notLocations === undefined || !isAt(notLocations)) &&
    (tag === undefined || hasTag(tags, tag.name, tag.value)) &&
    (missingTag === undefined || !hasTag(tags, missingTag))
  );
}

/** Policies know resource groups as `Microsoft.Resources/subscriptions/resourceGroups`. */
function typeKey(type: string): string {
  return type.toLowerCase().replace('microsoft.resources/subscriptions/', 'microsoft.resources/');
}

function hasTag(tags: Tags, name: string, value?: string): boolean {
  const found = Object.entries(tags).find(([other]) => other.toLowerCase() === name.toLowerCase());
  return found !== undefined && (value === undefined || found[1].toLowerCase() === value.toLowerCase());
}

function disallowed(policy: Policy, name: string, azure: Policies): AzureError {
  const displayName = policy.displayName ?? policy.name;
  const assignmentScope = policy.scope ?? `/subscriptions/${azure.subscriptionId}`;
  const assignment = {
    name: displayName,
    id: `${assignmentScope}/providers/Microsoft.Authorization/policyAssignments/${policy.name}`,
  };
  const definition = {
    name: displayName,
    id: `/subscriptions/${azure.subscriptionId}/providers/Microsoft.Authorization/policyDefinitions/${policy.name}`,
  };
  const identifiers = JSON.stringify([{ policyAssignment: assignment, policyDefinition: definition }]);
  const violation: AdditionalInfo = {
    type: 'PolicyViolation',
    info: {
      policyDefinitionDisplayName: displayName,
      policyDefinitionId: definition.id,
      policyDefinitionName: policy.name,
      policyDefinitionEffect: 'deny',
      policyAssignmentId: assignment.id,
      policyAssignmentName: policy.name,
      policyAssignmentDisplayName: displayName,
      policyAssignmentScope: assignmentScope,
      policyAssignmentParameters: {},
    },
  };
  return new AzureError(
    403,
    'RequestDisallowedByPolicy',
    `Resource '${name}' was disallowed by policy. Policy identifiers: '${identifiers}'.`,
    { target: name, additionalInfo: [violation] },
  );
}
