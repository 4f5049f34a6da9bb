import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { skip } from '@landfall/testing';
import { geometry, vhdFooter } from './vhd-footer.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('the footer of a fixed VHD', () => {
  it('has the cookie, the sizes and a checksum that makes all bytes add up', () => {
    const footer = vhdFooter(2 * GIB, 'web-os');
    expect(footer.length).toBe(512);
    expect(footer.toString('latin1', 0, 8)).toBe('conectix');
    expect(footer.readBigUInt64BE(40)).toBe(BigInt(2 * GIB));
    expect(footer.readBigUInt64BE(48)).toBe(BigInt(2 * GIB));
    assert.equal(footer.readUInt32BE(60), 2, 'fixed');
    const sum = footer.reduce((total, byte, index) => (index >= 64 && index < 68 ? total : total + byte), 0);
    expect((sum + footer.readUInt32BE(64)) >>> 0).toBe(0xffff_ffff);
  });

  it('is always the same for the same disk, and another one for another', () => {
    expect(vhdFooter(GIB, 'a')).toStrictEqual(vhdFooter(GIB, 'a'));
    expect(vhdFooter(GIB, 'a').subarray(68, 84)).not.toStrictEqual(vhdFooter(GIB, 'b').subarray(68, 84));
  });

  it('reckons cylinders, heads and sectors as the specification does', () => {
    // Values worked out by hand from the specification's appendix.
    expect(geometry(20 * MIB)).toStrictEqual({ cylinders: 602, heads: 4, sectorsPerTrack: 17 });
    expect(geometry(GIB)).toStrictEqual({ cylinders: 2080, heads: 16, sectorsPerTrack: 63 });
    expect(geometry(1024 * GIB)).toStrictEqual({ cylinders: 65_535, heads: 16, sectorsPerTrack: 255 });
  });

  it('makes a disk that another program takes for a VHD of this size', () => {
    const folder = mkdtempSync(join(tmpdir(), 'landfall-vhd-'));
    try {
      const path = join(folder, 'disk.vhd');
      writeFileSync(path, '');
      truncateSync(path, 64 * MIB);
      appendFileSync(path, vhdFooter(64 * MIB, 'disk'));
      const told = JSON.parse(
        execFileSync('qemu-img', ['info', '-f', 'vpc', '--output=json', path], { encoding: 'utf8' }),
      ) as { format: string };
      expect(told.format).toBe('vpc');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') skip('qemu-img is not installed');
      throw error;
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
