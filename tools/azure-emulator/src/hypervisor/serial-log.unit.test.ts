import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { appendFileSync, closeSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepSerialLog, readSerialLog, SERIAL_LOG_LIMIT, trim } from './serial-log.js';

describe('the log of a serial console', () => {
  let folder: string;
  let path: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-serial-'));
    path = join(folder, 'serial.log');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('forgets the oldest and keeps the end, however a guest prints', () => {
    const file = openSync(path, 'a+');
    let printed = '';
    for (let index = 0; index < 200; index++) {
      const text = `${index},`.repeat(1 + (index % 60));
      printed += text;
      appendFileSync(path, text); // another file descriptor, as QEMU's
      trim(file, 100);
      const kept = readSerialLog(path).toString();
      assert.ok(statSync(path).size <= 100, `${statSync(path).size} bytes after ${index}`);
      assert.ok(printed.endsWith(kept), `not the end of what was printed after ${index}: ${kept}`);
      assert.ok(kept.length >= Math.min(printed.length, 50), `only ${kept.length} bytes are left after ${index}`);
    }
    closeSync(file);
  });

  it('begins anew with every start, is within bounds when it ends, and is empty before the first', () => {
    const end = keepSerialLog(path);
    expect(readSerialLog(path).length).toBe(0);
    appendFileSync(path, Buffer.alloc(2 * SERIAL_LOG_LIMIT, 'x'));
    end();
    expect(readSerialLog(path).length).toBe(SERIAL_LOG_LIMIT / 2);
    expect(readSerialLog(join(folder, 'none.log')).length).toBe(0);
  });
});
