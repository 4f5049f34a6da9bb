import type { Findings } from '../findings.js';
import type { Place } from '../machine/operating-system.js';
import { readHead } from '../readers.js';
import { raidShape } from './containers.js';
import { btrfsDevice } from './unix-file-systems.js';

/*
 * What lies on several disks at once, apart from LVM: btrfs, and Linux RAID. Each part tells how many there are, so that one
 * that is missing is noticed.
 */
interface Spread {
  readonly what: string;
  readonly parts: Set<string>;
  needed: number;
  first: Place['reader'];
}

export class SpreadVolumes {
  readonly #spread = new Map<string, Spread>();

  async add({ reader, content, description }: Place): Promise<void> {
    if (content.type === 'btrfs') {
      const { device, devices } = btrfsDevice(await readHead(reader, 68 * 1024));
      this.#note('btrfs', content, `${device}`, devices, reader);
    } else if (content.type === 'linux_raid_member') {
      const shape = await raidShape(reader, content.version);
      this.#note('RAID array', content, shape === null ? description : `${shape.device}`, shape?.needed ?? 1, reader);
    }
  }

  /** Of the members of an array, which all hold the same: whether this is the one that was seen first. */
  isFirstOf({ reader, content }: Place): boolean {
    return this.#spread.get(keyOf(content))?.first === reader;
  }

  tell(findings: Findings): void {
    for (const { what, parts, needed } of this.#spread.values()) {
      if (parts.size >= needed) continue;
      findings.problem(
        'VOLUME_INCOMPLETE',
        `${what} lies on ${needed} disks or partitions, of which ${parts.size === 1 ? 'one is' : `${parts.size} are`} here: without the others it can't be used.`,
        'Look into all disks of the machine together, and restore them together.',
      );
    }
  }

  #note(kind: string, content: Place['content'], part: string, needed: number, reader: Place['reader']): void {
    const name = content.label ?? content.uuid ?? 'without a name';
    const known = this.#spread.get(keyOf(content)) ?? {
      what: `The ${kind} "${name}"`,
      parts: new Set(),
      needed,
      first: reader,
    };
    known.parts.add(part);
    this.#spread.set(keyOf(content), known);
  }
}

function keyOf({ type, uuid }: Place['content']): string {
  return `${type} ${uuid ?? ''}`;
}
