import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/*
 * A full log of requests and answers, for contract tests and for replaying. It is off unless somebody asks for it, and
 * holds no secret: credentials in headers are left out, passwords, custom data and signatures are replaced.
 */
export interface Exchange {
  readonly at: string;
  readonly request: {
    readonly method: string;
    /** As it was sent, without the query. */
    readonly path: string;
    /** Without the question mark. */
    readonly query: string;
    readonly headers: Readonly<Record<string, string>>;
    /** JSON; a string when it is none; left out when there is none. */
    readonly body?: unknown;
  };
  readonly answer: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
  };
}

export const REDACTED = 'REDACTED';

const SECRET_HEADERS = new Set(['authorization', 'cookie', 'set-cookie']);
const SECRET_MEMBERS = new Set(['adminpassword', 'customdata', 'userdata', 'protectedsettings', 'password']);

/** Tells `sink` of the exchange as soon as its answer is complete; one that is cut off is not told of. */
export function recordExchange(
  request: IncomingMessage,
  response: ServerResponse,
  sink: (exchange: Exchange) => void,
): void {
  const at = new Date().toISOString();
  const taken: Buffer[] = [];
  const chunks = request[Symbol.asyncIterator].bind(request);
  request[Symbol.asyncIterator] = async function* () {
    for await (const chunk of { [Symbol.asyncIterator]: chunks }) {
      taken.push(chunk as Buffer);
      yield chunk;
    }
    return undefined;
  };
  let headers: OutgoingHttpHeaders = {};
  const writeHead = response.writeHead.bind(response) as (
    status: number,
    given?: OutgoingHttpHeaders,
  ) => ServerResponse;
  response.writeHead = ((status: number, given?: OutgoingHttpHeaders) => {
    headers = given ?? {};
    return writeHead(status, given);
  }) as typeof response.writeHead;
  const end = response.end.bind(response) as (body?: Buffer | string) => ServerResponse;
  response.end = ((body?: Buffer | string) => {
    const url = new URL(request.url ?? '/', 'https://localhost');
    sink({
      at,
      request: {
        method: request.method ?? 'GET',
        path: url.pathname,
        query: url.search.slice(1),
        headers: plainHeaders(request.headers),
        ...bodyOf(Buffer.concat(taken).toString('utf8')),
      },
      answer: {
        status: response.statusCode,
        headers: plainHeaders(headers),
        ...bodyOf(body === undefined ? '' : body.toString()),
      },
    });
    return end(body);
  }) as typeof response.end;
}

function plainHeaders(headers: OutgoingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !SECRET_HEADERS.has(name.toLowerCase())) plain[name.toLowerCase()] = String(value);
  }
  return plain;
}

function bodyOf(text: string): { body?: unknown } {
  if (text === '') return {};
  try {
    return { body: withoutSecrets(JSON.parse(text)) };
  } catch {
    return { body: withoutSecrets(text) };
  }
}

/** The same value with everything in it replaced that opens a door. */
export function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/([?&]sig=)[^&]*/gi, `$1${REDACTED}`);
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]: [string, unknown]) => [
      name,
      SECRET_MEMBERS.has(name.toLowerCase()) ? REDACTED : withoutSecrets(member),
    ]),
  );
}
