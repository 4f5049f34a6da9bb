/*
 * Azure resource ids are compared without regard to case, and kept as their creator wrote them. `keyOf` gives the
 * form in which two ids of one resource are equal.
 */
export interface ResourceAddress {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  /** Such as `Microsoft.Compute/disks`; nested types as `Microsoft.Network/virtualNetworks/subnets`. */
  readonly type: string;
  /** The last name; nested resources carry their parents' names in `names`. */
  readonly name: string;
  readonly names: readonly string[];
}

export function keyOf(id: string): string {
  return id.toLowerCase();
}

export function sameId(a: string | null | undefined, b: string | null | undefined): boolean {
  return typeof a === 'string' && typeof b === 'string' && keyOf(a) === keyOf(b);
}

export function resourceGroupId(subscriptionId: string, name: string): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/${name}`;
}

/** `type` names the provider and one resource type, such as `Microsoft.Compute/disks`. */
export function resourceId(subscriptionId: string, resourceGroup: string, type: string, name: string): string {
  return `${resourceGroupId(subscriptionId, resourceGroup)}/providers/${type}/${name}`;
}

/** Null for anything that is not the id of a resource in a resource group. */
export function parseResourceId(id: string): ResourceAddress | null {
  const match = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/([^/]+)((?:\/[^/]+\/[^/]+)+)$/i.exec(
    id,
  );
  if (match === null) return null;
  const [, subscriptionId, resourceGroup, provider, rest] = match;
  if (subscriptionId === undefined || resourceGroup === undefined || provider === undefined || rest === undefined) {
    return null;
  }
  const segments = rest.split('/').slice(1);
  const types = segments.filter((_, index) => index % 2 === 0);
  const names = segments.filter((_, index) => index % 2 === 1);
  const name = names.at(-1);
  if (name === undefined) return null;
  return { subscriptionId, resourceGroup, type: [provider, ...types].join('/'), name, names };
}

export function resourceGroupOf(id: string): string {
  return /\/resourceGroups\/([^/]+)/i.exec(id)?.[1] ?? '';
}

export function nameOf(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}
