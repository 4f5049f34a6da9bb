import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { plainName } from './quoted-name.js';

describe('plainName', () => {
  test('leaves ordinary names as they are', () => {
    for (const name of ['disk.raw', 'Größe 1.img', '磁盘.raw', "it's", '']) assert.equal(plainName(name), name);
  });

  test('undoes the escapes that Go writes', () => {
    assert.equal(plainName('a\\"b'), 'a"b');
    assert.equal(plainName('back\\\\slash'), 'back\\slash');
    assert.equal(plainName('snow\\u2603'), 'snow☃');
    assert.equal(plainName('pile\\U0001f4a9'), 'pile💩');
    assert.equal(plainName('\\xc3\\xa9t\\xc3\\xa9'), 'été');
  });

  test('shows what is not text or could steer a terminal as a replacement character', () => {
    assert.equal(plainName('bad\\xff'), 'bad�');
    assert.equal(plainName('bell\\a'), 'bell�');
    assert.equal(plainName('\\x1b[31mred'), '�[31mred');
    assert.equal(plainName('right\u202eleft'), 'right�left');
  });

  test('gives some name for any text, and never a control character', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('\\', 'x', 'u', 'U', '0', 'f', '"', 'n') })),
        (text) => {
          assert.doesNotMatch(plainName(text), /\p{Cc}/u);
        },
      ),
    );
  });
});
