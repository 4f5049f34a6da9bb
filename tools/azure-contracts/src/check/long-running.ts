import type { Exchange } from '@landfall/azure-emulator';
import type { PublishedOperation } from '../published/operation.js';
import { validate } from '../shapes/validate.js';
import { checkErrorAnswer, checkErrorBody } from './error-answers.js';
import type { Report } from './finding.js';
import type { Acceptance } from './wire-facts.js';

/*
 * How a long-running operation is accepted and followed. No published model says anything of this.
 *
 *   acceptance   headers that point to the operation (absolute URLs) and `Retry-After`; what the body says meanwhile
 *   status       `Azure-AsyncOperation`: always 200; `status` InProgress, then Succeeded, Failed or Canceled
 *   result       `Location`: 202 until the end, then what the operation answers, or its error
 */
export class LongRunning {
  /** By the path of the operation's URL, in lower case. */
  private readonly started = new Map<string, PublishedOperation>();

  checkAcceptance(exchange: Exchange, operation: PublishedOperation, accepts: Acceptance, report: Report): void {
    const { answer } = exchange;
    if (!accepts.status.includes(answer.status) || isOver(answer.body)) return;
    for (const name of accepts.headers) {
      const url = answer.headers[name];
      if (url === undefined) report('answer', `${name}:`, 'missing header', 'an accepted operation names it');
      else this.checkUrl(name, url, operation, accepts, report);
    }
    checkRetryAfter(answer.headers['retry-after'], true, report);
    if (accepts.body === 'none' && answer.body !== undefined) {
      report('answer', '', 'body not declared', 'the acceptance of this operation has no body');
    }
    if (accepts.body === 'resource' && answer.body === undefined) {
      report('answer', '', 'missing body', 'the acceptance of this operation shows the resource');
    }
    const state = provisioningState(answer.body);
    if (accepts.states !== undefined && !accepts.states.includes(String(state))) {
      const message = `is '${String(state)}' and has to be ${accepts.states.join(' or ')}`;
      report('answer', 'properties.provisioningState', 'value not allowed', message);
    }
  }

  /** False when the request is not about an operation. */
  checkPoll(exchange: Exchange, report: Report): boolean {
    const { request } = exchange;
    const isResult = /\/operationresults\//i.test(request.path) || /(^|&)monitor=true(&|$)/.test(request.query);
    if (!/\/(operations|DiskOperations|operationresults)\/[^/]+$/i.test(request.path)) return false;
    if (exchange.answer.status >= 400) checkErrorAnswer(exchange, null, report);
    else if (isResult) this.checkResult(exchange, report);
    else this.checkStatus(exchange, report);
    return true;
  }

  /** Which operation this one's URL was handed out by. */
  operationOf(path: string): PublishedOperation | undefined {
    return this.started.get(path.toLowerCase());
  }

  private checkUrl(
    name: string,
    url: string,
    operation: PublishedOperation,
    accepts: Acceptance,
    report: Report,
  ): void {
    if (!URL.canParse(url)) {
      report('answer', `${name}:`, 'wrong format', `'${url}' is not an absolute URL`);
      return;
    }
    const { protocol, pathname, searchParams } = new URL(url);
    if (protocol !== 'https:' || !accepts.url.test(pathname)) {
      report('answer', `${name}:`, 'wrong format', `'${url}' is not the URL of such an operation`);
    }
    if (!/^\d{4}-\d{2}-\d{2}/.test(searchParams.get('api-version') ?? '')) {
      report('answer', `${name}:`, 'wrong format', `'${url}' has no api-version`);
    }
    const isMonitored = accepts.headers.includes('azure-asyncoperation');
    if (name === 'location' && isMonitored && searchParams.get('monitor') !== 'true') {
      report('answer', `${name}:`, 'wrong format', `'${url}' has no monitor=true`);
    }
    this.started.set(pathname.toLowerCase(), operation);
  }

  private checkStatus(exchange: Exchange, report: Report): void {
    const { answer, request } = exchange;
    if (answer.status !== 200) report('answer', '', 'status not declared', 'the status of an operation is a 200');
    const body = (answer.body ?? {}) as Readonly<Record<string, unknown>>;
    const unknown = Object.keys(body).filter((name) => !STATUS_MEMBERS.has(name));
    for (const name of unknown) report('answer', name, 'unknown property', 'the status of an operation has no such');
    for (const name of ['startTime', 'endTime']) {
      const faults = validate(body[name], { kind: 'string', format: 'date-time' }, 'answer', name);
      if (body[name] !== undefined) faults.forEach((fault) => report('answer', name, fault.rule, fault.message));
    }
    const tellsTimes = !/\/providers\/Microsoft\.Network\//i.test(request.path);
    if (tellsTimes && body['startTime'] === undefined)
      report('answer', 'startTime', 'missing property', 'tells when it began');
    if (body['name'] !== undefined && !request.path.endsWith(`/${String(body['name'])}`)) {
      report('answer', 'name', 'value not allowed', `is '${String(body['name'])}' and not the operation's`);
    }
    switch (body['status']) {
      case 'InProgress':
        checkRetryAfter(answer.headers['retry-after'], true, report);
        if (body['endTime'] !== undefined) report('answer', 'endTime', 'unknown property', 'it has not ended');
        return;
      case 'Succeeded':
        if (body['error'] !== undefined) report('answer', 'error', 'unknown property', 'it has succeeded');
        this.checkOutput(exchange, body, report);
        break;
      case 'Failed':
      case 'Canceled':
        checkErrorBody(body['error'], 'error', report);
        break;
      default:
        report('answer', 'status', 'value not allowed', `'${String(body['status'])}' is no state of an operation`);
    }
    if (tellsTimes && body['endTime'] === undefined) report('answer', 'endTime', 'missing property', 'it has ended');
  }

  /** Where Azure shows the result beside the status, it is the one that the operation itself would answer. */
  private checkOutput(exchange: Exchange, body: Readonly<Record<string, unknown>>, report: Report): void {
    const operation = this.operationOf(exchange.request.path);
    const output = (body['properties'] as { readonly output?: unknown } | undefined)?.output;
    const shape = operation?.answers.get(200)?.body ?? null;
    if (operation !== undefined && shape !== null && output === undefined && OUTPUT_EXPECTED.test(operation.id)) {
      report('answer', 'properties.output', 'missing property', 'the last status of this operation shows the result');
    }
    if (output === undefined || shape === null) return;
    for (const fault of validate(output, shape, 'answer', 'properties.output')) {
      report('answer', fault.path, fault.rule, fault.message);
    }
  }

  private checkResult(exchange: Exchange, report: Report): void {
    const { answer, request } = exchange;
    if (answer.status === 202) {
      checkRetryAfter(answer.headers['retry-after'], true, report);
      if (answer.body !== undefined) report('answer', '', 'body not declared', 'it is in progress');
      return;
    }
    if (answer.status !== 200 && answer.status !== 204) {
      report('answer', '', 'status not declared', 'a result is a 200 or a 204');
    }
    const shape = this.operationOf(request.path)?.answers.get(200)?.body ?? null;
    if (shape === null && answer.body !== undefined) {
      report('answer', '', 'body not declared', 'the result of this operation has no body');
    }
    if (shape === null || answer.status === 204) return;
    for (const fault of validate(answer.body, shape, 'answer')) {
      report('answer', fault.path, fault.rule, fault.message);
    }
  }
}

const STATUS_MEMBERS = new Set(['startTime', 'endTime', 'status', 'name', 'properties', 'error', 'id']);
const OUTPUT_EXPECTED = /^(disks|snapshots)\.(createOrUpdate|update|grantAccess)$/;

export function checkRetryAfter(value: string | undefined, isDue: boolean, report: Report): void {
  if (value === undefined) {
    if (isDue) report('answer', 'retry-after:', 'missing header', 'an operation in progress says when to ask again');
  } else if (!/^\d+$/.test(value)) {
    report('answer', 'retry-after:', 'wrong format', `'${value}' is not an integer`);
  }
}

function provisioningState(body: unknown): unknown {
  return (body as { readonly properties?: { readonly provisioningState?: unknown } } | undefined)?.properties
    ?.provisioningState;
}

/** A change that took no time is answered with the resource as it is. */
function isOver(body: unknown): boolean {
  return provisioningState(body) === 'Succeeded';
}
