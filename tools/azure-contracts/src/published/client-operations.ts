import { MapperShapes, type KnownValues, type Mapper, type Mappers } from './mappers.js';
import type { PublishedAnswer, PublishedOperation, QueryParameter } from './operation.js';

/*
 * A package keeps what it knows of its operations to itself, but every method of its client hands it to
 * `sendOperationRequest`. So each method is called once on a client whose `sendOperationRequest` takes the description
 * and sends nothing.
 */
interface OperationSpec {
  readonly httpMethod: string;
  readonly path?: string;
  readonly queryParameters?: readonly ParameterSpec[];
  readonly requestBody?: ParameterSpec;
  readonly responses: Readonly<Record<string, { readonly bodyMapper?: Mapper; readonly isError?: boolean }>>;
  readonly serializer: { readonly modelMappers: Mappers };
}

interface ParameterSpec {
  readonly mapper: Mapper;
  /** Where the method finds it among its arguments; what is optional is in `options`. */
  readonly parameterPath: unknown;
}

export interface ServiceClient {
  sendOperationRequest: (args: unknown, spec: OperationSpec) => Promise<never>;
}

/** What stands in for the arguments of a method: none has more than these. */
const ARGUMENTS = Array.from({ length: 12 }, (_, index) => `argument-${index}`);

class Taken extends Error {}

/** @throws Error when a method hands over no description: the package is not of the kind that holds mappers */
export async function operationsOf(
  client: ServiceClient,
  source: string,
  knownValues: KnownValues,
): Promise<readonly PublishedOperation[]> {
  let taken: OperationSpec[] = [];
  client.sendOperationRequest = (_, spec) => {
    taken.push(spec);
    return Promise.reject(new Taken());
  };
  const operations = new Map<string, PublishedOperation>();
  let shapes: MapperShapes | null = null;
  for (const { id, call } of methodsOf(client)) {
    taken = [];
    try {
      if (isPages(await call())) continue;
    } catch (error) {
      if (!(error instanceof Taken)) throw error;
    }
    const [spec] = taken;
    if (spec === undefined) throw new Error(`${source}: ${id} says nothing of its operation`);
    shapes ??= new MapperShapes(spec.serializer.modelMappers, knownValues);
    operations.set(id, published(spec, id, source, shapes));
  }
  return [...operations.values()];
}

interface Method {
  readonly id: string;
  readonly call: () => Promise<unknown>;
}

/** A list that has not asked for its first page yet; the method that asks is there under a name of its own. */
function isPages(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'byPage' in value;
}

/** Long-running operations appear as `beginX` and `beginXAndWait`, lists as `list`, `_list` and their pages. */
function* methodsOf(client: object): Generator<Method> {
  for (const [group, operations] of Object.entries(client) as [string, unknown][]) {
    if (typeof operations !== 'object' || operations === null || !('client' in operations)) continue;
    const prototype = Object.getPrototypeOf(operations) as Readonly<Record<string, unknown>>;
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const isWrapper = /AndWait$|Paging(Page|All)$|Next$/.test(name);
      if (name === 'constructor' || isWrapper) continue;
      const method = prototype[name] as (...values: unknown[]) => Promise<unknown>;
      yield { id: `${group}.${plainName(name)}`, call: async () => method.apply(operations, ARGUMENTS) };
    }
  }
}

function plainName(method: string): string {
  const name = method.replace(/^_/, '').replace(/^begin(?=[A-Z])/, '');
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function published(spec: OperationSpec, id: string, source: string, shapes: MapperShapes): PublishedOperation {
  const answers = new Map<number, PublishedAnswer>();
  let error: PublishedAnswer | null = null;
  for (const [status, { bodyMapper }] of Object.entries(spec.responses)) {
    const answer = { body: bodyMapper === undefined ? null : shapes.shapeOf(bodyMapper) };
    if (status === 'default') error = answer;
    else answers.set(Number(status), answer);
  }
  const { requestBody } = spec;
  return {
    source,
    id,
    method: spec.httpMethod,
    path: spec.path ?? '',
    query: (spec.queryParameters ?? []).map(({ mapper }) => queryParameter(mapper)),
    body:
      requestBody === undefined
        ? null
        : { shape: shapes.shapeOf(requestBody.mapper), required: typeof requestBody.parameterPath === 'string' },
    answers,
    error,
  };
}

function queryParameter(mapper: Mapper): QueryParameter {
  const { name, allowedValues } = mapper.type;
  const type = name === 'Number' ? 'number' : name === 'Boolean' ? 'boolean' : name === 'Sequence' ? 'list' : 'string';
  return {
    name: mapper.serializedName ?? '',
    required: mapper.required === true || mapper.serializedName === 'api-version',
    type,
    ...(allowedValues === undefined ? {} : { values: allowedValues.map(String) }),
  };
}
