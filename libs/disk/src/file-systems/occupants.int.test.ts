import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { link, mkdir, open, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ByteReader } from '@landfall/domain';
import { ImageFolder, MIB, needs, tool, withImage } from '../image-tools.fixture.test.js';
import { Care, CarefulReader } from '../occupants/careful-reader.js';
import type { Occupants } from '../occupants/claims.js';
import { extOccupants } from './ext-occupants.js';
import { fatOccupants } from './fat-occupants.js';

/*
 * Whose a block is, held against what debugfs says of every one that was picked: icheck for its inode, ncheck for the
 * inode's names, testb for whether it is in use.
 */
const PLENTY = { bytes: 256 * MIB, steps: 1_000_000, milliseconds: 120_000 };
const PICKED = 40;

async function occupantsAt(
  image: ByteReader,
  offsets: readonly number[],
  length: number,
): Promise<readonly Occupants[]> {
  const care = new Care(PLENTY);
  const ranges = offsets.map((offset) => ({ offset, length }));
  return extOccupants(new CarefulReader(image, care), ranges, care);
}

describe('what lies in a range of an ext file system', () => {
  let folder: ImageFolder;

  beforeAll(async () => {
    folder = await ImageFolder.make();
    const put = async (path: string, bytes: number): Promise<void> => {
      await mkdir(dirname(folder.path('tree', path)), { recursive: true });
      await writeFile(folder.path('tree', path), Buffer.alloc(bytes, path));
    };
    for (let number = 0; number < 300; number += 1) await put(`etc/a-rather-long-name-${number}`, 100 + number * 31);
    for (let number = 0; number < 40; number += 1) await put(`srv/${number}/deep/er/still/file`, 5_000 * number);
    await put('var/lib/database/main.ibd', 9 * MIB);
    await put('var/log/syslog', 300_000);
    await put('var/log/two\nlines\u001b[31m', 30_000);
    await link(folder.path('tree/var/log/syslog'), folder.path('tree/var/log/same'));
    await symlink('x'.repeat(200), folder.path('tree/var/long-link'));
    const sparse = await open(folder.path('tree/var/sparse'), 'w');
    for (let piece = 0; piece < 300; piece += 1) await sparse.write(Buffer.alloc(4096, 7), 0, 4096, piece * 64 * 1024);
    await sparse.close();
  });
  afterAll(async () => {
    await folder.remove();
  });

  for (const features of [
    ['ext2', '-b', '1024'],
    ['ext3', '-b', '4096'],
    ['ext4'],
    ['ext4', '-b', '1024', '-I', '512', '-O', '^64bit,^flex_bg'],
    ['ext4', '-b', '1024', '-g', '1024', '-O', 'meta_bg,^resize_inode'],
    ['ext4', '-b', '2048', '-O', 'sparse_super2,^metadata_csum'],
    ['ext4', '-O', 'bigalloc', '-C', '16384'],
  ] as const) {
    it(`is what debugfs says, in ${features.join(' ')}`, async () => {
      const [type, ...options] = features;
      await needs(`mkfs.${type}`, 'debugfs');
      const image = await folder.blank(`${features.join('')}.raw`, 64);
      await tool(`mkfs.${type}`, '-q', ...options, '-d', folder.path('tree'), image);
      const debugfs = async (request: string): Promise<string> => (await tool('debugfs', '-R', request, image)).stdout;
      const blockBytes = Number(/Block size:\s+(\d+)/.exec(await debugfs('stats -h'))![1]);
      const blocks = Array.from({ length: PICKED }, (_, index) =>
        Math.floor(((index + 0.37) * 64 * MIB) / PICKED / blockBytes),
      );
      const data = await debugfs('blocks /var/lib/database/main.ibd');
      blocks.push(Number(data.trim().split(/\s+/)[100]));

      const inodes = linesOf(await debugfs(`icheck ${blocks.join(' ')}`)).map((line) => Number(line.split('\t')[1]));
      await writeFile(folder.path('requests'), blocks.map((block) => `testb ${block} 1\n`).join(''));
      const { stdout: tested } = await tool('debugfs', '-f', folder.path('requests'), image);
      const inUse = [...tested.matchAll(/^Block \d+ (not|marked) in use$/gm)].map(([, word]) => word === 'marked');
      expect(inUse.length).toBe(blocks.length);
      const owners = [...new Set(inodes.filter((inode) => inode > 0))];
      const names = new Map<number, string[]>();
      for (const line of linesOf(await debugfs(`ncheck ${owners.join(' ')}`))) {
        const [inode, name] = line.split('\t');
        names.set(Number(inode), [...(names.get(Number(inode)) ?? []), name!]);
      }
      expect(names.size).toBeGreaterThan(1);

      await withImage(image, async (reader) => {
        const told = await occupantsAt(
          reader,
          blocks.map((block) => block * blockBytes),
          blockBytes,
        );
        for (const [index, block] of blocks.entries()) {
          const { holds, files, notNamed } = told[index]!;
          const its = names.get(inodes[index]!);
          const seen = { block, holds: holds.join(), name: files[0]?.replace(/\/$/, ''), notNamed };
          if (its === undefined) {
            // Of a cluster debugfs tells the owner of those blocks alone that hold something.
            const slack = inUse[index]! && files.length > 0 && features.some((one) => one === 'bigalloc');
            const expected = { block, holds: inUse[index]! ? 'structures' : 'free', name: undefined, notNamed: null };
            if (!slack) expect(seen).toStrictEqual(expected);
          } else {
            expect(seen).toMatchObject({ block, holds: 'files', notNamed: null });
            expect(its).toContain(seen.name);
          }
        }
      });
    });
  }

  it('is all files of it up to twenty names, and how many more', async () => {
    await needs('mkfs.ext4');
    const image = await folder.blank('many.raw', 64);
    await tool('mkfs.ext4', '-q', '-d', folder.path('tree'), image);
    await withImage(image, async (reader) => {
      const [all] = await occupantsAt(reader, [0], 64 * MIB);
      expect(all!.holds).toStrictEqual(['structures', 'files', 'free']);
      expect(all!.files.length).toBe(20);
      expect(all!.moreFiles).toBeGreaterThan(300);
    });
  });

  it('is told on one line, whatever a name holds', async () => {
    await needs('mkfs.ext4', 'debugfs');
    const image = await folder.blank('names.raw', 64);
    await tool('mkfs.ext4', '-q', '-b', '4096', '-d', folder.path('tree'), image);
    const { stdout } = await tool('debugfs', '-R', 'ls -l /var/log', image);
    const inode = /^\s*(\d+)\s.*two/m.exec(stdout)![1]!;
    const { stdout: blocks } = await tool('debugfs', '-R', `blocks <${inode}>`, image);
    await withImage(image, async (reader) => {
      const [one] = await occupantsAt(reader, [Number(blocks.trim().split(/\s+/)[0]) * 4096], 4096);
      expect(one!.files).toStrictEqual(['/var/log/two\ufffdlines\ufffd[31m']);
    });
  });
});

/** Without the header. */
function linesOf(text: string): readonly string[] {
  return text.trim().split('\n').slice(1);
}

describe('what lies in a range of a FAT file system', () => {
  let folder: ImageFolder;
  const lines = (name: string, bytes: number): string => {
    let text = '';
    for (let line = 0; text.length < bytes; line += 1) text += `${name}#${line};\n`;
    return text;
  };

  beforeAll(async () => {
    folder = await ImageFolder.make();
  });
  afterAll(async () => {
    await folder.remove();
  });

  for (const [bits, mib, sectors] of [
    [12, 3, 2],
    [16, 24, 1],
    [32, 64, 1],
  ] as const) {
    it(`is the file whose text lies there, in pieces as well, in FAT${bits}`, async () => {
      await needs('mkfs.vfat', 'mcopy', 'mmd', 'mdel');
      const image = await folder.blank(`fat${bits}.raw`, mib);
      await tool('mkfs.vfat', '-F', `${bits}`, '-s', `${sectors}`, image);
      const copy = async (name: string, bytes: number, to = `::/${name}`): Promise<void> => {
        await writeFile(folder.path('one'), lines(name, bytes));
        await tool('mcopy', '-o', '-i', image, folder.path('one'), to);
      };
      await tool('mmd', '-i', image, '::/EFI', '::/EFI/A folder with a long name');
      for (let number = 0; number < 24; number += 1) await copy(`small${number}`, 2500);
      for (let number = 0; number < 24; number += 2) await tool('mdel', '-i', image, `::/small${number}`);
      await copy('kernel', 400_000, '::/EFI/A folder with a long name/A kernel, größer.img');
      await withImage(image, async (reader) => {
        const all = await reader.read(0, reader.sizeBytes);
        const wanted = [
          ...[1, 5, 11, 23].map((number) => [`small${number}#150;`, `/small${number}`] as const),
          ...Array.from(
            { length: 30 },
            (_, index) =>
              [`kernel#${index * 900 + 40};`, '/EFI/A folder with a long name/A kernel, größer.img'] as const,
          ),
        ];
        const ranges = wanted.map(([text]) => ({ offset: all.indexOf(text), length: 1 }));
        expect(Math.min(...ranges.map(({ offset }) => offset))).toBeGreaterThan(0);
        const care = new Care(PLENTY);
        const told = await fatOccupants(new CarefulReader(reader, care), ranges, care);
        expect(told).toStrictEqual(
          wanted.map(([, name]) => ({ holds: ['files'], files: [name], moreFiles: 0, notNamed: null })),
        );
        const list = { offset: all.indexOf('A\0 \0k\0', 0, 'latin1'), length: 1 };
        const [folderList] = await fatOccupants(new CarefulReader(reader, care), [list], care);
        expect(folderList!.files).toStrictEqual(['/EFI/A folder with a long name/']);
      });
    });
  }
});
