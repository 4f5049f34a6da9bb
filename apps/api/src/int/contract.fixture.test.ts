import { expect } from '@jest/globals';
import assert from 'node:assert/strict';
import { API_PROBLEMS, everyProblemOf, PROBLEM, type Route, ROUTES } from '@landfall/contract';
import type { z } from 'zod';

/** The answer as a schema of the contract describes it: with nothing missing, and with nothing besides. */
export function exactly<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const read = schema.parse(body);
  expect(read).toStrictEqual(body);
  return read;
}

/** Holds whatever a route answers against what the contract says that it may answer. */
export function holdAgainstContract(
  method: string,
  address: string,
  { status, headers, body }: { readonly status: number; readonly headers: Headers; readonly body: unknown },
): void {
  const route = routeOf(method, address.replace(/\?.*$/s, ''));
  if (route === undefined) return;
  const type = (headers.get('content-type') ?? '').replace(/;.*$/, '');
  const what = `${method} ${address}: ${status}`;
  if (type === 'application/problem+json') {
    const { code } = exactly(PROBLEM, body);
    const known = everyProblemOf(route).find((one) => one === code);
    if (known === undefined) assert.ok(route.asks !== undefined && [422, 503].includes(status), `${what} ${code}`);
    else assert.equal(API_PROBLEMS[known][0], status, what);
  } else if (status < 400 || type === 'application/json') {
    assert.ok(status in route.says, what);
    if (type === 'application/json' && route.answer !== undefined) exactly(route.answer, body);
  }
}

function routeOf(method: string, path: string): Route | undefined {
  return Object.values<Route>(ROUTES).find(
    (route) => route.method === method && new RegExp(`^${route.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
  );
}
