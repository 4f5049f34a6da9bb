import { randomUUID } from 'node:crypto';
import type { Cell } from '../live/cell.js';
import type { Action, Needed } from './action.js';

/*
 * Every action of the API on a restore that is under way. Which ones there are the API tells itself, in its OpenAPI
 * document; only what that leaves out is listed here: the data-movers' routes, and what is served beside the routes.
 */
const BESIDE: readonly Action[] = [
  ...['/docs', '/docs-json', '/docs-yaml'].map((path): Action => ({ method: 'GET', path, needed: 'viewer' })),
  // The console's files say nothing, and an address without anything behind it asks for no role.
  ...['/', '/assets/console.js', '/no/such/address'].map((path): Action => ({
    method: 'GET',
    path,
    needed: 'a token',
  })),
  { method: 'POST', path: '/v1/no/such/address', needed: 'a token', body: {} },
  { method: 'GET', path: '/assets/sign-in.css', needed: 'anybody' },
];

const MADE_UP = 'made-up/1';

export interface Scene {
  readonly restoreId: string;
  readonly pointId: string;
  /** Of a segment of the restore, when it has any yet. */
  readonly segmentId: string | null;
  /** It is being rolled back: then asking for that once more changes nothing. */
  readonly goesBack: boolean;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

/** @throws Error when the API does not say what it can */
export async function apiActions(cell: Cell, scene: Scene): Promise<readonly Action[]> {
  const { ports, apiToken } = cell.installation;
  const answer = await fetch(`http://127.0.0.1:${ports.api}/docs-json`, {
    headers: { authorization: `Bearer ${apiToken}` },
  });
  if (!answer.ok) throw new Error(`GET /docs-json: ${answer.status}`);
  const { paths } = (await answer.json()) as OpenApi;
  const documented = Object.entries(paths).flatMap(([pattern, methods]) =>
    Object.keys(methods).map((method) => actionOf(cell, scene, method.toUpperCase(), pattern)),
  );
  return [...documented, ...BESIDE, ...moverActions(scene)];
}

function actionOf(cell: Cell, scene: Scene, method: string, pattern: string): Action {
  const path = pattern
    .replace('{name}', 'sample')
    .replace('{id}', pattern.includes('restore-points') ? scene.pointId : scene.restoreId);
  const only = onlyAnswer(`${method} ${pattern}`, scene);
  const body = method === 'POST' ? (bodies(cell, scene)[pattern] ?? {}) : undefined;
  const action = { method, path, needed: neededFor(method, pattern), isProbe: pattern === '/health/ready' };
  return { ...action, ...(body === undefined ? {} : { body }), ...(only === null ? {} : { only }) };
}

/** A route that is new counts as one of these, until somebody says otherwise here. */
function neededFor(method: string, pattern: string): Needed {
  if (pattern.startsWith('/health/') || (pattern === '/session' && method !== 'GET')) return 'anybody';
  if (pattern === '/v1/orphans/remove') return 'admin';
  return method === 'GET' ? 'viewer' : 'operator';
}

/** Bodies with which a route would really do something. No second restore is asked for: its point is made up. */
function bodies(cell: Cell, { pointId }: Scene): Readonly<Record<string, unknown>> {
  const { repository: url, password } = cell.ground.sample;
  const destination = { kind: 'new', name: `asked-${randomUUID().slice(0, 8)}` };
  return {
    '/session': { token: 'made up' },
    '/v1/repositories': { name: 'sample', kind: 'restic', url, password },
    '/v1/restore-plans': { restorePointId: pointId, destination, generation: 1 },
    '/v1/restores': { restorePointId: 'made-up', destination, generation: 1 },
    '/v1/orphans/remove': { dryRun: false },
  };
}

function onlyAnswer(route: string, { goesBack }: Scene): string | null {
  switch (route) {
    case 'POST /v1/restores/{id}/resume':
      return '409 NOT_RESUMABLE';
    case 'POST /v1/restores/{id}/rollback':
      return goesBack ? '202' : '409 NOT_ROLLBACKABLE';
    case 'POST /v1/repositories':
      return '409 REPOSITORY_EXISTS';
    case 'DELETE /v1/repositories/{name}':
      return '409 REPOSITORY_IN_USE';
    default:
      return null;
  }
}

/** What the OpenAPI document keeps to itself. The pool's token may ask here, and gets nothing of a worker's. */
function moverActions({ segmentId }: Scene): readonly Action[] {
  const mover = { mover: MADE_UP };
  const person = { mover: { name: MADE_UP, pid: 1 } };
  const asked: readonly [string, Needed, object][] = [
    ['/internal/v1/workers/made-up/register', 'anybody', { bootstrapToken: 'made up', ...person }],
    ['/internal/v1/workers/made-up/heartbeat', 'mover', person],
    ['/internal/v1/movers/place', 'mover', {}],
    ['/internal/v1/movers/lease', 'mover', mover],
    ['/internal/v1/movers/renew', 'mover', mover],
    ['/internal/v1/movers/leave', 'mover', mover],
    [`/internal/v1/segments/${segmentId ?? 'made-up'}/claim`, 'mover', { epoch: 1, ...mover }],
  ];
  return asked.map(([path, needed, body]) => ({ method: 'POST', path, needed, body }));
}
