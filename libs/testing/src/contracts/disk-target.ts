import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DiskTarget } from '@landfall/domain';
import fc from 'fast-check';

const MIB = 1024 * 1024;
const SIZE = 16 * MIB;

/** A fresh target of `sizeBytes`, all zeros, that nobody else uses; `remove` takes it away again. */
export type DiskTargetFactory = (
  sizeBytes: number,
) => Promise<{ readonly target: DiskTarget; readonly remove?: () => Promise<void> }>;

/** What every `DiskTarget` keeps to. Registers its tests under `name`. */
export function diskTargetContract(name: string, create: DiskTargetFactory): void {
  describe(`${name} as a disk target`, () => {
    let target: DiskTarget;
    let remove: (() => Promise<void>) | undefined;

    beforeAll(async () => {
      ({ target, remove } = await create(SIZE));
    });

    afterAll(async () => {
      await target.close();
      await remove?.();
    });

    it('says its size, its alignment and what it is', () => {
      expect(target.sizeBytes).toBe(SIZE);
      expect(target.alignmentBytes === 1 || target.alignmentBytes % 512 === 0).toBe(true);
      expect(target.description).not.toBe('');
    });

    it('reads zeros where nothing was written', async () => {
      const bytes = await target.read(8 * MIB, 70_000);
      expect(bytes.length).toBe(70_000);
      expect(bytes.every((byte) => byte === 0)).toBe(true);
    });

    it('gives back what was written, and leaves its neighbourhood alone', async () => {
      const written = pattern(8192, 1);
      await target.write(12 * MIB + 4096, written);
      await target.flush();
      expect(await target.read(12 * MIB + 4096, 8192)).toStrictEqual(written);
      expect(await target.read(12 * MIB, 4096)).toStrictEqual(Buffer.alloc(4096));
      expect(await target.read(12 * MIB + 12288, 4096)).toStrictEqual(Buffer.alloc(4096));
    });

    it('reads ranges that begin and end anywhere', async () => {
      const written = pattern(4096, 2);
      await target.write(13 * MIB, written);
      await target.flush();
      expect(await target.read(13 * MIB + 7, 501)).toStrictEqual(written.subarray(7, 508));
    });

    it('takes the first and the last bytes of the disk', async () => {
      const first = pattern(512, 3);
      const last = pattern(512, 4);
      await target.write(0, first);
      await target.write(SIZE - 512, last);
      await target.flush();
      expect(await target.read(0, 512)).toStrictEqual(first);
      expect(await target.read(SIZE - 512, 512)).toStrictEqual(last);
    });

    it('takes more than 4 MiB in one call', async () => {
      const written = pattern(5 * MIB + 512, 5);
      await target.write(MIB, written);
      await target.flush();
      expect(written.equals(await target.read(MIB, written.length))).toBe(true);
    });

    it('takes a view into a larger buffer', async () => {
      const larger = pattern(4096, 6);
      await target.write(14 * MIB, new Uint8Array(larger.buffer, larger.byteOffset + 1024, 1024));
      await target.flush();
      expect(await target.read(14 * MIB, 1024)).toStrictEqual(larger.subarray(1024, 2048));
    });

    it('lands every one of several writes that are in flight at once', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(fc.nat(63), { minLength: 1, maxLength: 16 }),
          fc.nat(250),
          async (slots, salt) => {
            const blocks = slots.map((slot) => ({ offset: 6 * MIB + slot * 2048, bytes: pattern(2048, salt + slot) }));
            await Promise.all(blocks.map(({ offset, bytes }) => target.write(offset, bytes)));
            await target.flush();
            for (const { offset, bytes } of blocks) expect(await target.read(offset, 2048)).toStrictEqual(bytes);
          },
        ),
        { numRuns: 10 },
      );
    });

    it('refuses a write past its end and changes nothing', async () => {
      const untouched = await target.read(SIZE - 1024, 1024);
      await expect(target.write(SIZE - 512, pattern(1024, 7))).rejects.toMatchObject({
        code: 'TARGET_TOO_SMALL',
        kind: 'permanent',
      });
      expect(await target.read(SIZE - 1024, 1024)).toStrictEqual(untouched);
    });

    it('refuses to read past its end', async () => {
      await expect(target.read(SIZE - 512, 1024)).rejects.toMatchObject({
        code: 'TARGET_TOO_SMALL',
        kind: 'permanent',
      });
    });

    it('does nothing once its caller has given up', async () => {
      await expect(target.write(15 * MIB, pattern(512, 8), AbortSignal.abort())).rejects.toThrow();
      expect(await target.read(15 * MIB, 512)).toStrictEqual(Buffer.alloc(512));
      await expect(target.read(0, 512, AbortSignal.abort())).rejects.toThrow();
    });

    it('writes nothing that its caller may no longer write', async () => {
      const lost = new Error('The lease is lost.');
      const mayNot = (): void => {
        throw lost;
      };
      await expect(target.write(15 * MIB, pattern(512, 9), undefined, mayNot)).rejects.toBe(lost);
      expect(await target.read(15 * MIB, 512)).toStrictEqual(Buffer.alloc(512));
    });
  });
}

/** Bytes that no other seed gives, without a zero among them. */
function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i += 1) bytes[i] = 1 + ((i * 31 + (i >> 8) * 7 + seed * 101) % 255);
  return bytes;
}
