import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidRequestError } from '../errors/problem.js';
import { EVENTS_QUERY, idempotencyKey, RESTORES_QUERY } from './queries.js';

describe('queries', () => {
  it('take states as a list or repeated', () => {
    assert.deepEqual(RESTORES_QUERY.parse({ state: 'running,planning' }).state, ['running', 'planning']);
    assert.deepEqual(RESTORES_QUERY.parse({ state: ['running', 'failed'] }).state, ['running', 'failed']);
    assert.equal(RESTORES_QUERY.parse({}).state, undefined);
  });

  for (const query of [
    { state: 'dancing' },
    { state: '' },
    { status: 'running' },
    { limit: '0' },
    { limit: '10001' },
  ]) {
    it(`refuse ${JSON.stringify(query)}`, () => assert.equal(RESTORES_QUERY.safeParse(query).success, false));
  }

  for (const after of ['-1', '1.5', '0x10', '1e3', '', ' 1', '9'.repeat(16)]) {
    it(`refuse ${JSON.stringify(after)} as a sequence number`, () => {
      assert.equal(EVENTS_QUERY.safeParse({ after }).success, false);
    });
  }
});

describe('an idempotency key', () => {
  it('may be left out', () => assert.equal(idempotencyKey(undefined), null));
  it('is visible ASCII of bounded length', () => {
    assert.equal(idempotencyKey('night-run/42'), 'night-run/42');
    for (const key of ['', 'a b', 'ü', 'x'.repeat(201)]) assert.throws(() => idempotencyKey(key), InvalidRequestError);
  });
});
