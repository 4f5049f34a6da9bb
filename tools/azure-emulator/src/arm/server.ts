import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Azure } from '../azure.js';
import { ConnectionCut, resourceIdIn, withFaults } from '../faults/request-faults.js';
import { OWNER } from '../governance/principals.js';
import type { Principal } from '../settings/principal.js';
import type { Throttle } from '../governance/throttling.js';
import { requireKnownApiVersion } from './api-versions.js';
import type { CallLog, LoggedCall } from './call-log.js';
import { AzureError, badRequest } from './errors.js';
import type { Answer, Call, Route } from './route.js';
import type { Router } from './router.js';
import { finished } from './wire.js';

/*
 * One request to Azure Resource Manager, or to the emulator's own `/_emulator` interface:
 * token → throttling → path → api-version → body → faults that are switched on → rules that hold for every operation →
 * the operation → answer. Whatever goes wrong
 * is answered in Azure's shape; an unexpected error is written to standard error and tells the client nothing of itself.
 */
const LARGEST_BODY_BYTES = 4 * 1024 * 1024;
const DEEPEST_BODY = 128;
const API_VERSION = /^(\d{4}-\d{2}-\d{2})(-preview)?$/;

export interface ArmServerParts {
  readonly azure: Azure;
  readonly router: Router;
  /** Whose token it is; null: nobody's. */
  readonly principalOf: (token: string) => Principal | null;
  readonly throttle: Throttle;
  readonly log: CallLog;
  /** What holds for every operation: the subscription, registered providers, locks. May throw AzureError. */
  readonly rules: (route: Route, call: Call, azure: Azure) => void;
}

export async function serveArm(
  request: IncomingMessage,
  response: ServerResponse,
  parts: ArmServerParts,
): Promise<void> {
  const url = urlOf(request);
  const method = request.method ?? 'GET';
  let limits: Readonly<Record<string, string>> = {};
  let operation: string | null = null;
  let tags: Readonly<Record<string, string>> | undefined;
  let answer: Answer;
  let asked: { readonly route: Route; readonly call: Call } | null = null;
  try {
    const principal = requirePrincipal(request, parts.principalOf);
    if (isOwn(url)) requireOwner(principal);
    else limits = parts.throttle.admit(method, decodePath(url.pathname), principal);
    const match = parts.router.find(method, decodePath(url.pathname));
    if (match === null) throw unknownPath(url.pathname);
    if ('allowed' in match) throw methodNotAllowed(method, match.allowed);
    operation = match.route.operation;
    const call: Call = {
      method,
      path: decodePath(url.pathname),
      parameters: match.parameters,
      query: url.searchParams,
      headers: request.headers,
      apiVersion: isOwn(url) ? '' : requireApiVersion(url),
      body: await readBody(request),
      principal,
    };
    tags = tagsOf(call.body);
    const { route } = match;
    if (!isOwn(url)) {
      asked = { route, call };
      requireKnownApiVersion(call.path, call.apiVersion, locationOf(call, parts.azure));
    }
    const carryOut = (): Answer | Promise<Answer> => {
      parts.rules(route, call, parts.azure);
      return route.handle(call, parts.azure);
    };
    answer = isOwn(url) ? await carryOut() : await withFaults(route, call, parts.azure, response, carryOut);
  } catch (error) {
    if (error instanceof ConnectionCut) {
      request.socket.destroy();
      parts.log.add({ ...logged(request, url, operation, tags, { status: error.status }), fault: error.fault });
      return;
    }
    answer = errorAnswer(error, method, url.pathname);
  }
  if (asked !== null) answer = finished(answer, asked.route, asked.call);
  send(request, response, { ...answer, headers: { ...limits, ...answer.headers } });
  if (!isOwn(url)) parts.log.add(logged(request, url, operation, tags, answer));
}

/** What is no URL is answered as an empty path. */
function urlOf(request: IncomingMessage): URL {
  const base = 'https://localhost';
  return URL.canParse(request.url ?? '/', base) ? new URL(request.url ?? '/', base) : new URL('/', base);
}

function requirePrincipal(request: IncomingMessage, principalOf: ArmServerParts['principalOf']): Principal {
  const header = request.headers.authorization;
  if (header === undefined) {
    throw unauthorized('AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing.");
  }
  const principal = principalOf(/^Bearer (.+)$/i.exec(header)?.[1] ?? '');
  if (principal === null) throw unauthorized('InvalidAuthenticationToken', 'The access token is invalid.');
  return principal;
}

function requireOwner(principal: Principal): void {
  if (principal === OWNER) return;
  throw new AzureError(403, 'AuthorizationFailed', "The emulator's own interface is open to its own token only.");
}

function unauthorized(code: string, message: string): AzureError {
  return new AzureError(401, code, message, {
    headers: {
      'www-authenticate': 'Bearer authorization_uri="https://login.microsoftonline.com/common", error="invalid_token"',
    },
  });
}

function isOwn(url: URL): boolean {
  return url.pathname.startsWith('/_emulator/');
}

function decodePath(path: string): string {
  try {
    const decoded = path
      .split('/')
      .map((segment) => {
        const text = decodeURIComponent(segment);
        if (/[/\0]/.test(text) || text === '..') throw new URIError(text);
        return text;
      })
      .join('/');
    return decoded.length > 1 ? decoded.replace(/\/$/, '') : decoded;
  } catch {
    throw badRequest('BadRequest', 'The request path is not valid.');
  }
}

/** Of the body, or else of what is there. */
function locationOf({ body, path }: Call, azure: Azure): string {
  const { location } = (typeof body === 'object' && body !== null ? body : {}) as { readonly location?: unknown };
  return typeof location === 'string' ? location : (azure.state.resource(resourceIdIn(path))?.location ?? '');
}

/** A version that is one at all; which there are of a type, see api-versions.ts. */
function requireApiVersion(url: URL): string {
  const version = url.searchParams.get('api-version');
  if (version === null || version === '') {
    throw badRequest(
      'MissingApiVersionParameter',
      'The api-version query parameter (?api-version=) is required for all requests.',
    );
  }
  const date = API_VERSION.exec(version)?.[1] ?? '';
  if (Number.isNaN(Date.parse(date)) || new Date(date).toISOString().slice(0, 10) !== date) {
    throw badRequest(
      'InvalidApiVersionParameter',
      `The api-version '${version}' is invalid. It must be a date, such as 2025-04-01, optionally followed by '-preview'.`,
    );
  }
  return version;
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  if (Number(request.headers['content-length'] ?? 0) > LARGEST_BODY_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  // What is too much is still taken in and dropped, so that the client gets to read the answer.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= LARGEST_BODY_BYTES) chunks.push(chunk);
  }
  if (length > LARGEST_BODY_BYTES) throw tooLarge();
  if (length === 0) return undefined;
  const text = Buffer.concat(chunks).toString('utf8');
  if (isTooDeep(text)) {
    throw badRequest(
      'InvalidRequestContent',
      `The request content was invalid and could not be deserialized: 'The reader's MaxDepth of ${DEEPEST_BODY} has been exceeded.'.`,
    );
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw badRequest(
      'InvalidRequestContent',
      'The request content was invalid and could not be deserialized: it is not JSON.',
    );
  }
}

/** Whether objects and arrays lie within each other too deep, were it JSON. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let isQuoted = false;
  for (let index = 0; index < text.length && depth <= DEEPEST_BODY; index++) {
    const character = text[index];
    if (isQuoted && character === '\\') index++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (character === '[' || character === '{')) depth++;
    else if (!isQuoted && (character === ']' || character === '}')) depth--;
  }
  return depth > DEEPEST_BODY;
}

function tooLarge(): AzureError {
  return new AzureError(
    413,
    'RequestContentTooLarge',
    `The request content size exceeds the maximum size of ${LARGEST_BODY_BYTES} bytes.`,
  );
}

function unknownPath(path: string): AzureError {
  const provider = /\/providers\/([^/]+)\/([^/]+)/i.exec(path);
  if (provider !== null) {
    return new AzureError(
      404,
      'InvalidResourceType',
      `The resource type '${provider[2]}' could not be found in the namespace '${provider[1]}'.`,
    );
  }
  return new AzureError(404, 'NotFound', `No HTTP resource was found that matches the request path '${path}'.`);
}

function methodNotAllowed(method: string, allowed: readonly string[]): AzureError {
  return new AzureError(405, 'MethodNotAllowed', `The requested resource does not support http method '${method}'.`, {
    headers: { allow: [...new Set(allowed)].join(', ') },
  });
}

function errorAnswer(error: unknown, method: string, path: string): Answer {
  if (error instanceof AzureError) return { status: error.status, headers: error.headers, body: error.toBody() };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${method} ${path}: ${text}\n`);
  return {
    status: 500,
    body: {
      error: { code: 'InternalServerError', message: 'An internal execution error occurred. Please retry later.' },
    },
  };
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return;
  const correlation = request.headers['x-ms-correlation-request-id'];
  const body = answer.body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(answer.body));
  response.writeHead(answer.status, {
    'x-ms-request-id': randomUUID(),
    'x-ms-correlation-request-id': typeof correlation === 'string' ? correlation : randomUUID(),
    'cache-control': 'no-cache',
    expires: '-1',
    pragma: 'no-cache',
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    ...(answer.body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    'content-length': body.length,
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function tagsOf(body: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof body !== 'object' || body === null || !('tags' in body)) return undefined;
  const { tags } = body;
  if (typeof tags !== 'object' || tags === null) return undefined;
  return Object.fromEntries(
    Object.entries(tags).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function logged(
  request: IncomingMessage,
  url: URL,
  operation: string | null,
  tags: Readonly<Record<string, string>> | undefined,
  answer: Answer,
): LoggedCall {
  const error = answer.body as { readonly error?: { readonly code?: string } } | undefined;
  const errorCode = answer.status >= 400 ? error?.error?.code : undefined;
  return {
    at: new Date().toISOString(),
    method: request.method ?? 'GET',
    path: url.pathname,
    operation,
    apiVersion: url.searchParams.get('api-version'),
    status: answer.status,
    ...(tags === undefined ? {} : { tags }),
    ...(errorCode === undefined ? {} : { errorCode }),
  };
}
