import { describe, expect, it } from '@jest/globals';
import { PermanentError, Secret } from '@landfall/domain';
import { createLogger, type Logger } from '@landfall/observability/logger';
import { NestFactory } from '@nestjs/core';
import { Logger as NestPinoLogger, PinoLogger } from 'nestjs-pino';
import { logModule, nestLog } from './log.js';
import { LOGGER } from './tokens.js';

/** Of the first application of a process: nestjs-pino keeps one log for all. */
const lines: string[] = [];
const logger = createLogger('planner', 'debug', { write: (line: string) => void lines.push(line) });

describe('the log of a service', () => {
  it('writes the same lines, whoever of them writes: the service, nestjs-pino or Nest', async () => {
    const application = await NestFactory.createApplicationContext(
      { module: class {}, imports: [logModule(logger)] },
      { logger: nestLog(logger) },
    );
    const error = Object.assign(new Error('refused', { cause: new Secret('canary-4711') }), {
      request: { authorization: 'Bearer canary-4711' },
    });
    const said = { restoreId: 'r1', key: new Secret('canary-4711'), err: error };
    const writers = [
      () => application.get<Logger>(LOGGER).warn(said, 'Said'),
      async () => (await application.resolve(PinoLogger)).warn(said, 'Said'),
      () => application.get(NestPinoLogger).warn({ msg: 'Said', ...said }),
    ];
    const written: Record<string, unknown>[] = [];
    for (const write of writers) {
      const before = lines.length;
      await write();
      expect(lines.length).toBe(before + 1);
      const { time, ...line } = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
      expect(String(time)).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
      written.push(line);
    }
    const [own, pino, nest] = written;
    expect(own).toStrictEqual({
      ...{ level: 'warn', service: 'planner', pid: process.pid, restoreId: 'r1', key: '[secret]', msg: 'Said' },
      err: { type: 'Error', message: 'refused', stack: error.stack, cause: '[secret]' },
    });
    expect(pino).toStrictEqual(own);
    expect(nest).toStrictEqual(own);
    expect(lines.join('')).not.toMatch(/canary-4711/);
    await application.close();
  });

  it('has what Nest tells of its start with its context, for whoever looks for a fault in it', () => {
    const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ context }) => context);
    expect(told.map(({ level, context }) => [level, context])).toContainEqual(['debug', 'NestFactory']);
    expect(told.every(({ service, msg }) => service === 'planner' && typeof msg === 'string')).toBe(true);
  });

  it('leaves it to the host to tell by what a start has failed', () => {
    const before = lines.length;
    const details = { code: 'POSTGRES_UNREACHABLE', message: 'It is away.', fix: 'Start it.' };
    nestLog(logger).error(new PermanentError(details), 'ExceptionHandler');
    expect(lines.length).toBe(before);
  });
});
