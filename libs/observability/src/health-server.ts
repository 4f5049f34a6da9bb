import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { detailsOf, type Secret } from '@landfall/domain';
import type { Metrics } from './metrics.js';

/** One thing that a service needs, by name; `check` throws when it cannot be had. */
export interface ReadinessCheck {
  readonly name: string;
  /** Shown, and does not make the service unready: it can do all but a part of its work. */
  readonly advisory?: boolean;
  check(): Promise<void>;
}

export interface Readiness {
  readonly ready: boolean;
  /** By the check's name: `ok`, or the code of what is wrong. Codes only: these answers need no sign-in. */
  readonly checks: Readonly<Record<string, string>>;
}

/** A check that does not answer in this time counts as failed; probes have a deadline of their own. */
const CHECK_TIMEOUT_MS = 2_000;

export async function checkReadiness(checks: readonly ReadinessCheck[]): Promise<Readiness> {
  const results = await Promise.all(checks.map(async (check) => ({ check, outcome: await outcomeOf(check) })));
  return {
    ready: results.every(({ check, outcome }) => outcome === 'ok' || check.advisory === true),
    checks: Object.fromEntries(results.map(({ check, outcome }) => [check.name, outcome])),
  };
}

async function outcomeOf(check: ReadinessCheck): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('TIMED_OUT'), CHECK_TIMEOUT_MS);
  });
  const outcome = check.check().then(
    () => 'ok',
    (error: unknown) => detailsOf(error).code,
  );
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface HealthServerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly host?: string;
  readonly checks?: readonly ReadinessCheck[];
  readonly metrics?: Metrics;
  /** When given, `/metrics` asks for it as a bearer token; health never does. */
  readonly metricsToken?: Secret;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * A small HTTP server for a service that has no other: `/health/live` (200 while the process turns), `/health/ready`
 * (200, or 503 with the checks that failed) and `/metrics`.
 * @throws Error of Node's listen when the port is taken
 */
export async function serveHealthAndMetrics(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host ?? '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: HealthServerOptions): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0];
  if (request.method !== 'GET' && request.method !== 'HEAD') return sendJson(response, 405, { status: 'not allowed' });
  if (path === '/health/live') return sendJson(response, 200, { status: 'ok' });
  if (path === '/health/ready') {
    const { ready, checks } = await checkReadiness(options.checks ?? []);
    return sendJson(response, ready ? 200 : 503, { status: ready ? 'ok' : 'unavailable', checks });
  }
  if (path === '/metrics' && options.metrics !== undefined) {
    if (!mayRead(request, options.metricsToken)) return sendJson(response, 401, { status: 'sign in' });
    const text = await options.metrics.registry.metrics();
    response.writeHead(200, { 'content-type': options.metrics.registry.contentType }).end(text);
    return;
  }
  sendJson(response, 404, { status: 'not found' });
}

function mayRead(request: IncomingMessage, token: Secret | undefined): boolean {
  if (token === undefined) return true;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${token.reveal()}`));
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
