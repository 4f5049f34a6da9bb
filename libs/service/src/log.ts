import { describeError, type Logger } from '@landfall/observability/logger';
import { type DynamicModule, type LoggerService, Module } from '@nestjs/common';
import { Logger as NestPinoLogger, LoggerModule, type Params, PinoLogger } from 'nestjs-pino';
import { LOGGER } from './tokens.js';

/*
 * One log for a service and for Nest in it, of the lines that `createLogger` writes. Requests are not logged here: their
 * lines would hold queries and headers, in which a credential may stand.
 */
function params(logger: Logger): Params {
  // By itself pino-http would print all properties of an error, as a client of Azure puts its requests into.
  const serializers = { err: describeError, error: describeError };
  return { pinoHttp: { logger, autoLogging: false, serializers, wrapSerializers: false }, forRoutes: [] };
}

/** The service's logger under `LOGGER`, and as nestjs-pino's `Logger` and `PinoLogger`. */
export function logModule(logger: Logger): DynamicModule {
  return {
    module: LogModule,
    global: true,
    imports: [LoggerModule.forRoot(params(logger))],
    providers: [{ provide: LOGGER, useValue: logger }],
    exports: [LOGGER, LoggerModule],
  };
}

@Module({})
class LogModule {}

/** For Nest itself, from its first line on. */
export function nestLog(logger: Logger): LoggerService {
  const own = params(logger);
  return new NestLog(new PinoLogger(own), own);
}

class NestLog extends NestPinoLogger {
  /** What Nest tells of its start is of interest to those who look for a fault in it. */
  override log(message: unknown, ...more: unknown[]): void {
    this.debug(message, ...more);
  }

  /** What a start fails by is thrown as well, and told by whoever catches it. */
  override error(message: unknown, ...more: unknown[]): void {
    if (more.at(-1) !== 'ExceptionHandler') super.error(message, ...more);
  }
}
