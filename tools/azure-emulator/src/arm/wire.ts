import { createHash, randomUUID } from 'node:crypto';
import type { Answer, Call, Route } from './route.js';

/*
 * What Azure's front door and its providers put on every answer, whatever the operation: the query of operations' URLs,
 * headers, and the spelling of ids in lists. As seen in recorded traffic.
 */

/** The URL carries a certificate (`c`) and a signature (`s`) over the rest; they are as long as Azure's and mean nothing. */
const CERTIFICATE = filler('certificate', 2_300);
const SIGNATURE = filler('signature', 342);
const HASH = filler('hash', 43);
const URL_HEADERS = ['azure-asyncoperation', 'location'] as const;

const GLOBAL_LIMITS = { reads: 16_499, writes: 11_999, deletes: 11_999 } as const;

export function finished(answer: Answer, route: Route, call: Call): Answer {
  return {
    ...answer,
    headers: { ...providerHeaders(route, call, answer), ...answer.headers, ...signedUrls(answer, call.apiVersion) },
    ...(answer.body === undefined ? {} : { body: spelled(answer, call) }),
  };
}

function spelled({ status, body }: Answer, call: Call): unknown {
  if (isComputeList(call)) return shouted(body);
  const { error } = body as { readonly error?: object };
  const isRefusal = status >= 400 && error !== undefined && isOf('Microsoft.Network', call);
  return isRefusal ? { error: { details: [], ...error } } : body;
}

function isOf(namespace: string, { path }: Call): boolean {
  return path.toLowerCase().includes(`/providers/${namespace.toLowerCase()}/`);
}

/** The operations' URLs, with the API version of the request and some three kilobytes of query. */
function signedUrls({ headers = {} }: Answer, apiVersion: string): Record<string, string> {
  return Object.fromEntries(
    URL_HEADERS.flatMap((name) => {
      const value = headers[name];
      if (value === undefined || !/\/(operations|DiskOperations|operationresults)\//i.test(value)) return [];
      const url = new URL(value);
      const id = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
      url.searchParams.set('p', id);
      url.searchParams.set('api-version', apiVersion);
      url.searchParams.set('t', '638700000000000000');
      url.searchParams.set('c', CERTIFICATE);
      url.searchParams.set('s', SIGNATURE);
      url.searchParams.set('h', HASH);
      return [[name, url.href]];
    }),
  );
}

function providerHeaders(route: Route, call: Call, { status, body, headers = {} }: Answer): Record<string, string> {
  const limit = limitKind(call.method);
  const common = { [`x-ms-ratelimit-remaining-subscription-global-${limit}`]: String(GLOBAL_LIMITS[limit]) };
  if (isOf('Microsoft.Compute', call)) {
    return { ...common, 'x-ms-ratelimit-remaining-resource': computeLimits(route, call) };
  }
  if (!isOf('Microsoft.Network', call)) return common;
  const { etag } = (typeof body === 'object' && body !== null ? body : {}) as { readonly etag?: unknown };
  return {
    ...common,
    'x-ms-arm-service-request-id': randomUUID(),
    ...(call.method === 'GET' && status === 200 && typeof etag === 'string' ? { etag } : {}),
    ...('azure-asyncoperation' in headers ? { 'azure-asyncnotification': 'Enabled' } : {}),
  };
}

function limitKind(method: string): keyof typeof GLOBAL_LIMITS {
  if (method === 'GET' || method === 'HEAD') return 'reads';
  return method === 'DELETE' ? 'deletes' : 'writes';
}

/** What is left of Compute's own limits, in three minutes and in thirty; here always all but one. */
function computeLimits(route: Route, { method, path }: Call): string {
  const [name, short, long] = limitsOf(route, method, path);
  return `Microsoft.Compute/${name}3Min;${short - 1},Microsoft.Compute/${name}30Min;${long - 1}`;
}

function limitsOf(route: Route, method: string, path: string): readonly [string, number, number] {
  if (route.operation.startsWith('Operations_')) return ['GetOperation', 15_000, 30_000];
  if (method === 'GET') return ['LowCostGet', 4_000, 32_000];
  if (/\/(disks|snapshots)\//i.test(path)) return ['CreateUpdateDisks', 3_000, 24_999];
  return method === 'DELETE' ? ['DeleteVM', 240, 1_200] : ['PutVM', 240, 1_200];
}

function isComputeList({ method, path }: Call): boolean {
  return method === 'GET' && /\/providers\/Microsoft\.Compute\/[^/]+$/i.test(path);
}

/** Compute's lists name resource groups in capitals in the ids of what they list, and nowhere else. */
function shouted(body: unknown): unknown {
  const { value } = body as { readonly value?: unknown };
  if (!Array.isArray(value)) return body;
  const items = (value as readonly { readonly id?: unknown }[]).map((item) =>
    typeof item.id === 'string'
      ? {
          ...item,
          id: item.id.replace(
            /(\/resourceGroups\/)([^/]+)/i,
            (_, root: string, name: string) => root + name.toUpperCase(),
          ),
        }
      : item,
  );
  return { ...(body as object), value: items };
}

function filler(of: string, length: number): string {
  let text = '';
  for (let part = 0; text.length < length; part++) {
    text += createHash('sha256').update(`${of} ${part}`).digest('base64url');
  }
  return text.slice(0, length);
}
