import { type FieldFault, type ProblemView, titleOf } from '@landfall/contract';
import {
  BadInputError,
  ConflictError,
  LandfallError,
  NotFoundError,
  PermanentError,
  RetryableError,
  WaitingError,
} from '@landfall/domain';

/** What was sent does not fit the route's schema. */
export class InvalidRequestError extends BadInputError {
  readonly errors: readonly FieldFault[];

  constructor(errors: readonly FieldFault[]) {
    super({
      code: 'BAD_REQUEST',
      message: `The request is not valid: ${errors.map(sentenceOf).join('; ')}.`,
      fix: 'Correct the fields that are named and send it again; /docs describes every request.',
    });
    this.errors = errors;
  }
}

/** Nobody is signed in, or the token is not one of ours. */
export class UnauthenticatedError extends PermanentError {
  constructor(message = 'This address needs a sign-in, and the request carries no valid token.') {
    super({
      code: 'UNAUTHENTICATED',
      message,
      fix: 'Send "Authorization: Bearer TOKEN", or sign in at /. A local stack keeps its token in stack.json.',
    });
  }
}

/** Signed in, but not allowed to do this. */
export class ForbiddenError extends PermanentError {}

/** The request itself is refused by HTTP's rules: its size, its type, its address. */
export class RequestRefusedError extends PermanentError {
  readonly status: number;

  constructor(status: number, details: { code: string; message: string; fix: string }) {
    super(details);
    this.status = status;
  }
}

/** Shortest and longest `Retry-After`, in seconds. */
const RETRY_AFTER = { least: 1, most: 300 } as const;

/** The answer to an error: its body, and how long to wait when a repetition may help. */
export function problemOf(error: unknown, path: string): { problem: ProblemView; retryAfterSeconds: number | null } {
  const known = error instanceof LandfallError ? error : translate(error);
  const status = statusOf(known);
  const problem: ProblemView = {
    type: `urn:landfall:problem:${known.code}`,
    title: titleOf(status),
    status,
    code: known.code,
    detail: known.message,
    fix: known.fix,
    instance: path,
    ...(known instanceof InvalidRequestError ? { errors: [...known.errors] } : {}),
  };
  return { problem, retryAfterSeconds: status === 503 ? retryAfterSeconds(known) : null };
}

function statusOf(error: LandfallError): number {
  if (error instanceof RequestRefusedError) return error.status;
  if (error instanceof UnauthenticatedError) return 401;
  if (error instanceof ForbiddenError) return 403;
  if (error instanceof BadInputError) return 400;
  if (error instanceof NotFoundError) return 404;
  if (error instanceof ConflictError) return 409;
  if (error instanceof RetryableError || error instanceof WaitingError) return 503;
  return 422;
}

function retryAfterSeconds(error: LandfallError): number {
  const wanted = 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs / 1000 : 5;
  return Math.min(RETRY_AFTER.most, Math.max(RETRY_AFTER.least, Math.ceil(wanted)));
}

/**
 * Errors of the HTTP layer (Nest and Express) in our words. They are told by their status; whatever else arrives here
 * is unexpected, and its text stays in the log.
 */
function translate(error: unknown): LandfallError {
  const status = numberIn(error, 'status') ?? numberIn(error, 'statusCode');
  if (status === 404) {
    return new NotFoundError({
      code: 'ROUTE_NOT_FOUND',
      message: 'There is nothing at this address, or not with this method.',
      fix: 'Compare the method and the address with /docs.',
    });
  }
  if (status === 415) return unsupportedMediaType();
  if (status !== undefined && status >= 400 && status < 500) {
    return new RequestRefusedError(status, {
      code: 'BAD_REQUEST',
      message: 'The request is malformed: its address, headers or body cannot be read.',
      fix: 'Compare the request with /docs and send it again.',
    });
  }
  return new UnexpectedError(error);
}

export function unsupportedMediaType(): RequestRefusedError {
  return new RequestRefusedError(415, {
    code: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'The body of the request is not declared as JSON in UTF-8.',
    fix: 'Send it with the header "Content-Type: application/json".',
  });
}

/** Nobody foresaw it; answered with 500 and without the cause, which is logged. */
export class UnexpectedError extends RequestRefusedError {
  constructor(cause: unknown) {
    super(500, {
      code: 'UNEXPECTED',
      message: 'An unexpected error happened while answering this request.',
      fix: "Try again; if it stays, look into the api's log for the request with this answer's X-Request-Id.",
    });
    this.cause = cause;
  }
}

function numberIn(error: unknown, key: 'status' | 'statusCode'): number | undefined {
  if (!(error instanceof Error) || !(key in error)) return undefined;
  const value: unknown = Reflect.get(error, key);
  return typeof value === 'number' ? value : undefined;
}

function sentenceOf(fault: FieldFault): string {
  return fault.field === '' ? fault.message : `${fault.field}: ${fault.message}`;
}
