import { imageNotFound } from './errors.js';

/*
 * Where a disk image lies: `SNAPSHOT:/NAME/…/NAME`, the snapshot's full id and the path of quoted names (see
 * quoted-name.ts; a quoted name holds no `/`).
 */
const LOCATION = /^([0-9a-f]{64}):((?:\/[^/]+)+)$/s;

export function imageLocation(snapshot: string, path: readonly string[]): string {
  return `${snapshot}:/${path.join('/')}`;
}

/** @throws PermanentError `IMAGE_NOT_FOUND` for what is no location */
export function parseLocation(location: string): { snapshot: string; path: string[] } {
  const [, snapshot, path] = LOCATION.exec(location) ?? [];
  if (snapshot === undefined || path === undefined) throw imageNotFound(location);
  return { snapshot, path: path.slice(1).split('/') };
}
