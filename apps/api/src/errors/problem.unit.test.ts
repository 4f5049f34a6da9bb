import { describe, expect, it } from '@jest/globals';
import {
  BadInputError,
  ConflictError,
  NotFoundError,
  PermanentError,
  RetryableError,
  WaitingError,
} from '@landfall/domain';
import { ForbiddenError, InvalidRequestError, problemOf, UnauthenticatedError } from './problem.js';

const DETAILS = { code: 'SOME_CODE', message: 'What happened.', fix: 'What to do.' };

describe('an error as an answer', () => {
  for (const [status, error] of [
    [400, new BadInputError(DETAILS)],
    [401, new UnauthenticatedError()],
    [403, new ForbiddenError(DETAILS)],
    [404, new NotFoundError(DETAILS)],
    [409, new ConflictError(DETAILS)],
    [422, new PermanentError(DETAILS)],
    [503, new RetryableError(DETAILS)],
    [503, new WaitingError(DETAILS, { retryAfterMs: 10 })],
    [500, new Error('connect postgres://user:canary@host')],
    [500, 'canary'],
    [404, Object.assign(new Error('Cannot GET /canary'), { status: 404 })],
    [400, Object.assign(new URIError('canary'), { status: 400 })],
  ] as const) {
    it(`is ${status} for ${error instanceof Error ? error.name : typeof error}, and tells no internals`, () => {
      const { problem } = problemOf(error, '/v1/x');
      expect(problem.status).toBe(status);
      expect(problem.instance).toBe('/v1/x');
      expect(JSON.stringify(problem)).not.toMatch(/canary/);
      for (const field of ['type', 'title', 'code', 'detail', 'fix'] as const) expect(problem[field]).not.toBe('');
    });
  }

  it("keeps the error's code, message and fix", () => {
    const { problem } = problemOf(new ConflictError(DETAILS), '/');
    expect([problem.code, problem.detail, problem.fix]).toStrictEqual(['SOME_CODE', 'What happened.', 'What to do.']);
  });

  it('says when to come back, in whole seconds within bounds', () => {
    const after = (retryAfterMs?: number) =>
      problemOf(new RetryableError(DETAILS, retryAfterMs === undefined ? {} : { retryAfterMs }), '/').retryAfterSeconds;
    expect([after(1), after(2001), after(1e9), after()]).toStrictEqual([1, 3, 300, 5]);
    expect(problemOf(new PermanentError(DETAILS), '/').retryAfterSeconds).toBe(null);
  });

  it('lists the fields that do not fit', () => {
    const errors = [{ field: 'a.b', message: 'is missing' }];
    expect(problemOf(new InvalidRequestError(errors), '/').problem.errors).toStrictEqual(errors);
  });
});
