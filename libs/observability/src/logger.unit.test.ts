import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PermanentError, Secret } from '@landfall/domain';
import { createLogger } from './logger.js';

function linesOf(use: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  use(createLogger('planner', 'info', { write: (line: string) => void lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the logger', () => {
  it('writes one JSON object a line with service, level and time', () => {
    const [line] = linesOf((logger) => logger.info({ restoreId: 'r1' }, 'Step begun'));
    assert.equal(line?.service, 'planner');
    assert.equal(line?.level, 'info');
    assert.equal(line?.restoreId, 'r1');
    assert.equal(line?.msg, 'Step begun');
    assert.match(String(line?.time), /^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('prints a typed error with its code, fix, kind and cause', () => {
    const cause = new Error('ECONNRESET');
    const error = new PermanentError(
      { code: 'PACK_MISSING', message: 'Pack ab is gone.', fix: 'Bring it back.' },
      { cause },
    );
    const [line] = linesOf((logger) => logger.error({ err: error }, 'Failed'));
    const err = line?.err as Record<string, unknown>;
    assert.deepEqual(
      { ...err, cause: (err.cause as { message: string }).message },
      {
        type: 'PermanentError',
        kind: 'permanent',
        code: 'PACK_MISSING',
        message: 'Pack ab is gone.',
        fix: 'Bring it back.',
        cause: 'ECONNRESET',
      },
    );
  });

  it('does not follow a loop of causes for ever', () => {
    const error: Error & { cause?: unknown } = new Error('round');
    error.cause = error;
    assert.equal(linesOf((logger) => logger.error({ err: error })).length, 1);
  });

  it("never prints a secret, however deep it lies, nor an error's other properties", () => {
    const secret = new Secret('canary-4711');
    const error = Object.assign(new Error('refused'), { request: { authorization: 'Bearer canary-4711' } });
    const lines = linesOf((logger) => logger.warn({ settings: { nested: [secret] }, err: error }, `${secret}`));
    assert.doesNotMatch(JSON.stringify(lines), /canary-4711/);
    assert.match(JSON.stringify(lines), /\[secret\]/);
  });

  it('leaves out what is below its level', () => {
    assert.equal(linesOf((logger) => logger.debug('noise')).length, 0);
  });
});
