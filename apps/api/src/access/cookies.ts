import type { Request } from 'express';

export const SESSION_COOKIE = 'landfall-session';

/** The value of a cookie, or null. Cookie values of this site hold no characters that need decoding. */
export function cookie(request: Request, name: string): string | null {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return null;
}
