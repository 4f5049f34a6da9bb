import type { Content, ContentState, Inspection } from '@landfall/disk';
import { problemsText } from './plan-text.js';
import { formatTable } from './table.js';
import { formatBytes } from './units.js';

/** As a person reads it. */
export function inspectionText({ disks, volumeGroups, os, firmware, boots, problems }: Inspection): string {
  const sections = disks.map((disk) => {
    const title = `${disk.path}  ${formatBytes(disk.sizeBytes)}, ${disk.table ?? 'no partition table'}`;
    if (disk.partitions.length === 0)
      return `${title}\n  ${disk.state === null ? 'a table without partitions' : contentText(disk)}`;
    const rows = disk.partitions.map((partition) => [
      `  ${partition.number}`,
      formatBytes(partition.startByte),
      formatBytes(partition.sizeBytes),
      contentText(partition),
      partition.typeName ?? partition.type,
      partition.name ?? '',
    ]);
    return `${title}\n${formatTable(['  #', 'start', 'size', 'content', 'type', 'name'], rows)}`;
  });
  for (const group of volumeGroups) {
    const rows = group.logicalVolumes.map((volume) => [
      `  ${volume.name}`,
      formatBytes(volume.sizeBytes),
      volume.layout,
      contentText(volume),
    ]);
    sections.push(`Volume group ${group.name}\n${formatTable(['  volume', 'size', 'layout', 'content'], rows)}`);
  }
  sections.push(
    formatTable(
      ['System', os?.name ?? os?.family ?? 'not known'],
      [['Firmware', firmware ?? (boots.length > 1 ? boots.join(' and ') : 'nothing that boots was found')]],
    ),
  );
  if (problems.length > 0) {
    sections.push(`Problems\n${problemsText(problems)}`);
  }
  return sections.join('\n\n');
}

interface Seen {
  readonly content: Content | null;
  readonly inner?: Content | null;
  readonly state: ContentState | null;
}

/** Three things that must not look alike: there is nothing, it can't be looked into, and nobody knows what it is. */
function contentText({ content, inner, state }: Seen): string {
  const named = [content, inner ?? null]
    .filter((one) => one !== null)
    .map(({ type, label, uuid }) => [type, label === null ? null : `"${label}"`, uuid].filter(Boolean).join(' '));
  if (state === 'empty') return 'empty';
  if (state === 'unknown') return 'not known';
  if (state === 'closed') return [...named, "can't be looked into"].join(', ');
  return named.join(' with ') || '-';
}
