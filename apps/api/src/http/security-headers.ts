import type { NextFunction, Request, Response } from 'express';

/** Pages that other packages bring (queue dashboard, API documentation) style their elements in place. */
const STYLES_IN_PLACE = /^\/(admin\/queues|docs)(\/|$)/i;

/** Nothing runs, loads or embeds but what this server itself serves. */
export function securityHeaders(request: Request, response: Response, next: NextFunction): void {
  const styles = STYLES_IN_PLACE.test(request.path) ? "'self' 'unsafe-inline'" : "'self'";
  response.setHeader(
    'Content-Security-Policy',
    `default-src 'self'; script-src 'self'; style-src ${styles}; img-src 'self' data:; object-src 'none'; ` +
      `base-uri 'self'; form-action 'self'; frame-ancestors 'none'`,
  );
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('X-Frame-Options', 'DENY');
  // Not `no-referrer`: browsers would then send `Origin: null` with the sign-in form.
  response.setHeader('Referrer-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('Cache-Control', 'no-store');
  if (request.secure) response.setHeader('Strict-Transport-Security', 'max-age=31536000');
  next();
}
