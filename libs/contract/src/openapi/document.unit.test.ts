import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { Validator } from '@seriousme/openapi-schema-validator';
import { z } from 'zod';
import { API_PROBLEMS } from '../problem.js';
import { everyProblemOf, type Route } from '../route.js';
import { ROUTES } from '../routes.js';
import { openApiDocument } from './document.js';

const document = openApiDocument();
const routes = Object.entries<Route>(ROUTES);
const operationOf = ({ method, path }: Route) => document.paths[path]![method.toLowerCase()]!;

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
    expect(errors).toBe(undefined);
    expect(valid).toBe(true);
    expect(document.openapi).toMatch(/^3\.1\./);
  });

  it('would not pass as valid if it were not', async () => {
    const broken = { ...document, paths: { ...document.paths, '/v1/broken': { get: { responses: { 200: {} } } } } };
    expect((await new Validator().validate(broken as never)).valid).toBe(false);
  });

  it('names what it describes, and refers to nothing that it does not have', () => {
    const names = Object.keys(document.components.schemas);
    for (const name of [
      'Restore',
      'RestorePlan',
      'RestoreRequest',
      'Repository',
      'Machine',
      'RestorePoint',
      'Problem',
    ]) {
      expect(names).toContain(name);
    }
    const text = JSON.stringify(document);
    for (const [, kind, name] of text.matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)) {
      assert.ok(name! in document.components[kind as 'schemas' | 'examples'], `${kind} ${name}`);
    }
    expect(text).not.toMatch(/\$defs|\$id|"\$schema"/);
    for (const schema of Object.values(document.components.schemas)) {
      expect(JSON.stringify(schema)).not.toMatch(/"(description|title)":""/);
    }
  });

  it('describes bodies and answers by name', () => {
    const at = (path: string, method: string) => JSON.stringify(document.paths[path]![method]);
    expect(at('/v1/restores', 'post')).toContain('"schema":{"$ref":"#/components/schemas/RestoreRequest"}');
    expect(at('/v1/restores', 'post')).toContain('"schema":{"$ref":"#/components/schemas/Restore"}');
    expect(at('/v1/restores', 'get')).toContain(
      '"schema":{"type":"array","items":{"$ref":"#/components/schemas/Restore"}}',
    );
  });

  it('refuses unknown fields in requests, and leaves answers open for more', () => {
    const { schemas } = document.components as { schemas: Record<string, { additionalProperties?: boolean }> };
    for (const [, { body, answer }] of routes) {
      for (const [schema, is] of [
        [body, false],
        [answer instanceof z.ZodArray ? (answer.element as z.ZodType) : answer, undefined],
      ] as const) {
        if (schema === undefined) continue;
        expect(schemas[z.globalRegistry.get(schema)!.id!]!.additionalProperties).toBe(is);
      }
    }
  });

  it('tells of every route its role, its parameters, an example of what comes back, and the codes of its problems', () => {
    for (const [name, route] of routes) {
      const operation = operationOf(route) as {
        operationId: string;
        description: string;
        parameters?: { name: string; in: string }[];
        requestBody?: { content: Record<string, { example?: unknown }> };
        responses: Record<string, { content?: Record<string, { example?: unknown }>; 'x-codes'?: string[] }>;
      };
      assert.equal(operation.operationId, name);
      if (route.role !== 'nobody') assert.ok(operation.description.includes(`\`${route.role}\``), name);
      const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      const described = operation.parameters?.filter((parameter) => parameter.in === 'path') ?? [];
      assert.deepEqual(
        described.map((parameter) => parameter.name),
        inPath,
        name,
      );
      if (route.body !== undefined) assert.ok(operation.requestBody?.content['application/json']?.example, name);
      if (route.answer !== undefined) {
        assert.ok(operation.responses[route.status]?.content?.['application/json']?.example, name);
      }
      const told = Object.entries(operation.responses).flatMap(([status, { 'x-codes': codes = [] }]) =>
        codes.map((code) => [code, Number(status)]),
      );
      for (const code of everyProblemOf(route)) {
        const [status] = API_PROBLEMS[code];
        if (!(status in route.says))
          assert.ok(
            told.some(([one, at]) => one === code && at === status),
            `${name} ${code}`,
          );
      }
    }
  });

  it('has no example that does not fit its schema', () => {
    const named = routes
      .flatMap(([, { body, answer }]) => [body, answer instanceof z.ZodArray ? (answer.element as z.ZodType) : answer])
      .filter((schema) => schema !== undefined);
    for (const schema of new Set(named)) {
      const { id, examples = [] } = z.globalRegistry.get(schema)!;
      assert.ok(Array.isArray(examples) && examples.length > 0, id);
      for (const example of examples) {
        const read = schema.parse(example);
        // An answer is as it came; a request gets its defaults.
        assert.deepEqual({ ...(read as object), ...example }, read, id);
      }
    }
  });
});
