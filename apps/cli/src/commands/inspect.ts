import { inspectPaths, type Content, type Inspection } from '@landfall/disk';
import type { Call } from '../command-line.js';
import { formatTable } from '../output/table.js';
import { formatBytes } from '../output/units.js';

/** Looks into disk images or block devices of this machine, in the order of a computer's disks. */
export async function inspect({ args, output }: Call): Promise<void> {
  const inspection = await inspectPaths(args);
  output.print(inspection, () => inspectionText(inspection));
}

function inspectionText({ disks, volumeGroups, os, firmware, boots, problems }: Inspection): string {
  const sections = disks.map((disk) => {
    const title = `${disk.path}  ${formatBytes(disk.sizeBytes)}, ${disk.table ?? 'no partition table'}`;
    if (disk.partitions.length === 0) return `${title}\n  ${contentText(disk.content)}`;
    const rows = disk.partitions.map((partition) => [
      `  ${partition.number}`,
      formatBytes(partition.startByte),
      formatBytes(partition.sizeBytes),
      contentText(partition.content),
      partition.name ?? partition.type,
    ]);
    return `${title}\n${formatTable(['  #', 'start', 'size', 'content', 'name or type'], rows)}`;
  });
  for (const group of volumeGroups) {
    const rows = group.logicalVolumes.map((volume) => [
      `  ${volume.name}`,
      formatBytes(volume.sizeBytes),
      volume.layout,
      contentText(volume.content),
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
    sections.push(
      `Problems\n${problems.map(({ code, message, fix }) => `  ${code}: ${message}\n    ${fix}`).join('\n')}`,
    );
  }
  return sections.join('\n\n');
}

function contentText(content: Content | null): string {
  if (content === null) return '-';
  return [content.type, content.label === null ? null : `"${content.label}"`, content.uuid].filter(Boolean).join(' ');
}
