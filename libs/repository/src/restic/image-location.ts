import { imageNotFound } from './errors.js';

/*
 * Where a disk image lies: `SNAPSHOT.TREE:/NAME/…/NAME`, the full ids of the snapshot and of its root tree, and the path of
 * quoted names (see quoted-name.ts; a quoted name holds no `/`). The tree is what counts: it is there until the repository is
 * pruned, also when the snapshot was forgotten meanwhile. Locations that were found before trees stood in them have none.
 */
const LOCATION = /^([0-9a-f]{64})(?:\.([0-9a-f]{64}))?:((?:\/[^/]+)+)$/s;

export interface ImageLocation {
  /** 64 hexadecimal digits. */
  readonly snapshot: string;
  /** 32 bytes; null: to be looked up in the snapshot. */
  readonly tree: Buffer | null;
  readonly path: readonly string[];
}

export function imageLocation(
  snapshot: { readonly id: string; readonly tree: Buffer },
  path: readonly string[],
): string {
  return `${snapshot.id}.${snapshot.tree.toString('hex')}:/${path.join('/')}`;
}

/** @throws PermanentError `IMAGE_NOT_FOUND` for what is no location */
export function parseLocation(location: string): ImageLocation {
  const [, snapshot, tree, path] = LOCATION.exec(location) ?? [];
  if (snapshot === undefined || path === undefined) throw imageNotFound(location);
  return { snapshot, tree: tree === undefined ? null : Buffer.from(tree, 'hex'), path: path.slice(1).split('/') };
}
