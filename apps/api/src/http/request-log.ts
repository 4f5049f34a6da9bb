import { randomUUID } from 'node:crypto';
import type { Logger, Metrics } from '@landfall/observability';
import type { NextFunction, Request, Response } from 'express';

/**
 * One log line and one measurement a request. The line has the path and never the query, headers or body, in which a
 * credential could stand.
 */
export function requestLog(logger: Logger, metrics: Metrics) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const begun = performance.now();
    const requestId = randomUUID();
    const { method, path } = request;
    response.setHeader('X-Request-Id', requestId);
    response.once('close', () => {
      const seconds = (performance.now() - begun) / 1000;
      const status = response.writableFinished ? response.statusCode : 499;
      metrics.httpSeconds.observe({ method, route: routeOf(request), status: String(status) }, seconds);
      const line = { requestId, method, path, status, milliseconds: Math.round(seconds * 1000) };
      if (path.startsWith('/health/')) logger.trace(line, 'Request');
      else logger.debug(line, 'Request');
    });
    next();
  };
}

/** The pattern and not the path, so that the metric has few labels. */
function routeOf(request: Request): string {
  const route: unknown = request.route;
  if (typeof route === 'object' && route !== null && 'path' in route) return String(route.path);
  return request.path.startsWith('/admin/queues') ? '/admin/queues' : 'other';
}
