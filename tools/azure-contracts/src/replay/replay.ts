import { setTimeout as pause } from 'node:timers/promises';
import type { Exchange } from '@landfall/azure-emulator';
import { differences } from './compare.js';
import { Pairs } from './volatile.js';

/*
 * Sends recorded requests again, one after the other, and compares the answers: status, body, and the headers that a
 * client goes by. How often an operation had to be asked about is a matter of time, so of those questions only the one
 * that was answered with its end is asked, until it is answered with an end again. What was refused for its size can't
 * be sent again: nobody has read it.
 */
const COMPARED_HEADERS = ['azure-asyncoperation', 'location', 'content-type', 'www-authenticate', 'allow'];
const MOST_QUESTIONS = 600;

export interface ReplayTarget {
  readonly url: string;
  readonly token: string;
}

export interface ReplayResult {
  readonly sent: number;
  readonly passedOver: number;
  /** What is different, a line each, with the request that it is about. */
  readonly differences: readonly string[];
}

export async function replay(exchanges: readonly Exchange[], target: ReplayTarget): Promise<ReplayResult> {
  const pairs = new Pairs();
  const found: string[] = [];
  let sent = 0;
  for (const exchange of exchanges) {
    const { status, body } = exchange.answer;
    if ((isQuestion(exchange) && isInProgress(status, body)) || status === 413) continue;
    const answer = await repeated(exchange, target, pairs);
    sent++;
    const { request } = exchange;
    const about = `${request.method} ${request.path}`;
    if (answer.status !== exchange.answer.status) {
      found.push(`${about}: status ${exchange.answer.status} and now ${answer.status} ${JSON.stringify(answer.body)}`);
      continue;
    }
    for (const difference of differences(exchange.answer.body, answer.body, pairs))
      found.push(`${about}: ${difference}`);
    for (const name of COMPARED_HEADERS) {
      const [before, after] = [exchange.answer.headers[name] ?? null, answer.headers.get(name)];
      found.push(...differences(before, after, pairs, `${name}:`).map((difference) => `${about}: ${difference}`));
    }
  }
  return { sent, passedOver: exchanges.length - sent, differences: found };
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function repeated(exchange: Exchange, target: ReplayTarget, pairs: Pairs): Promise<Answer> {
  for (let asked = 1; ; asked++) {
    const answer = await send(exchange, target, pairs);
    if (!isQuestion(exchange) || !isInProgress(answer.status, answer.body) || asked === MOST_QUESTIONS) return answer;
    await pause(20);
  }
}

async function send({ request, answer }: Exchange, target: ReplayTarget, pairs: Pairs): Promise<Answer> {
  const url = pairs.translate(request.path) + (request.query === '' ? '' : `?${pairs.translate(request.query)}`);
  const { body } = request;
  const text = body === undefined ? null : pairs.translate(typeof body === 'string' ? body : JSON.stringify(body));
  const authorization = authorizationFor(answer, target.token);
  const sent = await fetch(target.url + url, {
    method: request.method,
    headers: {
      ...(text === null ? {} : { 'content-type': 'application/json' }),
      ...(authorization === null ? {} : { authorization }),
      ...conditions(request.headers, pairs),
    },
    body: text,
  });
  const received = await sent.text();
  return { status: sent.status, headers: sent.headers, body: received === '' ? undefined : JSON.parse(received) };
}

/** Tokens are not recorded; what was refused for its token is sent with none, or with a wrong one, again. */
function authorizationFor({ status, body }: Exchange['answer'], token: string): string | null {
  if (status !== 401) return `Bearer ${token}`;
  return JSON.stringify(body).includes('"AuthenticationFailed"') ? null : 'Bearer wrong';
}

function conditions(headers: Readonly<Record<string, string>>, pairs: Pairs): Record<string, string> {
  return Object.fromEntries(
    ['if-match', 'if-none-match'].flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, pairs.translate(value)]];
    }),
  );
}

/** Whether a request asks how a long-running operation is doing. */
function isQuestion({ request }: Exchange): boolean {
  return request.method === 'GET' && /\/(operations|DiskOperations|operationresults)\/[^/]+$/i.test(request.path);
}

function isInProgress(status: number, body: unknown): boolean {
  return status === 202 || (body as { readonly status?: string } | undefined)?.status === 'InProgress';
}
