import type { NextFunction, Request, Response } from 'express';
import { InvalidRequestError, unsupportedMediaType } from '../errors/problem.js';
import { changesSomething } from '../access/same-origin.js';

/** Paths and queries with control characters are nobody's; Postgres could not even compare a text with a NUL. */
export function refuseControlCharacters(request: Request, _response: Response, next: NextFunction): void {
  let address: string;
  try {
    address = decodeURIComponent(request.originalUrl.replace(/\+/g, ' '));
  } catch {
    throw new InvalidRequestError([{ field: '', message: 'the address is not validly percent-encoded' }]);
  }
  if (/\p{Cc}/u.test(address)) {
    throw new InvalidRequestError([{ field: '', message: 'the address holds control characters' }]);
  }
  next();
}

/** A body must say that it is JSON; the sign-in form alone may send one as a form. */
export function requireJson(request: Request, _response: Response, next: NextFunction): void {
  const hasBody = request.headers['content-length'] !== '0' && request.is('*/*') !== null;
  if (changesSomething(request) && hasBody) {
    const allowed = request.path === '/session' ? ['application/json', 'application/x-www-form-urlencoded'] : ['json'];
    if (request.is(allowed) === false) throw unsupportedMediaType();
  }
  next();
}
