import type { RestoreRequest } from '../request.js';

/** How to ask for the disks alone: the original place has no use for them. */
export function disksAlone({ destination }: RestoreRequest): string {
  return destination.kind === 'original' ? '--to new --disks-only' : '--disks-only';
}
