import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BadInputError, NotFoundError, PermanentError, RetryableError } from '@landfall/domain';
import { exitCodeOf, exitCodeOfRestore } from './exit-codes.js';
import { ApiProblem, Unreachable } from './stack/errors.js';

const details = { code: 'X', message: 'x', fix: 'x' };

describe('the exit code', () => {
  it('is 2 for what the API finds wrong with the request', () => {
    for (const status of [400, 403, 404, 409, 422]) assert.equal(exitCodeOf(new ApiProblem(status, details)), 2);
    assert.equal(exitCodeOf(new BadInputError(details)), 2);
    assert.equal(exitCodeOf(new NotFoundError(details)), 2);
  });

  it('is 5 for a stack that is away or lets nobody in', () => {
    for (const status of [401, 502, 503, 504]) assert.equal(exitCodeOf(new ApiProblem(status, details)), 5);
    assert.equal(exitCodeOf(new Unreachable(details)), 5);
    assert.equal(exitCodeOf(new RetryableError(details)), 5);
  });

  it('is 1 for what nobody foresaw', () => {
    assert.equal(exitCodeOf(new ApiProblem(500, details)), 1);
    assert.equal(exitCodeOf(new PermanentError(details)), 1);
    assert.equal(exitCodeOf(new TypeError('x')), 1);
  });

  it('of a watched restore is 0 for completed, 3 for refused and 4 for any other end', () => {
    assert.equal(exitCodeOfRestore({ state: 'completed', error: null }), 0);
    assert.equal(exitCodeOfRestore({ state: 'completed', error: { code: 'TARGET_FULL' } }), 4, 'a disk of it is bad');
    assert.equal(exitCodeOfRestore({ state: 'refused', error: null }), 3);
    for (const state of ['failed', 'cancelled', 'rolled-back', 'needs-attention']) {
      assert.equal(exitCodeOfRestore({ state, error: null }), 4);
    }
  });
});
