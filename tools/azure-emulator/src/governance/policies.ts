import { z } from 'zod';
import { requireKnownApiVersion } from '../arm/api-versions.js';
import { parseBody } from '../arm/body.js';
import { AzureError, type AdditionalInfo } from '../arm/errors.js';
import { nameOf, sameId } from '../arm/resource-id.js';
import { ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireGroup } from '../groups/placement.js';
import { regionName } from '../groups/regions.js';
import type { Policy } from '../settings/policy.js';
import { RESOURCE_GROUP, type Tags } from '../state/records.js';
import { requireRegisteredNamespace } from './providers.js';
import { isWithin } from './scopes.js';

/** What policies are told from. */
type Policies = Pick<Azure, 'subscriptionId' | 'settings'>;

/** A resource as a write would leave it. */
export interface Written {
  readonly id: string;
  readonly type: string;
  readonly location: string;
  readonly tags: Tags;
  /** As `skuIn` finds it in a body; null or left out: it has none, or there is no body that says it. */
  readonly sku?: string | null;
}

/** The kind of storage of a disk, or the size of a VM. */
export function skuIn(body: Readonly<Record<string, unknown>>): string | null {
  const sku = membersOf(body['sku'])['name'] ?? membersOf(membersOf(body['properties'])['hardwareProfile'])['vmSize'];
  return typeof sku === 'string' ? sku : null;
}

export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** The policy that denies it; undefined when none does. */
export function denyingPolicy(written: Written, azure: Policies): Policy | undefined {
  return azure.settings.values.policies.find((policy) => effectOf(policy) === 'deny' && concerns(policy, written));
}

function effectOf({ effect = 'deny' }: Policy): 'deny' | 'audit' {
  return effect;
}

/** @throws AzureError 403 RequestDisallowedByPolicy */
export function requirePolicy(written: Written, azure: Policies): void {
  const policy = denyingPolicy(written, azure);
  if (policy !== undefined) throw disallowed(policy, nameOf(written.id), azure);
}

function concerns(policy: Policy, { id, type, location, tags, sku = null }: Written): boolean {
  const { scope, resourceTypes, locations, notLocations, skus, tag, missingTag } = policy;
  const isAt = (names: readonly string[]): boolean => names.some((name) => regionName(name) === regionName(location));
  return (
    (scope === undefined || isWithin(id, scope)) &&
    (resourceTypes === undefined
      ? type !== RESOURCE_GROUP
      : resourceTypes.some((name) => typeKey(name) === typeKey(type))) &&
    (locations === undefined || isAt(locations)) &&
    (notLocations === undefined || !isAt(notLocations)) &&
    (skus === undefined || (sku !== null && skus.some((name) => sameId(name, sku)))) &&
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

/** What a policy is called, and where it is assigned. */
function namesOf(policy: Policy, azure: Policies) {
  const name = policy.displayName ?? policy.name;
  const assignmentScope = policy.scope ?? `/subscriptions/${azure.subscriptionId}`;
  return {
    assignmentScope,
    assignment: { name, id: `${assignmentScope}/providers/Microsoft.Authorization/policyAssignments/${policy.name}` },
    definition: {
      name,
      id: `/subscriptions/${azure.subscriptionId}/providers/Microsoft.Authorization/policyDefinitions/${policy.name}`,
    },
  };
}

function disallowed(policy: Policy, name: string, azure: Policies): AzureError {
  const { assignmentScope, assignment, definition } = namesOf(policy, azure);
  const identifiers = JSON.stringify([{ policyAssignment: assignment, policyDefinition: definition }]);
  const violation: AdditionalInfo = {
    type: 'PolicyViolation',
    info: {
      policyDefinitionDisplayName: definition.name,
      policyDefinitionId: definition.id,
      policyDefinitionName: policy.name,
      policyDefinitionEffect: 'deny',
      policyAssignmentId: assignment.id,
      policyAssignmentName: policy.name,
      policyAssignmentDisplayName: assignment.name,
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

/*
 * Asking beforehand: what the policies of a place say to a resource of which the content is told. As Azure's own, it tells what is
 * not complied with alone, and what is only audited where that is asked for. Which fields would be restricted is told of those that
 * are named as pending; that is not emulated, so whoever names any is refused.
 */
const NAMESPACE = 'Microsoft.PolicyInsights';
const SUBSCRIPTION = '/subscriptions/{subscriptionId}';
const QUESTION = z.strictObject({
  resourceDetails: z.strictObject({
    resourceContent: z.looseObject({
      type: z.string().regex(/^[^/\s]+(\/[^/\s]+)+$/),
      name: z.string().optional(),
      location: z.string().optional(),
      tags: z.record(z.string(), z.string()).optional(),
    }),
    apiVersion: z.string().optional(),
    scope: z.string().optional(),
  }),
  pendingFields: z.array(z.never()).optional(),
  includeAuditEffect: z.boolean().optional(),
});

export const POLICY_ROUTES: readonly Route[] = [
  {
    ...{ operation: 'PolicyRestrictions_CheckAtSubscriptionScope', method: 'POST', effect: 'read', verb: 'read' },
    path: `${SUBSCRIPTION}/providers/${NAMESPACE}/checkPolicyRestrictions`,
    handle: (call, azure) => checked(`/subscriptions/${azure.subscriptionId}`, call, azure),
  },
  {
    ...{ operation: 'PolicyRestrictions_CheckAtResourceGroupScope', method: 'POST', effect: 'read', verb: 'read' },
    path: `${SUBSCRIPTION}/resourceGroups/{resourceGroupName}/providers/${NAMESPACE}/checkPolicyRestrictions`,
    handle: (call, azure) => checked(requireGroup(parameter(call, 'resourceGroupName'), azure).id, call, azure),
  },
];

function checked(scope: string, call: Call, azure: Azure): Answer {
  requireRegisteredNamespace(NAMESPACE, azure);
  const { resourceDetails, includeAuditEffect = false } = parseBody(QUESTION, call.body);
  const { resourceContent: content, apiVersion } = resourceDetails;
  const { type, name = '', location = '', tags = {} } = content;
  const isGroup = typeKey(type) === typeKey(RESOURCE_GROUP);
  const id = isGroup ? `${scope}/resourceGroups/${name}` : `${scope}/providers/${type}/${name}`;
  if (apiVersion !== undefined) requireKnownApiVersion(id, apiVersion, location);
  const written: Written = { id, type: isGroup ? RESOURCE_GROUP : type, location, tags, sku: skuIn(content) };
  const found = azure.settings.values.policies.filter(
    (policy) => (effectOf(policy) === 'deny' || includeAuditEffect) && concerns(policy, written),
  );
  const policyEvaluations = found.map((policy) => {
    const { assignment, definition } = namesOf(policy, azure);
    return {
      policyInfo: { policyDefinitionId: definition.id, policyAssignmentId: assignment.id },
      evaluationResult: 'NonCompliant',
      evaluationDetails: { evaluatedExpressions: [], reason: definition.name },
      effectDetails: { policyEffect: effectOf(policy) === 'deny' ? 'Deny' : 'Audit' },
    };
  });
  return ok({ fieldRestrictions: [], contentEvaluationResult: { policyEvaluations } });
}
