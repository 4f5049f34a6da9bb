import { describe, expect, it } from '@jest/globals';
import { InvalidRequestError } from '../errors/problem.js';
import { idempotencyKey } from './idempotency-key.js';

describe('an idempotency key', () => {
  it('may be left out', () => expect(idempotencyKey(undefined)).toBe(null));
  it('is visible ASCII of bounded length', () => {
    expect(idempotencyKey('night-run/42')).toBe('night-run/42');
    for (const key of ['', 'a b', 'ü', 'x'.repeat(201)]) expect(() => idempotencyKey(key)).toThrow(InvalidRequestError);
  });
});
