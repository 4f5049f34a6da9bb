import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { plainName } from './quoted-name.js';

describe('plainName', () => {
  test('leaves ordinary names as they are', () => {
    for (const name of ['disk.raw', 'Größe 1.img', '磁盘.raw', "it's", '']) expect(plainName(name)).toBe(name);
  });

  test('undoes the escapes that Go writes', () => {
    expect(plainName('a\\"b')).toBe('a"b');
    expect(plainName('back\\\\slash')).toBe('back\\slash');
    expect(plainName('snow\\u2603')).toBe('snow☃');
    expect(plainName('pile\\U0001f4a9')).toBe('pile💩');
    expect(plainName('\\xc3\\xa9t\\xc3\\xa9')).toBe('été');
  });

  test('shows what is not text or could steer a terminal as a replacement character', () => {
    expect(plainName('bad\\xff')).toBe('bad�');
    expect(plainName('bell\\a')).toBe('bell�');
    expect(plainName('\\x1b[31mred')).toBe('�[31mred');
    expect(plainName('right\u202eleft')).toBe('right�left');
  });

  test('gives some name for any text, and never a control character', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('\\', 'x', 'u', 'U', '0', 'f', '"', 'n') })),
        (text) => {
          expect(plainName(text)).not.toMatch(/\p{Cc}/u);
        },
      ),
    );
  });
});
