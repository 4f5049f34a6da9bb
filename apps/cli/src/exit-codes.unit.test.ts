import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { BadInputError, NotFoundError, PermanentError, RetryableError } from '@landfall/domain';
import { exitCodeOf, exitCodeOfRestore } from './exit-codes.js';
import { ApiProblem, Unreachable } from './stack/errors.js';

const details = { code: 'X', message: 'x', fix: 'x' };

describe('the exit code', () => {
  it('is 2 for what the API finds wrong with the request', () => {
    for (const status of [400, 403, 404, 409, 422]) expect(exitCodeOf(new ApiProblem(status, details))).toBe(2);
    expect(exitCodeOf(new BadInputError(details))).toBe(2);
    expect(exitCodeOf(new NotFoundError(details))).toBe(2);
  });

  it('is 5 for a stack that is away or lets nobody in', () => {
    for (const status of [401, 502, 503, 504]) expect(exitCodeOf(new ApiProblem(status, details))).toBe(5);
    expect(exitCodeOf(new Unreachable(details))).toBe(5);
    expect(exitCodeOf(new RetryableError(details))).toBe(5);
  });

  it('is 1 for what nobody foresaw', () => {
    expect(exitCodeOf(new ApiProblem(500, details))).toBe(1);
    expect(exitCodeOf(new PermanentError(details))).toBe(1);
    expect(exitCodeOf(new TypeError('x'))).toBe(1);
  });

  it('of a watched restore is 0 for completed, 3 for refused and 4 for any other end', () => {
    expect(exitCodeOfRestore({ state: 'completed', error: null })).toBe(0);
    assert.equal(exitCodeOfRestore({ state: 'completed', error: { code: 'TARGET_FULL' } }), 4, 'a disk of it is bad');
    expect(exitCodeOfRestore({ state: 'refused', error: null })).toBe(3);
    for (const state of ['failed', 'cancelled', 'rolled-back', 'needs-attention']) {
      expect(exitCodeOfRestore({ state, error: null })).toBe(4);
    }
  });
});
