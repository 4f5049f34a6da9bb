import type { Kept } from '../state/records.js';

/**
 * The properties of a network resource, in which the entries of some lists are resources themselves: with their ids, the
 * etag of the whole, and its state.
 */
export function withChildren(
  owner: { readonly id: string; readonly type: string; readonly etag: string; readonly provisioningState: string },
  kept: Kept,
  collections: readonly string[],
): Kept {
  const lists = collections.flatMap((collection) => {
    const entries = kept[collection];
    if (!Array.isArray(entries)) return [];
    return [[collection, (entries as readonly Kept[]).map((entry) => childView(owner, collection, entry))] as const];
  });
  return { ...kept, ...Object.fromEntries(lists) };
}

function childView(owner: Parameters<typeof withChildren>[0], collection: string, entry: Kept): Kept {
  return {
    name: entry['name'],
    id: `${owner.id}/${collection}/${String(entry['name'])}`,
    etag: `W/"${owner.etag}"`,
    type: `${owner.type}/${collection}`,
    properties: { ...(entry['properties'] as Kept | undefined), provisioningState: owner.provisioningState },
  };
}
