import { describe, expect, it } from '@jest/globals';
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
    expect(line?.service).toBe('planner');
    expect(line?.level).toBe('info');
    expect(line?.restoreId).toBe('r1');
    expect(line?.msg).toBe('Step begun');
    expect(String(line?.time)).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('prints a typed error with its code, fix, kind and cause', () => {
    const cause = new Error('ECONNRESET');
    const error = new PermanentError(
      { code: 'PACK_MISSING', message: 'Pack ab is gone.', fix: 'Bring it back.' },
      { cause },
    );
    const [line] = linesOf((logger) => logger.error({ err: error }, 'Failed'));
    const err = line?.err as Record<string, unknown>;
    expect({ ...err, cause: (err.cause as { message: string }).message }).toStrictEqual({
      type: 'PermanentError',
      kind: 'permanent',
      code: 'PACK_MISSING',
      message: 'Pack ab is gone.',
      fix: 'Bring it back.',
      cause: 'ECONNRESET',
    });
  });

  it('does not follow a loop of causes for ever', () => {
    const error: Error & { cause?: unknown } = new Error('round');
    error.cause = error;
    expect(linesOf((logger) => logger.error({ err: error })).length).toBe(1);
  });

  it("never prints a secret, however deep it lies, nor an error's other properties", () => {
    const secret = new Secret('canary-4711');
    const error = Object.assign(new Error('refused'), { request: { authorization: 'Bearer canary-4711' } });
    const lines = linesOf((logger) => logger.warn({ settings: { nested: [secret] }, err: error }, `${secret}`));
    expect(JSON.stringify(lines)).not.toMatch(/canary-4711/);
    expect(JSON.stringify(lines)).toMatch(/\[secret\]/);
  });

  it('leaves out what is below its level', () => {
    expect(linesOf((logger) => logger.debug('noise')).length).toBe(0);
  });
});
