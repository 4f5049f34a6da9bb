import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { Router } from './router.js';
import type { Route } from './route.js';

const route = (method: Route['method'], path: string): Route => ({
  operation: `${method} ${path}`,
  method,
  path,
  effect: 'read',
  handle: () => ({ status: 200 }),
});

describe('the router', () => {
  const router = new Router([
    route('GET', '/subscriptions/{id}/resourceGroups/{group}'),
    route('PUT', '/subscriptions/{id}/resourceGroups/{group}'),
    route('GET', '/subscriptions/{id}/resourceGroups/{group}/resources'),
    route('GET', '/subscriptions/{id}/providers/Microsoft.Compute/skus'),
    route('GET', '/subscriptions/{id}/providers/{namespace}/{type}'),
  ]);
  const found = (method: string, path: string): string | undefined => {
    const match = router.find(method, path);
    return match !== null && 'route' in match ? match.route.operation : undefined;
  };

  it('finds an operation whatever the case of the fixed parts, and keeps that of the names', () => {
    const match = router.find('GET', '/SUBSCRIPTIONS/s1/resourcegroups/My-RG');
    assert.ok(match !== null && 'route' in match);
    expect(match.parameters).toStrictEqual({ id: 's1', group: 'My-RG' });
  });

  it('prefers a fixed part to a parameter', () => {
    expect(found('GET', '/subscriptions/s/providers/microsoft.compute/SKUS')).toBe(
      'GET /subscriptions/{id}/providers/Microsoft.Compute/skus',
    );
    expect(found('GET', '/subscriptions/s/providers/Microsoft.Compute/disks')).toBe(
      'GET /subscriptions/{id}/providers/{namespace}/{type}',
    );
  });

  it('tells a path that it does not know from a method that it does not know', () => {
    expect(router.find('GET', '/subscriptions/s/nothing')).toBe(null);
    expect(router.find('GET', '/subscriptions')).toBe(null);
    expect(router.find('GET', '/subscriptions/s/resourceGroups/')).toBe(null);
    expect(router.find('DELETE', '/subscriptions/s/resourceGroups/g')).toStrictEqual({ allowed: ['GET', 'PUT'] });
  });

  it('does not accept two operations for one method and path', () => {
    expect(() => new Router([route('GET', '/a/{x}'), route('GET', '/A/{y}')])).toThrow(/two operations/);
  });
});
