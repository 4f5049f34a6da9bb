import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExtFileSystem } from './file-systems/ext.js';
import { ImageFolder, needs, tool, withImage } from './image-tools.fixture.test.js';
import { inspectPaths } from './inspect-paths.js';

/* What is read of images is held against what blkid and sfdisk say of them; the recorded images cover it as well. */

describe('images that the tools of this machine make', () => {
  let folder: ImageFolder;
  const path = (name: string): string => folder.path(name);
  const blank = (name: string, mib: number): Promise<string> => folder.blank(name, mib);

  beforeAll(async () => {
    folder = await ImageFolder.make();
  });
  afterAll(async () => {
    await folder.remove();
  });

  for (const [type, program, mib, ...args] of [
    ['ext2', 'mkfs.ext2', 8, '-q', '-L', 'one'],
    ['ext3', 'mkfs.ext3', 16, '-q', '-L', 'two'],
    ['ext4', 'mkfs.ext4', 16, '-q'],
    ['swap', 'mkswap', 8, '-q', '-L', 'pages'],
    ['xfs', 'mkfs.xfs', 320, '-q', '-L', 'three'],
    ['btrfs', 'mkfs.btrfs', 120, '-q', '-L', 'four'],
    ['vfat', 'mkfs.fat', 64, '-n', 'FIVE'],
    ['ntfs', 'mkntfs', 16, '-q', '-F', '-L', 'six'],
  ] as const) {
    it(`hold ${type} as blkid prints it`, async () => {
      await needs(program, 'blkid');
      const image = await blank(`${type}.raw`, mib);
      await tool(program, ...args, image);
      const { stdout } = await tool('blkid', '-p', '-o', 'export', image);
      const told = new Map(stdout.split('\n').map((line) => line.split('=', 2) as [string, string]));
      expect((await inspectPaths([image])).disks[0]?.content).toStrictEqual({
        type: told.get('TYPE'),
        version: told.get('VERSION') ?? null,
        label: told.get('LABEL') ?? null,
        uuid: told.get('UUID') ?? null,
      });
    });
  }

  for (const [label, script] of [
    ['dos', 'label: dos\nsize=4M,type=83,bootable\nsize=2M,type=ef\ntype=5\nsize=1M,type=82\nsize=1M,type=8e\n'],
    ['gpt', 'label: gpt\nsize=4M,type=U,name="system"\nsize=1M,type=L\nsize=2M,type=V,name="äöü"\n'],
  ] as const) {
    it(`have the ${label} table that sfdisk lists`, async () => {
      await needs('sfdisk', 'sh');
      const image = await blank(`${label}.raw`, 32);
      await writeFile(path('script'), script);
      await tool('sh', '-c', 'sfdisk -q "$1" < "$2"', 'sh', image, path('script'));
      const { stdout } = await tool('sfdisk', '--json', image);
      const { partitiontable: table } = JSON.parse(stdout) as {
        partitiontable: { partitions: { node: string; start: number; size: number; type: string; name?: string }[] };
      };
      const partitions = (await inspectPaths([image])).disks[0]?.partitions ?? [];
      const told = partitions.map(({ number, type, name, startByte, sizeBytes }) => ({
        ...{ number, type, name, startByte, sizeBytes },
      }));
      expect(told).toStrictEqual(
        table.partitions.map((partition) => ({
          number: Number(partition.node.slice(image.length)),
          type: partition.type,
          name: partition.name ?? null,
          startByte: partition.start * 512,
          sizeBytes: partition.size * 512,
        })),
      );
    });
  }

  for (const [type, ...features] of [
    ['ext2'],
    ['ext3'],
    ['ext4'],
    ['ext4', '-b', '1024', '-O', '^64bit'],
    ['ext4', '-b', '4096', '-I', '512', '-O', '^metadata_csum'],
    ['ext4', '-b', '1024', '-g', '1024', '-O', 'meta_bg,^resize_inode'],
  ] as const) {
    it(`give back the files in ${[type, ...features].join(' ')}, in large directories and long files too`, async () => {
      await needs(`mkfs.${type}`);
      const label = [type, ...features].join('');
      const tree = path(`tree-${label}`);
      await mkdir(join(tree, 'etc'), { recursive: true });
      // 700 entries take several blocks; 600 KiB of a list of blocks need a second level.
      for (let number = 0; number < 700; number += 1)
        await writeFile(join(tree, 'etc', `a-rather-long-name-${number}`), `${number}`);
      const long = Buffer.alloc(600 * 1024, 'landfall ');
      await writeFile(join(tree, 'long'), long);
      const image = await blank(`files-${label}.raw`, 64);
      await tool(`mkfs.${type}`, '-q', ...features, '-d', tree, image);
      await withImage(image, async (reader) => {
        const ext = await ExtFileSystem.open(reader);
        for (const number of [0, 350, 699]) {
          expect((await ext.readFile(`/etc/a-rather-long-name-${number}`))?.toString()).toBe(`${number}`);
        }
        const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
        expect(digest((await ext.readFile('/long'))!)).toBe(digest(long));
      });
    });
  }
});
