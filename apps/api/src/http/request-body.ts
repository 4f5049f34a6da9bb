import { BadInputError, type LandfallError } from '@landfall/domain';
import express, { type NextFunction, type Request, type Response } from 'express';
import { RequestRefusedError, unsupportedMediaType } from '../errors/problem.js';

const LARGEST_BODY = '1mb';
const LARGEST_FORM = '16kb';

const parseJson = express.json({ limit: LARGEST_BODY });
const parseForm = express.urlencoded({ limit: LARGEST_FORM, extended: false });

/** Parses a JSON body, or the sign-in form; what is wrong with a body is said in our words. */
export function requestBody(request: Request, response: Response, next: NextFunction): void {
  const parse = request.path === '/session' && request.is('application/x-www-form-urlencoded') ? parseForm : parseJson;
  parse(request, response, (fault?: unknown) => next(fault === undefined ? undefined : faultOf(fault)));
}

/** The body parser marks its errors with a `type`. */
function faultOf(fault: unknown): LandfallError {
  const type = fault instanceof Error && 'type' in fault ? String(fault.type) : '';
  if (type === 'entity.too.large') {
    return new RequestRefusedError(413, {
      code: 'BODY_TOO_LARGE',
      message: 'The body of the request is larger than 1 MB.',
      fix: 'Send a smaller one; no request of this API needs that much.',
    });
  }
  if (type === 'charset.unsupported' || type === 'encoding.unsupported') return unsupportedMediaType();
  return new BadInputError({
    code: 'BAD_REQUEST',
    message:
      type === 'entity.parse.failed'
        ? 'The body of the request is not valid JSON.'
        : 'The body of the request cannot be read: it is cut short or packed in an unknown way.',
    fix: 'Send a whole JSON object with the content type application/json.',
  });
}
