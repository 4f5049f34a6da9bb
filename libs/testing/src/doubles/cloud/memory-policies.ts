import { resourceGroupId, resourceId, type CloudPolicies, type PolicyAnswer, type ToBeMade } from '@landfall/domain';
import { isWithin, type MemorySubscription } from './memory-subscription.js';

const AUTHORIZATION = 'providers/Microsoft.Authorization';

export class MemoryPolicies implements CloudPolicies {
  constructor(private readonly subscription: MemorySubscription) {}

  async denying(wanted: ToBeMade): Promise<PolicyAnswer> {
    const { id: subscriptionId, policies, policiesUntold } = this.subscription;
    if (policiesUntold !== null) return { denials: [], untold: policiesUntold };
    const kind = wanted.kind === 'vm-anew' ? 'vm' : wanted.kind;
    const id = idOf(wanted, subscriptionId);
    const denying = policies.filter((each) => each.effect === 'deny' && each.kind === kind && isWithin(id, each.scope));
    return {
      denials: denying.map(({ name, scope }) => ({
        assignmentId: `${scope}/${AUTHORIZATION}/policyAssignments/${name}`,
        definitionId: `/subscriptions/${subscriptionId}/${AUTHORIZATION}/policyDefinitions/${name}`,
        reason: null,
      })),
      untold: null,
    };
  }
}

function idOf(wanted: ToBeMade, subscriptionId: string): string {
  if (wanted.kind === 'vm-anew') return wanted.spec.saved.vm.azureId;
  const { kind, spec } = wanted;
  return kind === 'resource-group'
    ? resourceGroupId(subscriptionId, spec.name)
    : resourceId(subscriptionId, spec.resourceGroup, kind, spec.name);
}
