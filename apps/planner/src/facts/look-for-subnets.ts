import { networkOf, type CloudSubnet, type TargetFacts } from '@landfall/domain';
import type { TargetReader } from './asked-once.js';

/** Each network is read once, and nothing that lies in it. */
export async function lookForSubnets(
  cloud: TargetReader,
  groupName: string | null,
  namedId: string | null,
  workerId: string | null,
): Promise<Pick<TargetFacts, 'subnet' | 'subnetsInResourceGroup' | 'workerSubnet'>> {
  const subnetsInResourceGroup = groupName === null ? [] : await cloud.subnetsIn(groupName);
  const known = new Set(subnetsInResourceGroup.map(({ azureId }) => networkOf(azureId).toLowerCase()));
  const elsewhere = new Set(
    [namedId, workerId]
      .flatMap((id) => (id === null ? [] : networkOf(id).toLowerCase()))
      .filter((id) => !known.has(id)),
  );
  const others = await Promise.all([...elsewhere].map((networkId) => cloud.subnetsOf(networkId)));
  const withId = (id: string | null): CloudSubnet | null =>
    [...subnetsInResourceGroup, ...others.flat()].find(({ azureId }) => azureId.toLowerCase() === id?.toLowerCase()) ??
    null;
  return { subnet: withId(namedId), subnetsInResourceGroup, workerSubnet: withId(workerId) };
}
