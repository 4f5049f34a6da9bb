import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { readRecordedImages, SparseImage } from '@landfall/testing';
import fc from 'fast-check';
import type { Content } from '../inspection.js';
import { probeContent } from './probe.js';

const images = readRecordedImages<{ readonly blkid?: Content }>(new URL('../../fixtures/images.json', import.meta.url));
const probed = [...images.values()].filter((recorded) => recorded.facts.blkid !== undefined);

describe('the content of a region', () => {
  for (const { name, facts, image } of probed) {
    it(`is for ${name} what blkid says`, async () => {
      expect(await probeContent(image())).toStrictEqual(facts.blkid);
    });
  }

  it('is nothing in zeros, and in regions too small for anything', async () => {
    for (const sizeBytes of [0, 1, 511, 512, 4095, 65_536, 1024 ** 4]) {
      assert.equal(await probeContent(new SparseImage(sizeBytes)), null, `${sizeBytes} bytes`);
    }
  });

  it('is told from a few small reads, however large the region is', async () => {
    const image = images
      .get('xfs')!
      .image()
      .copy(1024 ** 4);
    await probeContent(image);
    assert.ok(image.bytesRead < 100_000, `${image.bytesRead} bytes were read`);
  });

  const raid = (fields: (superblock: Buffer) => void): Buffer => {
    const superblock = Buffer.alloc(512);
    superblock.writeUInt32LE(0xa92b4efc, 0);
    fields(superblock);
    return superblock;
  };
  const uuid = '00112233-4455-6677-8899-aabbccddeeff';

  it('is a RAID member for each place where format 1 keeps its superblock', async () => {
    const superblock = raid((bytes) => {
      bytes.writeUInt32LE(1, 4);
      bytes.write(uuid.replaceAll('-', ''), 16, 'hex');
      bytes.write('host:7', 32);
    });
    const sizeBytes = 64 * 1024 * 1024;
    for (const [version, offset] of [
      ['1.0', sizeBytes - 16 * 512],
      ['1.1', 0],
      ['1.2', 4096],
    ] as const) {
      const found = await probeContent(new SparseImage(sizeBytes).write(offset, superblock));
      expect(found).toStrictEqual({ type: 'linux_raid_member', version, label: 'host:7', uuid });
    }
  });

  it('is a RAID member of format 0.90, whose file system shows through from the front', async () => {
    const image = images.get('ext4')!.image();
    const superblock = raid((bytes) => {
      bytes.writeUInt32LE(90, 8);
      bytes.write('00112233', 20, 'hex');
      bytes.write('445566778899aabbccddeeff', 52, 'hex');
    });
    image.write(image.sizeBytes - 65_536, superblock);
    expect(await probeContent(image)).toStrictEqual({
      type: 'linux_raid_member',
      version: '0.90.0',
      label: null,
      uuid,
    });
  });

  it('has a label without control characters', async () => {
    const image = images.get('ext4')!.image();
    image.write(1024 + 0x78, Buffer.from('a\x1b[31mb\n\0rest'));
    expect((await probeContent(image))?.label).toBe('a[31mb');
  });

  it('is found or not found, whatever the bytes are', async () => {
    const damage = fc.array(fc.tuple(fc.nat(70_000), fc.uint8Array({ minLength: 1, maxLength: 16 })), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...probed), damage, fc.nat(80_000), async ({ image }, changes, cut) => {
        const whole = image();
        for (const [offset, bytes] of changes) whole.write(offset, bytes);
        for (const damaged of [whole, whole.copy(cut)]) {
          const content = await probeContent(damaged);
          expect(content === null || content.type.length > 0).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
