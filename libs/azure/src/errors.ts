import {
  LandfallError,
  outlineOf,
  PermanentError,
  RetryableError,
  WaitingError,
  withoutSecrets,
} from '@landfall/domain';
import { REFUSAL_RULES, type RefusalRule } from './refusal-rules.js';

/*
 * Azure's refusals in Landfall's words. The rules of `refusal-rules.ts` decide on the kind, the code and the remedy. Azure's own sentence and code are kept in the
 * message, and the correlation ID at its end, because that is what Microsoft's support asks for.
 */

/** What Azure said, whichever way it said it. */
export interface AzureAnswer {
  /** HTTP status; null when no answer came, or for the outcome of a long-running operation. */
  readonly status: number | null;
  readonly code: string | null;
  readonly message: string;
  readonly retryAfterMs: number | null;
  readonly correlationId: string | null;
}

/** @param doing what was being done, such as `create the disk "web-os-r1"` */
export function refusal(answer: AzureAnswer, doing: string, cause?: unknown): LandfallError {
  const rule = REFUSAL_RULES.find((candidate) => fits(candidate, answer));
  const said = withoutSecrets(answer.message).replace(/\s+/g, ' ').trim().replace(/\.?$/, '.');
  const origin = [answer.code, answer.correlationId === null ? null : `correlation ${answer.correlationId}`]
    .filter((part) => part !== null)
    .join(', ');
  const message = `Azure did not ${doing}: ${said}${origin === '' ? '' : ` (${origin})`}`;
  if (rule === undefined) {
    return new PermanentError(
      { code: 'AZURE_REFUSED', message, fix: "Act on Azure's own sentence above, then resume or begin anew." },
      { cause },
    );
  }
  const details = { code: rule.code, message, fix: rule.fix };
  const retryAfterMs = answer.retryAfterMs ?? rule.retryAfterMs;
  switch (rule.kind) {
    case 'permanent':
      return new PermanentError(details, { cause });
    case 'retryable':
      return new RetryableError(details, retryAfterMs === undefined ? { cause } : { cause, retryAfterMs });
    case 'waiting':
      return new WaitingError(details, { cause, retryAfterMs: retryAfterMs ?? 5_000 });
  }
}

/** Any error of a call to Azure as one of ours; ours pass through. */
export function fromAzure(error: unknown, doing: string): LandfallError {
  if (error instanceof LandfallError) return error;
  if (isAbort(error)) return interrupted(doing, error);
  const answer = answerOf(error);
  if (answer !== null) return refusal(answer, doing, error);
  if (error instanceof Error && /^(Authentication|CredentialUnavailable|AggregateAuthentication)/.test(error.name)) {
    return refusal({ ...SILENCE, code: 'AuthenticationFailed', message: error.message }, doing, error);
  }
  return unreachable(doing, outlineOf(error), error);
}

export function interrupted(doing: string, cause?: unknown): RetryableError {
  return new RetryableError(
    {
      code: 'INTERRUPTED',
      message: `Landfall stopped waiting for Azure to ${doing}.`,
      fix: 'Nothing has to be done: the next try goes on where this one stopped.',
    },
    { cause },
  );
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

export function isNotFound(error: unknown): boolean {
  return answerOf(error)?.status === 404;
}

/** What Azure answered; null when the error is no answer (nothing came back, or it is none of the client's). */
export function answerOf(error: unknown): AzureAnswer | null {
  if (!(error instanceof Error) || error.name !== 'RestError') return null;
  const rest = error as Error & {
    statusCode?: number;
    code?: string;
    details?: unknown;
    response?: { headers?: { get(name: string): string | undefined } };
  };
  if (rest.statusCode === undefined) return null;
  const headers = rest.response?.headers;
  const body = bodyError(rest.details);
  return {
    status: rest.statusCode,
    code: body.code ?? rest.code ?? null,
    message: body.message ?? rest.message,
    retryAfterMs: retryAfter(headers?.get('retry-after')),
    correlationId: headers?.get('x-ms-correlation-request-id') ?? headers?.get('x-ms-request-id') ?? null,
  };
}

/** The error object of a body, be it wrapped in `error`, bare, or with its real reason among its details. */
export function bodyError(body: unknown): { code: string | null; message: string | null } {
  const outer = field(body, 'error') ?? body;
  const code = text(field(outer, 'code'));
  const message = text(field(outer, 'message'));
  const details = field(outer, 'details');
  const inner: unknown = Array.isArray(details) ? details[0] : undefined;
  const innerCode = text(field(inner, 'code'));
  // A collective code says nothing; the details under it do.
  if (innerCode !== null && (code === null || ['DeploymentFailed', 'ResourceDeploymentFailure'].includes(code))) {
    return { code: innerCode, message: text(field(inner, 'message')) ?? message };
  }
  return { code, message };
}

const SILENCE: AzureAnswer = { status: null, code: null, message: '', retryAfterMs: null, correlationId: null };

function unreachable(doing: string, reason: string, cause: unknown): RetryableError {
  return new RetryableError(
    {
      code: 'AZURE_UNREACHABLE',
      message: `Azure could not be asked to ${doing}: ${reason}.`,
      fix: 'Nothing has to be done: Landfall tries again. Check the network and the endpoint if it goes on.',
    },
    { cause },
  );
}

function fits(rule: RefusalRule, answer: AzureAnswer): boolean {
  if (rule.codes !== undefined && !rule.codes.includes(answer.code ?? '')) return false;
  if (rule.statuses !== undefined && !rule.statuses.includes(answer.status ?? 0)) return false;
  return rule.message === undefined || rule.message.test(answer.message);
}

function retryAfter(header: string | undefined): number | null {
  if (header === undefined) return null;
  const seconds = Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
