import type { Request } from 'express';

/** Whether a person's browser asks for a page, as opposed to a program that calls the API. */
export function wantsPage(request: Request): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  if (/^\/(v1|internal|health|metrics|docs-json)(\/|$)/i.test(request.path)) return false;
  return /\btext\/html\b/.test(request.headers.accept ?? '');
}
