import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { BadInputError } from '@landfall/domain';
import { formatTable } from './table.js';
import { Output } from './terminal.js';
import { formatBytes, formatDuration, formatTime } from './units.js';

describe('sizes', () => {
  it('are shown in the largest binary unit that leaves at least one', () => {
    expect(formatBytes(0)).toBe('0 B');
    expect(formatBytes(1023)).toBe('1023 B');
    expect(formatBytes(1024)).toBe('1 KiB');
    expect(formatBytes(1536)).toBe('1.5 KiB');
    expect(formatBytes(32 * 1024 ** 3)).toBe('32 GiB');
    expect(formatBytes(1024 ** 4 - 1)).toBe('1024 GiB');
    expect(formatBytes(2 ** 70)).toBe('1048576 PiB');
  });
});

describe('times', () => {
  it('are as exact as a reader needs', () => {
    expect(formatDuration(0.123)).toBe('0.1 s');
    expect(formatDuration(9)).toBe('9 s');
    expect(formatDuration(59.4)).toBe('59 s');
    expect(formatDuration(185)).toBe('3 min 05 s');
    expect(formatDuration(7800)).toBe('2 h 10 min');
  });

  it('of day say that they are UTC, wherever the reader is, and a dash where there is none', () => {
    expect(formatTime('2026-11-21T09:05:03.456Z')).toBe('2026-11-21 09:05:03 UTC');
    expect(formatTime('2026-11-21T23:05:03+02:00')).toBe('2026-11-21 21:05:03 UTC');
    expect(formatTime(null)).toBe('-');
    expect(formatTime('not a time')).toBe('not a time');
  });
});

describe('a table', () => {
  it('has aligned columns, numbers to the right and no blanks at the end of a line', () => {
    const table = formatTable(
      ['NAME', 'POINTS', 'URL'],
      [
        ['web', 7, '/a'],
        ['database', 12, ''],
      ],
    );
    expect(table).toBe('NAME      POINTS  URL\nweb            7  /a\ndatabase      12');
  });

  it('shows a long name whole, and makes no other row wider for it', () => {
    const long = 'x'.repeat(200);
    const lines = formatTable(
      ['NAME', 'POINTS'],
      [
        ['web', 7],
        [long, 12],
      ],
    ).split('\n');
    expect(lines).toStrictEqual(['NAME  POINTS', 'web        7', `${long}      12`]);
  });

  it('counts columns of the terminal, and not letters', () => {
    expect(
      formatTable(
        ['NAME', 'A'],
        [
          ['日本語', 'x'],
          ['cafe\u0301', 'y'],
        ],
      ),
    ).toBe('NAME    A\n日本語  x\ncafe\u0301    y');
  });
});

describe('the output of a command', () => {
  function output(json: boolean) {
    const written = { stdout: '', stderr: '' };
    const stream = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (written[name] += text) });
    return { written, output: new Output({ stdout: stream('stdout'), stderr: stream('stderr') }, json) };
  }

  it('is one JSON document with --json, whatever is said beside it', () => {
    const { written, output: to } = output(true);
    to.say('reading …');
    to.print([{ id: 1 }], () => assert.fail('text was made'));
    expect(JSON.parse(written.stdout)).toStrictEqual([{ id: 1 }]);
    expect(written.stderr).toBe('reading …\n');
  });

  it('lets no name steer the terminal', () => {
    const { written, output: to } = output(false);
    to.print(null, () => 'web\u001b[31m\r\u202e\nnext');
    to.error(new BadInputError({ code: 'X', message: 'esc\u001b[2J', fix: 'None.' }));
    expect(written.stdout).toBe('web\ufffd[31m\ufffd\ufffd\nnext\n');
    const { written: asJson, output: document } = output(true);
    document.print({ name: 'web\u009b31m\u202e' }, () => '');
    expect(asJson.stdout).toBe('{\n  "name": "web\\u009b31m\\u202e"\n}\n');
    expect(JSON.parse(asJson.stdout)).toStrictEqual({ name: 'web\u009b31m\u202e' });
    expect(written.stderr).toBe('X: esc\ufffd[2J\n  None.\n');
  });

  it('shows an unforeseen error without a stack trace', () => {
    for (const json of [true, false]) {
      const { written, output: to } = output(json);
      to.error(new TypeError('x is not a function'));
      expect(written.stdout).toBe('');
      expect(written.stderr).toMatch(/UNEXPECTED/);
      expect(written.stderr).not.toMatch(/\n\s+at /);
    }
  });
});
