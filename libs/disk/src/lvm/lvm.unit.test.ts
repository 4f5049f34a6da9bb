import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { readRecordedImages, type SparseImage } from '@landfall/testing';
import fc from 'fast-check';
import { Findings } from '../findings.js';
import type { Content } from '../inspection.js';
import { LvmSyntaxError, parseLvmText, type LvmSection } from './metadata-text.js';
import { lvmCrc, readPhysicalVolume } from './physical-volume.js';
import { LvmMetadataError, readVolumeGroupMetadata } from './volume-group-metadata.js';
import { readVolumeGroups } from './volume-groups.js';

interface Recorded {
  readonly blkid: Content;
  readonly uuid: string;
  readonly groupUuid: string;
  readonly groupSize: string;
  readonly lvs: readonly {
    readonly lv_name: string;
    readonly lv_uuid: string;
    readonly lv_size: string;
    readonly segtype: string;
  }[];
}
const images = readRecordedImages<Recorded>(new URL('../../fixtures/images.json', import.meta.url));
const first = images.get('pv1')!;
const second = images.get('pv2')!;

async function read(readers: Readonly<Record<string, SparseImage>>) {
  const findings = new Findings();
  const candidates = Object.entries(readers).map(([disk, reader]) => ({ disk, reader, partition: null }));
  const groups = await readVolumeGroups(candidates, findings);
  return {
    groups,
    codes: findings.all().map((problem) => problem.code),
    messages: findings.all().map((one) => one.message),
  };
}

const METADATA_AREA = 4096;

function metadataText(image: SparseImage): { offset: number; size: number } {
  const header = image.peek(METADATA_AREA, 512);
  return { offset: Number(header.readBigUInt64LE(40)), size: Number(header.readBigUInt64LE(48)) };
}

describe('a volume group', () => {
  it('is described as LVM itself lists it', async () => {
    const { groups, codes } = await read({ a: first.image(), b: second.image() });
    expect(codes).toStrictEqual([]);
    expect(groups.length).toBe(1);
    const { group } = groups[0]!;
    const { groupUuid, groupSize, lvs } = first.facts;
    expect([group.name, group.uuid, `${group.sizeBytes}B`]).toStrictEqual(['vg0', groupUuid, groupSize]);
    expect(group.physicalVolumes.map(({ disk, uuid }) => ({ disk, uuid }))).toStrictEqual([
      { disk: 'a', uuid: first.facts.uuid },
      { disk: 'b', uuid: second.facts.uuid },
    ]);
    const byName = group.logicalVolumes.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(byName.map(({ name, uuid, sizeBytes, layout }) => [name, uuid, `${sizeBytes}B`, layout])).toStrictEqual([
      ...new Map(lvs.map((one) => [one.lv_name, [one.lv_name, one.lv_uuid, one.lv_size, one.segtype]])).values(),
    ]);
  });

  it('shows what is in its linear volumes, across physical volumes too, and in no others', async () => {
    const { groups } = await read({ a: first.image(), b: second.image() });
    const contents = Object.fromEntries(groups[0]!.group.logicalVolumes.map((one) => [one.name, one.content]));
    expect(contents['root']).toStrictEqual({ ...images.get('ext4')!.facts.blkid });
    expect(contents['span']?.label).toBe('spanning');
    expect(contents['fast']).toBe(null);
  });

  it('says which physical volumes are missing, and reads no volume that needs them', async () => {
    const { groups, codes, messages } = await read({ a: first.image() });
    expect(codes).toStrictEqual(['LVM_INCOMPLETE']);
    expect(messages[0]!).toMatch(/"vg0" lacks 1 of its 2/);
    const { group, readable } = groups[0]!;
    expect(group.physicalVolumes[1]?.disk).toBe(null);
    expect([...readable.keys()]).toStrictEqual(['root']);
  });

  it('is described from another copy where one is damaged', async () => {
    const damaged = first.image();
    const { offset } = metadataText(damaged);
    damaged.write(METADATA_AREA + offset + 30, Buffer.from('!'));
    const { groups, codes } = await read({ a: damaged, b: second.image() });
    expect(groups[0]?.group.logicalVolumes.length).toBe(3);
    expect(codes).toStrictEqual(['LVM_DAMAGED']);
  });

  it('is described by the newest of its copies', async () => {
    const older = second.image();
    rewriteText(older, (text) => text.replace(/seqno = \d+/, 'seqno = 1').replace('span {', 'gone {'));
    const { groups } = await read({ b: older, a: first.image() });
    const names = groups[0]!.group.logicalVolumes.map((volume) => volume.name);
    expect(names.includes('span') && !names.includes('gone')).toBe(true);
  });

  it('says what it was in the middle of, and what keeps it from being activated', async () => {
    const changed = (change: (text: string) => string): SparseImage => {
      const image = first.image();
      rewriteText(image, change);
      return image;
    };
    const status = 'status = ["RESIZEABLE", "READ", "WRITE"]';
    const volume = (name: string, words: string, segment: string): string =>
      `logical_volumes {\n${name} {\nid = "x"\nstatus = [${words}]\nsegment_count = 1\nsegment1 {\nstart_extent = 0\nextent_count = 1\n${segment}\n}\n}\n`;
    for (const [code, change] of [
      ['LVM_EXPORTED', (text: string) => text.replace(status, status.replace('[', '["EXPORTED", '))],
      [
        'LVM_MOVING',
        (text: string) =>
          text.replace('logical_volumes {', volume('pvmove0', '"READ", "PVMOVE"', 'type = "mirror"\nmirror_count = 2')),
      ],
      [
        'LVM_SNAPSHOT',
        (text: string) =>
          text.replace(
            'logical_volumes {',
            volume('snapshot0', '"READ"', 'type = "snapshot"\norigin = "root"\ncow_store = "s"'),
          ),
      ],
    ] as const) {
      const image = changed((text) => {
        expect(change(text)).not.toBe(text);
        return change(text).replace(/seqno = \d+/, 'seqno = 999');
      });
      const { codes } = await read({ a: image, b: second.image() });
      expect(codes).toStrictEqual([code]);
    }
  });

  it('with the name of another group says so', async () => {
    const other = first.image();
    rewriteText(other, (text) => text.replaceAll(/id = "[^"]{6}/g, 'id = "zzzzzz'));
    const label = other.peek(512, 512);
    label.write('zzzzzz', 32, 'latin1');
    label.writeUInt32LE(lvmCrc(label.subarray(20)), 16);
    other.write(512, label);
    const { codes } = await read({ a: first.image(), b: second.image(), c: other });
    expect(codes.filter((code) => code === 'LVM_NAME_TWICE')).toStrictEqual(['LVM_NAME_TWICE']);
  });

  it('with a physical volume that is there twice says so', async () => {
    const { codes, messages } = await read({ a: first.image(), b: second.image(), c: first.image() });
    expect(codes).toStrictEqual(['LVM_DAMAGED']);
    expect(messages[0]!).toMatch(/c and a are the same physical volume/);
  });
});

/** Puts a changed text in the place of the one there is, with its checksums. */
function rewriteText(image: SparseImage, change: (text: string) => string, at = metadataText(image).offset): void {
  const header = image.peek(METADATA_AREA, 512);
  const area = Number(header.readBigUInt64LE(32));
  const { offset, size } = metadataText(image);
  const text = Buffer.from(change(image.peek(METADATA_AREA + offset, size).toString()));
  const untilEnd = Math.min(text.length, area - at);
  image.write(METADATA_AREA + at, text.subarray(0, untilEnd));
  image.write(METADATA_AREA + 512, text.subarray(untilEnd));
  header.writeBigUInt64LE(BigInt(at), 40);
  header.writeBigUInt64LE(BigInt(text.length), 48);
  header.writeUInt32LE(lvmCrc(text), 56);
  header.writeUInt32LE(lvmCrc(header.subarray(4)), 0);
  image.write(METADATA_AREA, header);
}

describe('a physical volume', () => {
  it('has text that goes on at the start of its ring', async () => {
    const image = first.image();
    const whole = await readPhysicalVolume(image);
    const area = Number(image.peek(METADATA_AREA, 512).readBigUInt64LE(32));
    rewriteText(image, (text) => text, area - 512);
    const wrapped = await readPhysicalVolume(image);
    expect(wrapped?.metadataText?.startsWith('vg0 {')).toBeTruthy();
    expect(wrapped).toStrictEqual(whole);
  });

  it('is none where the checksum of its label is wrong', async () => {
    const image = first.image();
    image.write(512 + 40, Buffer.from('x'));
    expect(await readPhysicalVolume(image)).toBe(null);
  });

  it('does not believe sizes that it cannot hold', async () => {
    for (const [offset, size] of [
      [512n, 2n ** 63n],
      [2n ** 40n, 10n],
      [0n, 100n],
    ] as const) {
      const image = first.image();
      const header = image.peek(METADATA_AREA, 512);
      header.writeBigUInt64LE(offset, 40);
      header.writeBigUInt64LE(size, 48);
      header.writeUInt32LE(lvmCrc(header.subarray(4)), 0);
      image.write(METADATA_AREA, header);
      const found = await readPhysicalVolume(image);
      expect(found?.metadataText).toBe(null);
      expect(found!.damage).not.toBe(null);
    }
  });
});

describe('the metadata of a volume group', () => {
  const group = (extentSize: number, physical: string, logical: string): string =>
    `vg { id = "g" seqno = 1 extent_size = ${extentSize} physical_volumes { ${physical} } logical_volumes { ${logical} } }`;
  const huge = 'a { id = "a" pe_start = 0 pe_count = 9007199254740991 }';

  it('is refused where its extents are more bytes than can be counted', () => {
    const segments = [1, 2].map(
      (number) => `segment${number} { type = "x" start_extent = 0 extent_count = 9007199254740991 }`,
    );
    const volume = `lv { id = "l" segment_count = 2 ${segments.join(' ')} }`;
    for (const text of [group(1, huge, ''), group(9_007_199_254_740_991, '', ''), group(1, '', volume)]) {
      expect(() => readVolumeGroupMetadata(text)).toThrow(LvmMetadataError);
    }
  });

  it('that says where thousands of volumes lie is searched for each of them at once', async () => {
    const image = first.image();
    const physical = Array.from({ length: 10_000 }, (_, index) => `p${index} { id = "" pe_start = 0 pe_count = 0 }\n`);
    const logical = Array.from(
      { length: 2_000 },
      (_, index) => `lv${index} { id = "" status = ["VISIBLE"] segment_count = 1
        segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 0] } }\n`,
    );
    const own = `pv0 { id = "${first.facts.uuid}" pe_start = 2048 pe_count = 8192 }`;
    const area = Buffer.alloc(8);
    area.writeBigUInt64LE(BigInt(32 * 1024 * 1024));
    image.write(METADATA_AREA + 32, area);
    rewriteText(image, () => group(1, physical.join('') + own, logical.join('')), 512);
    const { groups, codes } = await read({ a: image });
    expect(groups[0]?.group.logicalVolumes.length).toBe(2_000);
    expect(groups[0]!.readable.size).toBe(1_000);
    expect(codes).toStrictEqual(['LVM_INCOMPLETE', 'LVM_INCOMPLETE']);
  });
});

describe('the text of LVM metadata', () => {
  it('is refused where a string in it is longer than any name, and not by an overflow of the stack', () => {
    for (const text of [`a = "${'x'.repeat(2 ** 24)}"`, `a = "${'x'.repeat(2 ** 24)}`]) {
      expect(() => parseLvmText(text)).toThrow(LvmSyntaxError);
    }
  });

  it('is refused in a few words without control characters, whatever it says', () => {
    for (const text of ['9'.repeat(1_000_000), 'a b"\x1b[2J"', `a "${'\n'.repeat(1_000)}"`]) {
      assert.throws(
        () => parseLvmText(text),
        (error: Error) =>
          error instanceof LvmSyntaxError && error.message.length < 200 && !/\p{Cc}/u.test(error.message),
      );
    }
  });

  it('is read with its comments, lists and quoted text', () => {
    const parsed = parseLvmText('# head\nvg { a = 1 b = "x\\"y" # more\n c = ["p", 2]\nd { e = -3 } }\nversion = 1');
    const group = parsed.sections.get('vg')!;
    expect([...group.values]).toStrictEqual([
      ['a', 1],
      ['b', 'x"y'],
      ['c', ['p', 2]],
    ]);
    expect(group.sections.get('d')?.values.get('e')).toBe(-3);
    expect(parsed.values.get('version')).toBe(1);
  });

  it('comes back as it was written', () => {
    const key = fc.stringMatching(/^[a-z][a-z0-9_.+-]{0,10}$/);
    const scalar = fc.oneof(fc.integer(), fc.string());
    const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 4 }));
    const write = (fields: Readonly<Record<string, number | string | readonly (number | string)[]>>): string =>
      Object.entries(fields)
        .map(([name, field]) => `${name} = ${written(field)}`)
        .join('\n');
    const written = (field: number | string | readonly (number | string)[]): string =>
      typeof field === 'number'
        ? String(field)
        : typeof field === 'string'
          ? `"${field.replace(/[\\"]/g, '\\$&')}"`
          : `[${field.map(written).join(', ')}]`;
    fc.assert(
      fc.property(fc.dictionary(key, value, { noNullPrototype: true }), (fields) => {
        const parsed = parseLvmText(`vg {\n${write(fields)}\n}`);
        expect(Object.fromEntries(parsed.sections.get('vg')!.values)).toStrictEqual(fields);
      }),
    );
  });

  it('is read, or refused as what it is, whatever it says', () => {
    const pieces = fc.constantFrom('a', '=', '{', '}', '[', ']', ',', '"x"', '1', '#', '\n', ' ', '"', '\\');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces).map((all) => all.join('')),
        ),
        (text) => {
          let parsed: LvmSection | null = null;
          try {
            parsed = parseLvmText(text);
          } catch (error) {
            expect(error).toBeInstanceOf(LvmSyntaxError);
          }
          expect(parsed === null || parsed.values instanceof Map).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('is refused where it nests too deep or never ends', () => {
    expect(() => parseLvmText('a {'.repeat(100))).toThrow(LvmSyntaxError);
    expect(() => parseLvmText('a = [')).toThrow(LvmSyntaxError);
  });
});
