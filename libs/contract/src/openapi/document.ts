import { z } from 'zod';
import { API_PROBLEMS, type ApiProblemCode, PROBLEM, type ProblemView, titleOf } from '../problem.js';
import { everyProblemOf, type Route } from '../route.js';
import { ROUTES } from '../routes.js';

/*
 * The contract as an OpenAPI document. Schemas that have a name of their own (`id`) become components, and are referred to
 * wherever they occur. They are shown as they travel: a request without its defaults, an answer open for more fields.
 */
type Json = Readonly<Record<string, unknown>>;

/** An OpenAPI document, as far as those who serve or search it have to know its shape. */
export interface OpenApiDocument {
  readonly openapi: `3.1.${number}`;
  readonly info: { readonly title: string; readonly description: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: Readonly<Record<'schemas' | 'examples' | 'securitySchemes', Json>>;
  readonly security: readonly Json[];
  readonly tags: readonly Json[];
}

const SCHEMAS = '#/components/schemas/';
const PROBLEM_JSON = 'application/problem+json';

const TAGS: Readonly<Record<Route['tag'], string>> = {
  restores: 'Plans, restores, their history, and what can be asked of them.',
  captures: 'Image-level backups of Azure VMs, their history, and how to stop one.',
  repositories: 'Where backups lie.',
  'machines and restore points':
    'What can be restored: machines and their restore points, as the last scan of each repository found them.',
  operations: 'For those who run Landfall.',
  tokens: 'Who may call the API, and for what.',
  session: 'Sign-in for browsers. Programs send their token with every request.',
};

export function openApiDocument(routes: Readonly<Record<string, Route>> = ROUTES): OpenApiDocument {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, route] of Object.entries(routes)) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(name, route);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Landfall',
      description:
        'Restores machines from backups into Microsoft Azure. Errors are application/problem+json with a stable code. ' +
        'Times are ISO 8601 in UTC, sizes are bytes. Answers may get more fields, and lists of words more words.',
      version: '1',
    },
    security: [{ bearer: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: components(),
      examples: Object.fromEntries(
        Object.keys(API_PROBLEMS).map((code) => [code, { value: exampleOf(code as ApiProblemCode) }]),
      ),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operationOf(operationId: string, route: Route): Json {
  const { summary, description, tag, role } = route;
  const parameters = parametersOf(route);
  return {
    operationId,
    tags: [tag],
    summary,
    description: [description, role === 'nobody' ? 'Needs no token.' : `Needs the role \`${role}\`.`]
      .filter((part) => part !== undefined)
      .join(' '),
    ...(role === 'nobody' ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: requestBodyOf(route.body, route) }),
    responses: { ...answersOf(route), ...problemsOf(route) },
  };
}

function parametersOf({ params = {}, query, headers = {} }: Route): readonly Json[] {
  const asked = query === undefined ? {} : schemaOf(query);
  const properties = (asked.properties ?? {}) as Readonly<Record<string, Json>>;
  return [
    ...Object.entries(params).map(([name, description]) => ({
      name,
      in: 'path',
      required: true,
      description,
      schema: { type: 'string' },
    })),
    ...Object.entries(properties).map(([name, { description, ...schema }]) => ({
      name,
      in: 'query',
      ...(description === undefined ? {} : { description }),
      schema,
    })),
    ...Object.entries(headers).map(([name, { schema, says }]) => ({
      name,
      in: 'header',
      description: says,
      schema: schemaOf(schema),
    })),
  ];
}

function requestBodyOf(body: z.ZodType, { takesForm }: Route): Json {
  const content = { schema: schemaOf(body), example: sampleOf(body) };
  return {
    required: true,
    content: {
      'application/json': content,
      ...(takesForm === true ? { 'application/x-www-form-urlencoded': content } : {}),
    },
  };
}

function answersOf({ says, answer, text }: Route): Json {
  const content = {
    ...(answer === undefined ? {} : { 'application/json': { schema: schemaOf(answer), example: sampleOf(answer) } }),
    ...(text === undefined ? {} : { [text]: { schema: { type: 'string' } } }),
  };
  return Object.fromEntries(
    Object.entries(says).map(([status, description]) => [
      status,
      { description, ...(Object.keys(content).length === 0 ? {} : { content }) },
    ]),
  );
}

/** By status: the codes that a problem of this status can have, each with its example. */
function problemsOf(route: Route): Json {
  const codes = everyProblemOf(route);
  const statuses = new Set<number>(codes.map((code) => API_PROBLEMS[code][0]));
  if (route.asks !== undefined) statuses.add(422).add(503);
  return Object.fromEntries(
    [...statuses]
      .filter((status) => !(status in route.says))
      .map((status) => [String(status), problemAnswer(status, codes, route.asks)]),
  );
}

function problemAnswer(status: number, all: readonly ApiProblemCode[], asks: Route['asks']): Json {
  const codes = all.filter((code) => API_PROBLEMS[code][0] === status);
  const isHandedOn = asks !== undefined && (status === 422 || status === 503);
  return {
    description: [
      ...codes.map((code) => `\`${code}\`: ${API_PROBLEMS[code][1]}`),
      ...(isHandedOn ? [`Any other code: what the ${asks} could not do.`] : []),
    ].join('\n\n'),
    ...(status === 503
      ? { headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } } } }
      : {}),
    content: {
      [PROBLEM_JSON]: {
        schema: schemaOf(PROBLEM),
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
    'x-codes': codes,
  };
}

function exampleOf(code: ApiProblemCode): ProblemView {
  const [status, detail, fix] = API_PROBLEMS[code];
  const problem = { type: `urn:landfall:problem:${code}`, title: titleOf(status), status, code, detail, fix };
  const errors = code === 'BAD_REQUEST' ? { errors: [{ field: 'destination.kind', message: 'is missing' }] } : {};
  return { ...problem, instance: '/v1/…', ...errors };
}

function sampleOf(schema: z.ZodType): unknown {
  if (schema instanceof z.ZodArray) return [sampleOf(schema.element as z.ZodType)];
  const [sample] = (z.globalRegistry.get(schema)?.examples ?? []) as readonly unknown[];
  return sample;
}

/** Every schema that has a name, each referring to the others by theirs. */
function components(): Json {
  const { schemas } = z.toJSONSchema(z.globalRegistry, { io: 'input', uri: (id) => SCHEMAS + id, override: readably });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, asJson(schema)]),
  );
}

/** A schema for one place: a reference where it has a name. */
function schemaOf(schema: z.ZodType): Json {
  const id = z.globalRegistry.get(schema)?.id;
  if (id !== undefined) return { $ref: SCHEMAS + id };
  const { $schema: _, $defs: __, ...inPlace } = z.toJSONSchema(schema, { io: 'input', override: readably });
  return JSON.parse(JSON.stringify(inPlace).replaceAll('"#/$defs/', `"${SCHEMAS}`)) as Json;
}

/** Zod describes a time by its format and besides by a pattern of three hundred characters. */
function readably({ jsonSchema }: { jsonSchema: { format?: string; pattern?: string } }): void {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
}

function asJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
