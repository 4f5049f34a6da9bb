import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { JsonFault, JsonScanner } from './json-scanner.js';

const scanner = (text: string) => new JsonScanner(Buffer.from(text));

/** A value as JavaScript has it, read with the scanner only. */
function read(scan: JsonScanner, like: fc.JsonValue): unknown {
  if (Array.isArray(like)) {
    const items: unknown[] = [];
    scan.array(() => items.push(read(scan, like[items.length] ?? null)));
    return items;
  }
  if (typeof like === 'string') return scan.string();
  if (typeof like === 'object' && like !== null) {
    const entries: [string, unknown][] = [];
    scan.object((key) =>
      entries.push([key, read(scan, Object.getOwnPropertyDescriptor(like, key)?.value as fc.JsonValue)]),
    );
    return Object.fromEntries(entries);
  }
  scan.skip();
  return like;
}

describe('The JSON scanner', () => {
  test('passes over any JSON value to its very end', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom('', '  ', '\n\t'), (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        const scan = scanner(`${space}${text}${space}`);
        scan.skip();
        scan.end();
      }),
    );
  });

  test('reads objects, arrays and strings as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify(value);
        const expected = JSON.parse(text) as fc.JsonValue;
        const scan = scanner(text);
        expect(read(scan, expected)).toStrictEqual(expected);
        scan.end();
      }),
    );
  });

  test('reads whole numbers up to 2^53 - 1 and refuses all others', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (value) => scanner(String(value)).count() === value));
    for (const text of ['-1', '1.5', '1e3', '9007199254740993', '99999999999999999999', 'x', '']) {
      assert.throws(() => scanner(text).count(), JsonFault, text);
    }
  });

  test('reads ids and refuses what is too short, too long or not lower-case hexadecimal', () => {
    const into = Buffer.alloc(40);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (id) => {
        scanner(JSON.stringify(Buffer.from(id).toString('hex'))).id(into, 4);
        return into.subarray(4, 36).equals(id);
      }),
    );
    for (const text of ['ab', 'a'.repeat(63), 'a'.repeat(65), 'A'.repeat(64), 'g'.repeat(64)]) {
      assert.throws(() => scanner(JSON.stringify(text)).id(into, 0), JsonFault, text);
    }
  });

  test('takes null for an empty array', () => {
    let elements = 0;
    const scan = scanner('null');
    scan.array(() => (elements += 1));
    scan.end();
    expect(elements).toBe(0);
  });

  test('refuses values that are nested beyond measure', () => {
    expect(() => scanner('['.repeat(100_000)).skip()).toThrow(JsonFault);
    expect(() => scanner('{"a":'.repeat(100_000)).skip()).toThrow(JsonFault);
  });

  test('answers any bytes with a value or a JsonFault', () => {
    const jsonLike = fc.string({
      unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'a', '1', '-', '.', 'e', ' ', 'null', 'true'),
    });
    fc.assert(
      fc.property(fc.oneof(jsonLike, fc.string()), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        try {
          const scan = scanner(text);
          scan.skip();
          scan.end();
        } catch (error) {
          expect(error).toBeInstanceOf(JsonFault);
          assert.ok(!valid, 'valid JSON was refused');
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
