import type { Exchange } from '@landfall/azure-emulator';
import type { OperationIndex, PublishedOperation, QueryParameter } from '../published/operation.js';
import { validate, type Fault } from '../shapes/validate.js';
import { checkErrorAnswer } from './error-answers.js';
import type { Finding, Report } from './finding.js';
import { checkRetryAfter, LongRunning } from './long-running.js';
import { checkShown } from './always-shown.js';
import { wireFacts } from './wire-facts.js';

export interface CheckerOptions {
  /**
   * `accepted`: only requests that were not refused, for tests that send what is wrong on purpose. What the emulator
   * accepts has to be what Azure would.
   */
  readonly requests: 'all' | 'accepted';
  /**
   * `whole`: every operation has to be in the source, and what is known of the wire beside it is held too. `part`: the
   * source is a second opinion on the operations that it has.
   */
  readonly source: 'whole' | 'part';
  /** What is right although the source does not have it: the operation, and the place in the body. */
  readonly exceptions: readonly Exception[];
}

export interface Exception {
  readonly operation: RegExp;
  readonly path: RegExp;
  readonly why: string;
}

/** Holds exchanges, in the order in which they were made, against published operations. */
export class ContractChecker {
  readonly findings: Finding[] = [];
  private readonly longRunning = new LongRunning();
  private readonly seen = new Map<string, Map<number, number>>();

  constructor(
    private readonly index: OperationIndex,
    private readonly options: CheckerOptions,
  ) {}

  check(exchange: Exchange): void {
    const { request, answer } = exchange;
    const operation = this.index.find(request.method, decoded(request.path));
    const report: Report = (side, path, rule, message) =>
      this.findings.push({ operation: operation?.id ?? null, side, path, rule, message, exchange });
    const isWhole = this.options.source === 'whole';
    if (isWhole) checkHeaders(exchange, report);
    if (isWhole && this.longRunning.checkPoll(exchange, report)) return;
    if (operation === null) {
      if (!isWhole) return;
      if (answer.status >= 400) checkErrorAnswer(exchange, null, report);
      else report('answer', '', 'operation not published', 'no published operation has this method and path');
      return;
    }
    this.count(operation.id, answer.status);
    if (this.options.requests === 'all' || answer.status < 400) this.checkRequest(exchange, operation, report);
    this.checkAnswer(exchange, operation, report);
  }

  /** How often each operation was answered with each status. */
  get statuses(): ReadonlyMap<string, ReadonlyMap<number, number>> {
    return this.seen;
  }

  private count(id: string, status: number): void {
    const counts = this.seen.get(id) ?? new Map<number, number>();
    counts.set(status, (counts.get(status) ?? 0) + 1);
    this.seen.set(id, counts);
  }

  private checkRequest({ request }: Exchange, operation: PublishedOperation, report: Report): void {
    const query = new URLSearchParams(request.query);
    for (const [name, value] of query) {
      const parameter = operation.query.find((known) => known.name === name);
      if (parameter === undefined) report('request', `?${name}`, 'unknown parameter', 'the operation has no such');
      else if (!fits(value, parameter)) report('request', `?${name}`, 'value not allowed', `'${value}' does not fit`);
    }
    for (const { name } of operation.query.filter(({ name, required }) => required && !query.has(name))) {
      report('request', `?${name}`, 'missing parameter', 'the operation needs it');
    }
    if (request.body === undefined) {
      if (operation.body?.required === true) report('request', '', 'missing body', 'the operation needs one');
    } else if (operation.body === null) {
      report('request', '', 'body not declared', 'the operation takes none');
    } else {
      this.reportFaults('request', validate(request.body, operation.body.shape, 'request'), operation, report);
    }
  }

  private checkAnswer(exchange: Exchange, operation: PublishedOperation, report: Report): void {
    const { answer } = exchange;
    const declared = operation.answers.get(answer.status);
    const facts = this.options.source === 'whole' ? wireFacts(operation.id) : null;
    if (answer.status >= 400 && declared === undefined) {
      if (operation.error === null) report('answer', '', 'status not declared', 'the operation declares no errors');
      checkErrorAnswer(exchange, operation, report);
      return;
    }
    if (declared === undefined || facts?.statuses.includes(answer.status) === false) {
      const known = facts?.statuses ?? [...operation.answers.keys()];
      report('answer', '', 'status not declared', `${answer.status} is not one of ${known.join(', ')}`);
    }
    const shape = declared?.body ?? null;
    const isAccepted = answer.status === 202 && facts?.accepts?.body !== 'resource';
    if (answer.body === undefined) {
      if (shape !== null && !isAccepted && answer.status !== 204) report('answer', '', 'missing body', 'it has one');
    } else if (shape === null) {
      if (declared !== undefined) report('answer', '', 'body not declared', 'this answer has no body');
    } else {
      this.reportFaults('answer', validate(answer.body, shape, 'answer'), operation, report);
    }
    if (facts?.accepts !== undefined) {
      this.longRunning.checkAcceptance(exchange, operation, facts.accepts, report);
    }
    if (facts !== null && answer.body !== undefined) checkShown(exchange, operation.id, report);
  }

  private reportFaults(
    side: Finding['side'],
    faults: readonly Fault[],
    operation: PublishedOperation,
    report: Report,
  ): void {
    for (const fault of faults) {
      const isKnown = this.options.exceptions.some(
        (each) => each.operation.test(operation.id) && each.path.test(fault.path),
      );
      if (isKnown) continue;
      report(side, fault.path, fault.rule, fault.message);
    }
  }
}

/** What every answer carries. */
function checkHeaders({ request, answer }: Exchange, report: Report): void {
  for (const name of ['x-ms-request-id', 'x-ms-correlation-request-id']) {
    if (!answer.headers[name]) report('answer', `${name}:`, 'missing header', 'every answer carries one');
  }
  const type = answer.headers['content-type'];
  if (answer.body !== undefined && request.method !== 'HEAD' && !/^application\/json\b/.test(type ?? '')) {
    report('answer', 'content-type:', 'wrong format', `'${type}' is not application/json`);
  }
  checkRetryAfter(answer.headers['retry-after'], false, report);
}

function fits(value: string, parameter: QueryParameter): boolean {
  if (parameter.values !== undefined && !parameter.values.includes(value)) return false;
  if (parameter.type === 'number') return /^-?\d+(\.\d+)?$/.test(value);
  return parameter.type === 'boolean' ? value === 'true' || value === 'false' : true;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
