import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MACHINE_MANIFEST, parseManifest, pointTags, pointsOfTags, type MachineManifestInput } from './manifest.js';

const MANIFEST: MachineManifestInput = {
  schema: 'landfall.machine/1',
  name: 'db01',
  kind: 'computer',
  disks: [{ file: 'sda.raw', name: 'sda', role: 'os', lun: 0, sizeBytes: 4096 }],
};

const parse = (value: unknown) => parseManifest(Buffer.from(JSON.stringify(value)));

describe('machine.json', () => {
  test('is taken with the least that it must say, and is then of level computer', () => {
    const parsed = parse(MANIFEST);
    assert.ok(parsed.ok);
    expect(parsed.manifest.level).toBe('computer');
    expect(parsed.manifest.disks[0]!.file).toBe('sda.raw');
  });

  test('may hold fields of later versions and nulls for what is not known', () => {
    expect(parse({ ...MANIFEST, later: { field: 1 }, os: null, firmware: null, takenAt: null, azure: null }).ok).toBe(
      true,
    );
  });

  test('is refused, with the field named, when a value is not what it must be', () => {
    const refusals: [object, RegExp][] = [
      [{ schema: 'landfall.machine/2' }, /schema/],
      [{ name: '' }, /name/],
      [{ kind: 'snapshot' }, /kind/],
      [{ level: 'disk' }, /level/],
      [{ firmware: 'coreboot' }, /firmware/],
      [{ takenAt: 'yesterday' }, /takenAt/],
      [{ disks: 'sda' }, /disks/],
      [{ disks: [{ file: '../../etc/shadow' }] }, /disks\.0\.file/],
      [{ disks: [{ file: 'a.raw', lun: -1 }] }, /disks\.0\.lun/],
      [{ disks: [{ file: 'a.raw', sizeBytes: 1.5 }] }, /disks\.0\.sizeBytes/],
      [{ disks: [{ file: 'a.raw', volumes: [0] }] }, /disks\.0\.volumes/],
    ];
    for (const [change, why] of refusals) {
      const parsed = parse({ ...MANIFEST, ...change });
      assert.ok(!parsed.ok, JSON.stringify(change));
      expect(parsed.why).toMatch(why);
    }
  });

  test('is refused when it is too large, not text, or nested without end', () => {
    const padded = { ...MANIFEST, azure: { text: 'x'.repeat(1024 * 1024) } };
    let nested: unknown = 1;
    for (let depth = 0; depth < 1_000; depth += 1) nested = { nested };
    for (const parsed of [
      parse(padded),
      parse({ ...MANIFEST, azure: { nested } }),
      parseManifest(Buffer.from([0xff, 0xfe])),
    ]) {
      expect(parsed.ok).toBe(false);
    }
    expect(parseManifest(Buffer.from('['.repeat(500_000))).ok).toBe(false);
  });

  test('of any bytes ends in an answer', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => typeof parseManifest(Buffer.from(text)).ok === 'boolean'),
    );
  });

  test('that is written by its schema is read back as it was', () => {
    const written = MACHINE_MANIFEST.parse({ ...MANIFEST, azure: { vmId: 'x', tags: { a: 'b' } } });
    expect(parse(written)).toStrictEqual({ ok: true, manifest: written });
  });
});

describe('The tag of a restore point', () => {
  test('is found again among others', () => {
    expect(pointsOfTags(['nightly', ...pointTags('db01-2026.03_a'), 'x=y'])).toStrictEqual(['db01-2026.03_a']);
  });

  test('is not made of ids that restic would split or people could not type', () => {
    for (const id of ['', 'a,b', 'a b', '-a', 'ä', 'a'.repeat(129)]) assert.throws(() => pointTags(id), RangeError, id);
  });

  test('is passed over where its id is none', () => {
    expect(
      pointsOfTags(['landfall-point=', 'landfall-point=a b', 'landfall-point=ok', 'landfall-point=ok']),
    ).toStrictEqual(['ok']);
  });
});
