import { describe, expect, test } from '@jest/globals';
import { originOf } from './origin.js';

function origin(paths: readonly string[], path: readonly string[]) {
  const snapshot = {
    id: 'a'.repeat(64),
    takenAt: new Date('2026-03-04T05:06:07Z'),
    tree: Buffer.alloc(32),
    hostname: 'hv1',
    tags: ['nightly'],
  };
  return originOf({ ...snapshot, paths }, path);
}

describe('Where an image was when it was backed up', () => {
  test('is told by its host, path, tags and time', () => {
    expect(origin(['/srv/vm/disk.raw'], ['disk.raw'])).toStrictEqual({
      host: 'hv1',
      path: '/srv/vm/disk.raw',
      tags: ['nightly'],
      takenAt: '2026-03-04T05:06:07.000Z',
    });
  });

  test('is the path that was given, be it absolute, relative, a folder, or one of several', () => {
    for (const [paths, path, expected] of [
      [['/srv/vm/disk.raw'], ['srv', 'vm', 'disk.raw'], '/srv/vm/disk.raw'],
      [['/srv/vm'], ['vm', 'a', 'disk.raw'], '/srv/vm/a/disk.raw'],
      [['/srv/a/vm/disk.raw', '/srv/b/vm/disk.raw'], ['b', 'vm', 'disk.raw'], '/srv/b/vm/disk.raw'],
      [['/srv/vm/'], ['srv', 'vm', 'disk.raw'], '/srv/vm/disk.raw'],
      [['C:\\vm\\disk.raw'], ['C', 'vm', 'disk.raw'], 'C:\\vm\\disk.raw'],
      [['/vm/C:\\x.img'], ['C:\\\\x.img'], '/vm/C:\\x.img'],
      [['/vm/two\nlines.raw'], ['two\\nlines.raw'], '/vm/two\ufffdlines.raw'],
      [['/elsewhere'], ['a', 'disk.raw'], '/a/disk.raw'],
      [[], ['disk.raw'], '/disk.raw'],
    ] as const) {
      expect(origin(paths, path).path).toBe(expected);
    }
  });
});
