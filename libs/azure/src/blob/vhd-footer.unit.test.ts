import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { geometry, vhdFooter } from './vhd-footer.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('the footer of a fixed VHD', () => {
  it('has the cookie, the sizes and a checksum that makes all bytes add up', () => {
    const footer = vhdFooter(2 * GIB, 'web-os');
    assert.equal(footer.length, 512);
    assert.equal(footer.toString('latin1', 0, 8), 'conectix');
    assert.equal(footer.readBigUInt64BE(40), BigInt(2 * GIB));
    assert.equal(footer.readBigUInt64BE(48), BigInt(2 * GIB));
    assert.equal(footer.readUInt32BE(60), 2, 'fixed');
    const sum = footer.reduce((total, byte, index) => (index >= 64 && index < 68 ? total : total + byte), 0);
    assert.equal((sum + footer.readUInt32BE(64)) >>> 0, 0xffff_ffff);
  });

  it('is always the same for the same disk, and another one for another', () => {
    assert.deepEqual(vhdFooter(GIB, 'a'), vhdFooter(GIB, 'a'));
    assert.notDeepEqual(vhdFooter(GIB, 'a').subarray(68, 84), vhdFooter(GIB, 'b').subarray(68, 84));
  });

  it('reckons cylinders, heads and sectors as the specification does', () => {
    // Values worked out by hand from the specification's appendix.
    assert.deepEqual(geometry(20 * MIB), { cylinders: 602, heads: 4, sectorsPerTrack: 17 });
    assert.deepEqual(geometry(GIB), { cylinders: 2080, heads: 16, sectorsPerTrack: 63 });
    assert.deepEqual(geometry(1024 * GIB), { cylinders: 65_535, heads: 16, sectorsPerTrack: 255 });
  });

  it('makes a disk that another program takes for a VHD of this size', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'landfall-vhd-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'disk.vhd');
    writeFileSync(path, '');
    truncateSync(path, 64 * MIB);
    appendFileSync(path, vhdFooter(64 * MIB, 'disk'));
    let told: { format: string; 'virtual-size': number };
    try {
      told = JSON.parse(
        execFileSync('qemu-img', ['info', '-f', 'vpc', '--output=json', path], { encoding: 'utf8' }),
      ) as typeof told;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return t.skip('qemu-img is not installed');
      throw error;
    }
    assert.equal(told.format, 'vpc');
  });
});
