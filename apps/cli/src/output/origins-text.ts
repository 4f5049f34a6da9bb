import type { PointView } from '@landfall/contract';
import { formatTable } from './table.js';
import { formatTime } from './units.js';

type Origin = PointView['disks'][number]['origin'];

/** Where the images of these disks were, and when: what tells two machines of one name apart. Nothing where none is known. */
export function originsText(
  disks: readonly { readonly name: string; readonly origin?: Origin | undefined }[],
): string[] {
  const rows = disks.flatMap(({ name, origin }) =>
    origin === null || origin === undefined
      ? []
      : [[`  ${name}`, origin.host || '-', formatTime(origin.takenAt), origin.tags.join(', ') || '-', origin.path]],
  );
  return rows.length === 0 ? [] : [`Images\n${formatTable(['  disk', 'host', 'taken', 'tags', 'path'], rows)}`];
}
