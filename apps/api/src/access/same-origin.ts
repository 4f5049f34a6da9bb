import type { Request } from 'express';

/**
 * Whether a browser says that a page of this very site sent the request. Browsers set both headers themselves and
 * let no page change them; `Sec-Fetch-Site` is the newer one and also right behind a proxy that renames the host.
 */
export function isSameOrigin(request: Request): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const origin = request.headers.origin;
  if (origin === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === request.headers.host;
}

/** Whether a browser says that another site sent the request; a program that is no browser says nothing. */
export function isCrossSite(request: Request): boolean {
  const told = request.headers['sec-fetch-site'] !== undefined || request.headers.origin !== undefined;
  return told && !isSameOrigin(request);
}

export function changesSomething(request: Request): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(request.method);
}
