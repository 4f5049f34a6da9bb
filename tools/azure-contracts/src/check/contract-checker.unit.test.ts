import { describe, expect, it } from '@jest/globals';
import type { Exchange } from '@landfall/azure-emulator';
import { OperationIndex, type PublishedOperation } from '../published/operation.js';
import type { Shape } from '../shapes/shape.js';
import { ContractChecker } from './contract-checker.js';

const DISK: Shape = {
  kind: 'object',
  name: 'Disk',
  properties: new Map([
    ['location', { shape: { kind: 'string' }, required: true, readOnly: false, nullable: false }],
    ['properties', { shape: { kind: 'any' }, required: false, readOnly: false, nullable: false }],
  ]),
  additional: null,
};
const ERROR: Shape = {
  kind: 'object',
  name: 'CloudError',
  properties: new Map([['error', { shape: { kind: 'any' }, required: false, readOnly: false, nullable: false }]]),
  additional: null,
};

const PATH = '/subscriptions/{subscriptionId}/resourceGroups/{group}/providers/Microsoft.Compute/disks/{diskName}';
const operation = (
  id: string,
  method: string,
  body: Shape | null,
  answers: Record<number, Shape | null>,
): PublishedOperation => ({
  ...{ source: 'a test', id, method, path: PATH, error: { body: ERROR } },
  query: [
    { name: 'api-version', required: true, type: 'string' },
    { name: '$expand', required: false, type: 'string', values: ['instanceView'] },
    { name: '$top', required: false, type: 'number' },
  ],
  body: body === null ? null : { shape: body, required: true },
  answers: new Map(Object.entries(answers).map(([status, shape]) => [Number(status), { body: shape }])),
});
const INDEX = new OperationIndex([
  operation('disks.createOrUpdate', 'PUT', DISK, { 200: DISK, 201: DISK, 202: DISK, 204: DISK }),
  operation('things.get', 'GET', null, { 200: DISK }),
]);

const DISK_PATH = '/subscriptions/s/resourcegroups/g/providers/microsoft.compute/DISKS/d';
const OPERATION =
  '/subscriptions/s/providers/Microsoft.Compute/locations/here/DiskOperations/00000000-0000-4000-8000-000000000001';
const HEADERS = { 'x-ms-request-id': 'r', 'x-ms-correlation-request-id': 'c' };
const JSON_HEADERS = { ...HEADERS, 'content-type': 'application/json; charset=utf-8' };

interface Made {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly body?: unknown;
  readonly answer: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown };
}

function exchange({
  method = 'GET',
  path = DISK_PATH,
  query = 'api-version=2025-01-02',
  body,
  answer,
}: Made): Exchange {
  const headers = answer.headers ?? (answer.body === undefined ? HEADERS : JSON_HEADERS);
  return {
    at: '2026-01-01T00:00:00Z',
    request: { method, path, query, headers: {}, ...(body === undefined ? {} : { body }) },
    answer: { ...answer, headers },
  };
}

function found(...made: Made[]): string[] {
  const checker = new ContractChecker(INDEX, { requests: 'accepted', source: 'whole', exceptions: [] });
  for (const each of made) checker.check(exchange(each));
  return checker.findings.map(({ side, rule, path }) => `${side}, ${rule}: ${path}`);
}

const GOT = { status: 200, body: { location: 'x' } };
const ACCEPTED = {
  status: 202,
  headers: {
    ...JSON_HEADERS,
    'azure-asyncoperation': `https://h${OPERATION}?api-version=2025-01-02`,
    location: `https://h${OPERATION}?api-version=2025-01-02&monitor=true`,
    'retry-after': '0',
  },
  body: { location: 'x', properties: { provisioningState: 'Updating' } },
};
const PUT = { method: 'PUT', body: { location: 'x' }, answer: ACCEPTED };

describe('checking an exchange', () => {
  it('finds nothing in one that is right', () => {
    expect(found({ answer: GOT }, PUT)).toStrictEqual([]);
    expect(found({ query: 'api-version=2025-01-02&%24expand=instanceView&$top=3', answer: GOT })).toStrictEqual([]);
  });

  it('finds statuses that are not declared, and those that only a client would take', () => {
    expect(found({ answer: { ...GOT, status: 206 } })).toStrictEqual(['answer, status not declared: ']);
    const { headers, ...rest } = ACCEPTED;
    expect(found({ ...PUT, answer: { ...rest, headers, status: 204 } })).toStrictEqual([
      'answer, status not declared: ',
    ]);
  });

  it('finds bodies that are missing, not declared, or not of the model', () => {
    expect(found({ answer: { status: 200 } })).toStrictEqual(['answer, missing body: ']);
    expect(found({ answer: { status: 200, body: { location: 'x', more: 1 } } })).toStrictEqual([
      'answer, unknown property: more',
    ]);
    expect(found({ body: {}, answer: GOT })).toStrictEqual(['request, body not declared: ']);
    expect(found({ method: 'PUT', answer: ACCEPTED })).toStrictEqual(['request, missing body: ']);
  });

  it('finds parameters that are unknown, missing or of a wrong value', () => {
    expect(found({ query: '', answer: GOT })).toStrictEqual(['request, missing parameter: ?api-version']);
    expect(found({ query: 'api-version=x&colour=red', answer: GOT })).toStrictEqual([
      'request, unknown parameter: ?colour',
    ]);
    for (const wrong of ['$expand=all', '$top=three']) {
      expect(found({ query: `api-version=x&${wrong}`, answer: GOT })).toStrictEqual([
        `request, value not allowed: ?${wrong.split('=')[0]}`,
      ]);
    }
  });

  it('finds operations that nobody has published', () => {
    expect(found({ method: 'PATCH', answer: GOT })).toStrictEqual(['answer, operation not published: ']);
    expect(found({ path: '/subscriptions/s/other', answer: GOT })).toStrictEqual(['answer, operation not published: ']);
  });

  it('does not judge a request that was refused, unless it is told to', () => {
    const refused = { status: 400, body: { error: { code: 'Wrong', message: 'It is.' } } };
    expect(found({ method: 'PUT', body: { bad: 1 }, answer: refused })).toStrictEqual([]);
    const strict = new ContractChecker(INDEX, { requests: 'all', source: 'whole', exceptions: [] });
    strict.check(exchange({ method: 'PUT', body: { bad: 1 }, answer: refused }));
    expect(strict.findings.length).toBe(2);
  });

  it('finds errors without a code, without a message, without the error around them', () => {
    const wrong = (body: unknown) => found({ answer: { status: 404, body } });
    expect(wrong({ error: { code: 'A', message: 'B' } })).toStrictEqual([]);
    expect(wrong({ error: { message: 'B' } })).toStrictEqual(['answer, missing property: error.code']);
    expect(wrong({ error: { code: 'A', message: '' } })).toStrictEqual(['answer, out of range: error.message']);
    expect(wrong({ code: 'A', message: 'B' }).length).toBe(5);
    expect(found({ answer: { status: 429, body: { code: 'A', message: 'B' } } })).toStrictEqual([]);
  });

  it('finds headers that are missing', () => {
    expect(found({ answer: { ...GOT, headers: { ...HEADERS, 'retry-after': 'soon' } } })).toStrictEqual([
      'answer, wrong format: content-type:',
      'answer, wrong format: retry-after:',
    ]);
    expect(found({ answer: { ...GOT, headers: { 'content-type': 'application/json' } } }).length).toBe(2);
  });
});

describe('checking a long-running operation', () => {
  const accepted = (headers: Record<string, string | undefined>, body: unknown = ACCEPTED.body) => {
    const entries = Object.entries({ ...ACCEPTED.headers, ...headers }).filter(([, value]) => value !== undefined);
    return found({
      ...PUT,
      answer: { status: 202, headers: Object.fromEntries(entries) as Record<string, string>, body },
    });
  };

  it('finds acceptances that nobody can follow', () => {
    expect(accepted({ location: undefined })).toStrictEqual(['answer, missing header: location:']);
    expect(accepted({ 'retry-after': undefined })).toStrictEqual(['answer, missing header: retry-after:']);
    expect(accepted({ 'azure-asyncoperation': OPERATION })).toStrictEqual([
      'answer, wrong format: azure-asyncoperation:',
    ]);
    expect(accepted({ location: `https://h${OPERATION}?api-version=2025-01-02` })).toStrictEqual([
      'answer, wrong format: location:',
    ]);
    expect(accepted({ 'azure-asyncoperation': 'https://h/elsewhere?api-version=2025-01-02' })).toStrictEqual([
      'answer, wrong format: azure-asyncoperation:',
    ]);
    expect(accepted({}, { location: 'x', properties: { provisioningState: 'Creating' } })).toStrictEqual([
      'answer, value not allowed: properties.provisioningState',
    ]);
  });

  it('finds states that no operation has, and results of another shape', () => {
    const poll = (body: object, headers: Record<string, string> = JSON_HEADERS) =>
      found(PUT, {
        path: OPERATION,
        answer: { status: 200, headers, body: { startTime: '2026-01-01T00:00:00Z', ...body } },
      });
    const ended = { endTime: '2026-01-01T00:00:01Z' };
    expect(poll({ status: 'InProgress' }, { ...JSON_HEADERS, 'retry-after': '1' })).toStrictEqual([]);
    expect(poll({ status: 'InProgress' })).toStrictEqual(['answer, missing header: retry-after:']);
    expect(poll({ status: 'Succeeded', ...ended, properties: { output: { location: 'x' } } })).toStrictEqual([]);
    expect(poll({ status: 'Succeeded', ...ended })).toStrictEqual(['answer, missing property: properties.output']);
    expect(poll({ status: 'Succeeded', ...ended, properties: { output: {} } })).toStrictEqual([
      'answer, missing property: properties.output.location',
    ]);
    expect(poll({ status: 'Failed', ...ended })).toStrictEqual(['answer, wrong type: error']);
    expect(poll({ status: 'Failed', ...ended, error: { code: 'A', message: 'B' } })).toStrictEqual([]);
    expect(poll({ status: 'Done', ...ended })).toStrictEqual(['answer, value not allowed: status']);
    expect(poll({ status: 'Canceled', error: { code: 'A', message: 'B' } })).toStrictEqual([
      'answer, missing property: endTime',
    ]);
  });
});
