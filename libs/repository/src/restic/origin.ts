import { type DiskOrigin, printable } from '@landfall/domain';
import { plainName } from './quoted-name.js';
import type { Snapshot } from './snapshots.js';

/** As many as a person compares; a snapshot of somebody else's could have thousands. */
const MOST_TAGS = 32;

/**
 * Where an image was when it was backed up. Its path in the snapshot's tree has lost what stood before a relative path;
 * the paths that restic was called with, which it keeps made absolute, still have it.
 * @param path of quoted names
 */
export function originOf(snapshot: Snapshot, path: readonly string[]): DiskOrigin {
  const names = path.map(plainName);
  const found = snapshot.paths.map((given) => joined(given, names)).filter((one) => one !== null);
  const [best] = found.toSorted((left, right) => right.shared - left.shared);
  return {
    host: printable(snapshot.hostname),
    path: printable(best?.path ?? `/${names.join('/')}`),
    tags: snapshot.tags.slice(0, MOST_TAGS).map(printable),
    takenAt: snapshot.takenAt.toISOString(),
  };
}

/** The path that was given, and what of the tree's lies below it; null where the two share nothing. */
function joined(given: string, names: readonly string[]): { path: string; shared: number } | null {
  const separator = given.startsWith('/') ? '/' : /\\/.test(given) ? '\\' : '/';
  // restic keeps the drive of Windows as a folder without its colon.
  const parts = given
    .split(separator)
    .filter((part) => part !== '')
    .map((part) => printable(part.replace(/^([A-Za-z]):$/, '$1')));
  for (let shared = Math.min(parts.length, names.length); shared > 0; shared -= 1) {
    const end = parts.slice(-shared);
    if (!end.every((part, index) => part === names[index])) continue;
    return { path: [given.replace(/[/\\]$/, ''), ...names.slice(shared)].join(separator), shared };
  }
  return null;
}
