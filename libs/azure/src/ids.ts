import { BadInputError, CLOUD_KINDS, type GroupedKind, sameId } from '@landfall/domain';

/*
 * Azure resource IDs. Azure compares them without regard to case and gives them back in whatever case it likes, so
 * two IDs are compared with `sameId` only.
 */
export interface ResourcePath {
  readonly resourceGroup: string;
  readonly name: string;
}

export { sameId };

/** The parts of an ID of this kind and subscription, or null when it is something else. */
export function parseResourceId(id: string, subscriptionId: string, kind: GroupedKind): ResourcePath | null {
  return parsePath(id, subscriptionId, CLOUD_KINDS[kind].armType);
}

function parsePath(id: string, subscriptionId: string, type: string): ResourcePath | null {
  const parts = id.split('/');
  const [empty, subscriptions, subscription, groups, resourceGroup, providers, namespace, kind, name] = parts;
  if (parts.length !== 9 || empty !== '' || !resourceGroup || !name) return null;
  const heads = `${subscriptions}/${subscription}/${groups}/${providers}/${namespace}/${kind}`;
  if (!sameId(heads, `subscriptions/${subscriptionId}/resourceGroups/providers/${type}`)) return null;
  return { resourceGroup, name };
}

/** @throws BadInputError `AZURE_ID_INVALID` */
export function requireResourceId(id: string, subscriptionId: string, kind: GroupedKind): ResourcePath {
  const path = parseResourceId(id, subscriptionId, kind);
  if (path !== null) return path;
  throw new BadInputError({
    code: 'AZURE_ID_INVALID',
    message: `"${id}" is not the ID of a ${CLOUD_KINDS[kind].armType} in the subscription ${subscriptionId}.`,
    fix: 'Give the full resource ID as Azure shows it, from the subscription that Landfall works in.',
  });
}

/** Of an ID that Azure itself has given, of whatever type in a resource group. */
export function resourcePathOf(id: string): ResourcePath {
  const parts = id.split('/');
  return { resourceGroup: parts[4] ?? '', name: parts[8] ?? '' };
}

export function parseNetworkId(id: string, subscriptionId: string): ResourcePath | null {
  return parsePath(id, subscriptionId, 'Microsoft.Network/virtualNetworks');
}

/** @throws BadInputError `AZURE_ID_INVALID` */
export function requireResourceGroupId(id: string, subscriptionId: string): string {
  const name = parseResourceGroupId(id, subscriptionId);
  if (name !== null) return name;
  throw new BadInputError({
    code: 'AZURE_ID_INVALID',
    message: `"${id}" is not the ID of a resource group in the subscription.`,
    fix: 'Give the full ID as Azure shows it.',
  });
}

export function parseResourceGroupId(id: string, subscriptionId: string): string | null {
  const [empty, subscriptions, subscription, groups, name, ...rest] = id.split('/');
  if (empty !== '' || rest.length > 0 || !name) return null;
  const heads = `${subscriptions}/${subscription}/${groups}`;
  return sameId(heads, `subscriptions/${subscriptionId}/resourceGroups`) ? name : null;
}
