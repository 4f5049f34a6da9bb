import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { Logger } from '@landfall/observability';
import type { Request, Response } from 'express';
import { signInPage } from '../access/sign-in-page.js';
import { wantsPage } from '../access/wants-page.js';
import { problemOf } from './problem.js';

/** The one place where an error becomes an answer. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const { problem, retryAfterSeconds } = problemOf(error, request.path);
    response.locals['problemCode'] = problem.code;
    if (problem.status >= 500) this.logger.error({ err: error, path: request.path }, problem.detail);
    if (response.headersSent) {
      // An answer that has begun cannot become a problem any more; cutting it tells the client that it is not whole.
      response.destroy();
      return;
    }
    if (retryAfterSeconds !== null) response.setHeader('Retry-After', String(retryAfterSeconds));
    response.status(problem.status);
    if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="landfall"');
    if (problem.status === 401 && wantsPage(request)) {
      response.type('html').send(signInPage({ next: request.originalUrl }));
      return;
    }
    response.type('application/problem+json').send(JSON.stringify(problem));
  }
}
