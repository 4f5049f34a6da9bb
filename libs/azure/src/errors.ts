import type { PipelineRequest } from '@azure/core-rest-pipeline';
import {
  LandfallError,
  outlineOf,
  PermanentError,
  RetryableError,
  WaitingError,
  withoutSecrets,
} from '@landfall/domain';
import { refusalBody } from './refusal-bodies.js';
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
  /** What lies under a collective error; left out: nothing. */
  readonly reasons?: readonly AzureReason[];
  readonly retryAfterMs: number | null;
  readonly correlationId: string | null;
}

/** @param doing what was being done, such as `create the disk "web-os-r1"` */
export function refusal(answer: AzureAnswer, doing: string, cause?: unknown): LandfallError {
  const rule = ruleFor(answer);
  const said = withoutSecrets([answer.message, ...reasonsUnsaid(answer)].map(sentence).join(' '));
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
    request?: PipelineRequest;
    response?: { headers?: { get(name: string): string | undefined } };
  };
  if (rest.statusCode === undefined) return null;
  const headers = rest.response?.headers;
  const body = bodyError(rest.details ?? refusalBody(rest.request));
  return {
    status: rest.statusCode,
    code: body.code ?? rest.code ?? null,
    message: body.message ?? rest.message,
    reasons: body.reasons,
    retryAfterMs: retryAfter(headers?.get('retry-after')),
    correlationId: headers?.get('x-ms-correlation-request-id') ?? headers?.get('x-ms-request-id') ?? null,
  };
}

/** An error as Azure words it: wrapped in `error` or bare. */
export interface AzureSaid {
  readonly code: string | null;
  readonly message: string | null;
  /** The innermost of its details, which are the reasons where the error itself is a collective one; few, and no chains. */
  readonly reasons: readonly AzureReason[];
}

export interface AzureReason {
  readonly code: string;
  readonly message: string;
}

/** Details may lie in details: those of a move are two levels deep, its reasons below one entry for each type of resource. */
const DEEPEST_DETAIL = 5;
const MOST_REASONS = 10;

export function bodyError(body: unknown): AzureSaid {
  const outer = field(body, 'error') ?? body;
  return {
    code: text(field(outer, 'code')),
    message: text(field(outer, 'message')),
    reasons: reasonsUnder(outer, DEEPEST_DETAIL).slice(0, MOST_REASONS),
  };
}

function reasonsUnder(error: unknown, depth: number): AzureReason[] {
  const details = field(error, 'details');
  if (depth === 0 || !Array.isArray(details)) return [];
  return details.slice(0, MOST_REASONS).flatMap((detail: unknown) => {
    const [code, message] = [text(field(detail, 'code')), text(field(detail, 'message'))];
    const inner = [...reasonsUnder(detail, depth - 1), ...reasonsWrittenInto(message, depth - 1)];
    if (inner.length > 0) return inner;
    return code === null && message === null ? [] : [{ code: code ?? '', message: message ?? '' }];
  });
}

/**
 * A provider's answer to a move is handed on as it came: the message of a detail is then a whole error in JSON
 * (MicrosoftDocs/azure-docs#7589), which may be a reason by itself.
 */
function reasonsWrittenInto(message: string | null, depth: number): AzureReason[] {
  if (message === null || !message.trimStart().startsWith('{')) return [];
  const written = parseJson(message);
  const inner = field(written, 'error') ?? written;
  const reasons = reasonsUnder(inner, depth);
  const [code, said] = [text(field(inner, 'code')), text(field(inner, 'message'))];
  return reasons.length > 0 || code === null ? reasons : [{ code, message: said ?? '' }];
}

function parseJson(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    return null;
  }
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

/** Codes that only say that something among several has failed: what failed, and whether it passes, is in the reasons. */
const COLLECTIVE =
  /^(DeploymentFailed|ResourceDeploymentFailure|MultipleErrorsOccurred|ResourceMove(Provider|Policy)ValidationFailed|MoveCannotProceedWith.*)$/;

/**
 * A collective error is what its reasons are: one that does not pass by itself decides, and only where all of them pass does
 * the whole. A reason that no rule knows leaves the decision to the collective error's own rule.
 */
function ruleFor(answer: AzureAnswer): RefusalRule | undefined {
  const own = REFUSAL_RULES.find((candidate) => fits(candidate, answer));
  const reasons = answer.reasons ?? [];
  if (reasons.length === 0 || (answer.code !== null && !COLLECTIVE.test(answer.code))) return own;
  const rules = reasons.map((reason) => ruleForReason(reason, answer));
  const lasting = rules.find((rule) => rule?.kind === 'permanent');
  if (lasting !== undefined) return lasting;
  return rules.includes(undefined) ? own : rules[0];
}

function ruleForReason(reason: AzureReason, answer: AzureAnswer): RefusalRule | undefined {
  return REFUSAL_RULES.find((rule) => fits(rule, { ...answer, ...reason, status: null }));
}

/** Each reason of a refusal, with the rule that tells what it means; the refusal itself where it has none. */
export function refusedFor(answer: AzureAnswer): readonly (AzureReason & { readonly rule: RefusalRule | undefined })[] {
  const own = ruleFor({ ...answer, reasons: [] });
  const { code, message, reasons = [] } = answer;
  if (reasons.length === 0) return [{ code: code ?? '', message, rule: own }];
  return reasons.map((reason) => ({ ...reason, rule: ruleForReason(reason, answer) ?? own }));
}

/** Azure repeats a reason in the outer sentence at times. */
function reasonsUnsaid({ message, reasons = [] }: AzureAnswer): string[] {
  const unsaid = reasons.filter((reason) => reason.message === '' || !message.includes(reason.message));
  const told = unsaid.map(({ code, message: why }) => [code, why].filter((part) => part !== '').join(': '));
  return [...new Set(told)].slice(0, MOST_REASONS_TOLD);
}

const MOST_REASONS_TOLD = 3;

function sentence(text: string): string {
  return text.replace(/\s+/g, ' ').trim().replace(/\.?$/, '.');
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
