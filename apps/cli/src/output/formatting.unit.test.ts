import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatTable } from './table.js';
import { Output } from './terminal.js';
import { formatBytes, formatDuration, formatTime } from './units.js';

describe('sizes', () => {
  it('are shown in the largest binary unit that leaves at least one', () => {
    assert.equal(formatBytes(0), '0 B');
    assert.equal(formatBytes(1023), '1023 B');
    assert.equal(formatBytes(1024), '1 KiB');
    assert.equal(formatBytes(1536), '1.5 KiB');
    assert.equal(formatBytes(32 * 1024 ** 3), '32 GiB');
    assert.equal(formatBytes(1024 ** 4 - 1), '1024 GiB');
    assert.equal(formatBytes(2 ** 70), '1048576 PiB');
  });
});

describe('times', () => {
  it('are as exact as a reader needs', () => {
    assert.equal(formatDuration(0.123), '0.1 s');
    assert.equal(formatDuration(9), '9 s');
    assert.equal(formatDuration(59.4), '59 s');
    assert.equal(formatDuration(185), '3 min 05 s');
    assert.equal(formatDuration(7800), '2 h 10 min');
  });

  it('of day are local, and a dash where there is none', () => {
    const local = new Date(2026, 10, 21, 9, 5, 3);
    assert.equal(formatTime(local.toISOString()), '2026-11-21 09:05:03');
    assert.equal(formatTime(null), '-');
    assert.equal(formatTime('not a time'), 'not a time');
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
    assert.equal(table, 'NAME      POINTS  URL\nweb            7  /a\ndatabase      12');
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
    assert.deepEqual(JSON.parse(written.stdout), [{ id: 1 }]);
    assert.equal(written.stderr, 'reading …\n');
  });

  it('shows an unforeseen error without a stack trace', () => {
    for (const json of [true, false]) {
      const { written, output: to } = output(json);
      to.error(new TypeError('x is not a function'));
      assert.equal(written.stdout, '');
      assert.match(written.stderr, /UNEXPECTED/);
      assert.doesNotMatch(written.stderr, /\n\s+at /);
    }
  });
});
