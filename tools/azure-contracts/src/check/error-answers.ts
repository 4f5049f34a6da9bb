import type { Exchange } from '@landfall/azure-emulator';
import type { PublishedOperation } from '../published/operation.js';
import type { ObjectShape, Shape } from '../shapes/shape.js';
import { validate } from '../shapes/validate.js';
import type { Report } from './finding.js';

/*
 * An answer that refuses: `{"error": {"code", "message", …}}`. The models require neither code nor message, but nobody
 * can do anything with an error that lacks one.
 */
const PLAIN_STRING: Shape = { kind: 'string', minLength: 1 };

const ERROR_BODY: Shape = {
  kind: 'object',
  name: 'ErrorBody',
  properties: new Map([
    ['code', { shape: PLAIN_STRING, required: true, readOnly: false, nullable: false }],
    ['message', { shape: PLAIN_STRING, required: true, readOnly: false, nullable: false }],
  ]),
  additional: { kind: 'any' },
} satisfies ObjectShape;

/** What holds whoever refuses. */
const CLOUD_ERROR: Shape = {
  kind: 'object',
  name: 'CloudError',
  properties: new Map([['error', { shape: ERROR_BODY, required: true, readOnly: false, nullable: false }]]),
  additional: null,
};

export function checkErrorAnswer(exchange: Exchange, operation: PublishedOperation | null, report: Report): void {
  const { request, answer } = exchange;
  if (request.method === 'HEAD') {
    if (answer.body !== undefined) report('answer', '', 'body not declared', 'an answer to HEAD has no body');
    return;
  }
  const body = answer.status === 429 ? wrapped(answer.body) : answer.body;
  const shapes = [CLOUD_ERROR, operation?.error?.body ?? null].filter((shape) => shape !== null);
  for (const shape of shapes) {
    for (const fault of validate(body, shape, 'answer')) report('answer', fault.path, fault.rule, fault.message);
  }
}

/** Too many requests to Compute are also answered without the `error` around the error. */
function wrapped(body: unknown): unknown {
  return typeof body === 'object' && body !== null && !('error' in body) ? { error: body } : body;
}

/** The `error` of an operation that failed, as its status tells it. */
export function checkErrorBody(body: unknown, path: string, report: Report): void {
  for (const fault of validate(body, ERROR_BODY, 'answer', path)) {
    report('answer', fault.path, fault.rule, fault.message);
  }
}
