import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { readRecordedImages, SparseImage, writeGpt, writeMbr } from '@landfall/testing';
import { Findings } from '../findings.js';
import { readPartitionTable } from './table.js';

interface Sfdisk {
  readonly label: 'dos' | 'gpt';
  readonly partitions?: readonly {
    readonly node: string;
    readonly start: number;
    readonly size: number;
    readonly type: string;
    readonly name?: string;
    readonly bootable?: boolean;
  }[];
}
const images = readRecordedImages<{ readonly sfdisk?: Sfdisk }>(new URL('../../fixtures/images.json', import.meta.url));
const MIB = 1024 * 1024;
const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

async function read(image: SparseImage) {
  const findings = new Findings();
  const table = await readPartitionTable(image, 'sda', findings);
  return {
    table,
    codes: findings.all().map((problem) => problem.code),
    messages: findings.all().map((one) => one.message),
  };
}

describe('a partition table', () => {
  for (const { name, facts, image } of images.values()) {
    if (facts.sfdisk === undefined) continue;
    const { label, partitions = [] } = facts.sfdisk;
    it(`made by sfdisk (${name}) is read as sfdisk lists it`, async () => {
      const { table, codes } = await read(image());
      expect(table?.kind).toBe(label === 'dos' ? 'mbr' : 'gpt');
      expect(table!.partitions.map((one) => ({ ...one, extended: undefined }))).toStrictEqual(
        partitions.map((one) => ({
          number: Number(/\d+$/.exec(one.node)?.[0]),
          type: one.type,
          name: one.name ?? null,
          startByte: one.start * 512,
          sizeBytes: one.size * 512,
          bootable: one.bootable ?? false,
          extended: undefined,
        })),
      );
      expect(codes).toStrictEqual([]);
    });
  }

  it('is none where there is none', async () => {
    expect((await read(new SparseImage(MIB))).table).toBe(null);
    expect((await read(new SparseImage(100))).table).toBe(null);
    expect((await read(images.get('ext4')!.image())).table).toBe(null);
  });
});

describe('a GPT', () => {
  const gpt = (): SparseImage => images.get('gpt')!.image();

  it('is read from its backup where the primary is damaged, and says so', async () => {
    const { table: whole } = await read(gpt());
    for (const [what, offset] of [
      ['header', 512 + 20],
      ['array', 1024 + 40],
    ] as const) {
      const damaged = gpt();
      damaged.write(offset, Buffer.from([damaged.peek(offset, 1)[0]! ^ 1]));
      const { table, codes, messages } = await read(damaged);
      assert.deepEqual(table?.partitions, whole?.partitions, what);
      expect(codes).toStrictEqual(['TABLE_DAMAGED']);
      expect(messages[0]!).toMatch(/backup/);
    }
  });

  it('without a good copy has no partitions, and says so', async () => {
    const image = gpt();
    image.write(512, Buffer.alloc(512)).write(image.sizeBytes - 512, Buffer.alloc(512));
    const { table, codes } = await read(image);
    expect(table?.kind).toBe('gpt');
    expect(table!.partitions).toStrictEqual([]);
    expect(codes).toStrictEqual(['TABLE_DAMAGED']);
  });

  it('is read behind an overwritten first sector', async () => {
    const { table, codes } = await read(gpt().write(0, Buffer.alloc(512)));
    expect(table?.partitions.length).toBe(3);
    expect(codes).toStrictEqual(['TABLE_DAMAGED']);
  });

  it('is not read where an MBR with partitions of its own stands in front', async () => {
    const image = writeMbr(gpt(), [{ type: 0x83, firstSector: 2048, sectors: 2048 }]);
    expect((await read(image)).table?.kind).toBe('mbr');
  });

  it('is read with sectors of 4096 bytes', async () => {
    const image = writeGpt(
      new SparseImage(64 * MIB),
      [{ type: LINUX, firstSector: 256, lastSector: 511, name: 'root' }],
      {
        sectorBytes: 4096,
      },
    );
    const { table } = await read(image);
    expect(table?.sectorBytes).toBe(4096);
    expect(table!.partitions.map(({ startByte, sizeBytes, name }) => ({ startByte, sizeBytes, name }))).toStrictEqual([
      { startByte: MIB, sizeBytes: MIB, name: 'root' },
    ]);
  });

  it('passes over partitions that the disk does not hold, by number', async () => {
    const image = writeGpt(new SparseImage(4 * MIB), [
      { type: LINUX, firstSector: 2048, lastSector: 4095 },
      { type: LINUX, firstSector: 4096, lastSector: 99_999 },
      { type: LINUX, firstSector: 5000, lastSector: 4000 },
    ]);
    const { table, codes, messages } = await read(image);
    expect(table?.partitions.map((one) => one.number)).toStrictEqual([1]);
    expect(codes).toStrictEqual(['PARTITION_REFUSED', 'PARTITION_REFUSED']);
    expect(messages[0]!).toMatch(/Partition 2 of sda ends at byte 51200000 of a disk of 4194304 bytes/);
    expect(messages[1]!).toMatch(/Partition 3 of sda ends before it begins/);
  });
});

describe('of two partitions that overlap', () => {
  it('the first that a GPT lists is taken, and the other one refused by its number', async () => {
    const image = writeGpt(new SparseImage(4 * MIB), [
      { type: LINUX, firstSector: 2048, lastSector: 4095 },
      { type: LINUX, firstSector: 4095, lastSector: 5000 },
      { type: LINUX, firstSector: 5001, lastSector: 6000 },
    ]);
    const { table, codes, messages } = await read(image);
    expect(table?.partitions.map((one) => one.number)).toStrictEqual([1, 3]);
    expect(codes).toStrictEqual(['PARTITION_REFUSED']);
    expect(messages[0]!).toMatch(/Partition 2 of sda overlaps partition 1/);
  });

  it('the first that an MBR lists is taken', async () => {
    const image = writeMbr(new SparseImage(4 * MIB), [
      { type: 0x83, firstSector: 100, sectors: 100 },
      { type: 0x83, firstSector: 150, sectors: 10 },
    ]);
    const { table, codes } = await read(image);
    expect([table?.partitions.length, codes]).toStrictEqual([1, ['PARTITION_REFUSED']]);
  });
});

describe('an MBR', () => {
  const link = (first: number, sectors: number, next: number): Buffer => {
    const bytes = writeMbr(new SparseImage(512), [
      { type: 0x83, firstSector: first, sectors },
      ...(next === 0 ? [] : [{ type: 5, firstSector: next, sectors: 100 }]),
    ]);
    return bytes.peek(0, 512);
  };
  const extended = (): SparseImage =>
    writeMbr(new SparseImage(4 * MIB), [{ type: 5, firstSector: 1000, sectors: 4000 }]);

  it('ends a chain of logical partitions that leads back to itself', async () => {
    const image = extended()
      .write(1000 * 512, link(10, 50, 200))
      .write(1200 * 512, link(10, 50, 200));
    const { table, codes } = await read(image);
    expect(table?.partitions.map((one) => [one.number, one.startByte / 512])).toStrictEqual([
      [1, 1000],
      [5, 1010],
      [6, 1210],
    ]);
    expect(codes).toStrictEqual(['TABLE_DAMAGED']);
  });

  it('ends a chain that leaves the extended partition', async () => {
    const image = extended().write(1000 * 512, link(10, 50, 7000));
    const { table, codes } = await read(image);
    expect(table?.partitions.length).toBe(2);
    expect(codes).toStrictEqual(['TABLE_DAMAGED']);
  });

  it('may have an extended partition that was never filled', async () => {
    const { table, codes } = await read(extended());
    expect(table?.partitions.length).toBe(1);
    expect(codes).toStrictEqual([]);
  });

  it('passes over partitions that the disk does not hold', async () => {
    const image = writeMbr(new SparseImage(MIB), [{ type: 0x83, firstSector: 0xffff_ffff, sectors: 0xffff_ffff }]);
    const { table, codes } = await read(image);
    expect(table?.partitions).toStrictEqual([]);
    expect(codes).toStrictEqual(['PARTITION_REFUSED']);
  });
});
