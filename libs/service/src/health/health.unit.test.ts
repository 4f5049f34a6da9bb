import { afterEach, describe, expect, it } from '@jest/globals';
import { RetryableError } from '@landfall/domain';
import type { Metrics } from '@landfall/observability';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { metricsModule } from '../metrics.js';
import { METRICS } from '../tokens.js';
import { healthModule, readinessModule, type ReadinessCheck } from './index.js';

describe('health and metrics of a service', () => {
  let application: NestExpressApplication | undefined;
  afterEach(() => application?.close());

  async function call(
    path: string,
    checks: readonly ReadinessCheck[] = [],
    { method = 'GET', before = () => undefined }: { method?: string; before?: (metrics: Metrics) => void } = {},
  ) {
    const imports = [metricsModule('planner'), readinessModule({ useFactory: () => checks }), healthModule()];
    application = await NestFactory.create<NestExpressApplication>({ module: class {}, imports }, { logger: false });
    before(application.get(METRICS));
    await application.listen(0, '127.0.0.1');
    const response = await fetch(`${await application.getUrl()}${path}`, { method });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  }

  it('are live whatever the checks say', async () => {
    const { status, text } = await call('/health/live', [away]);
    expect([status, JSON.parse(text)]).toStrictEqual([200, { status: 'ok' }]);
  });

  it('are ready when every check passes', async () => {
    const { status, type, text } = await call('/health/ready', [{ name: 'postgres', check: async () => {} }]);
    expect(status).toBe(200);
    expect(type).toMatch(/^application\/json/);
    expect(text).toBe('{"status":"ok","checks":{"postgres":"ok"}}');
  });

  it('are not ready when one fails, and name it with its code and nothing more', async () => {
    const { status, text } = await call('/health/ready', [{ name: 'postgres', check: async () => {} }, away]);
    expect(status).toBe(503);
    expect(text).toBe('{"status":"unavailable","checks":{"postgres":"ok","redis":"REDIS_UNREACHABLE"}}');
  });

  it('are ready, and name what is wrong, when one fails that is advisory', async () => {
    const { status, text } = await call('/health/ready', [{ ...away, advisory: true }]);
    expect(status).toBe(200);
    expect(text).toBe('{"status":"ok","checks":{"redis":"REDIS_UNREACHABLE"}}');
  });

  it('show the metrics of their registry', async () => {
    const { status, type, text } = await call('/metrics', [], {
      before: (metrics) => metrics.restores.set({ state: 'running' }, 3),
    });
    expect(status).toBe(200);
    expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toMatch(/landfall_restores\{state="running",service="planner"\} 3/);
  });

  it('answer 404 elsewhere, and 405 to whoever wants more than to read', async () => {
    const elsewhere = await call('/');
    expect([elsewhere.status, elsewhere.text]).toStrictEqual([404, '{"status":"not found"}']);
    await application?.close();
    const more = await call('/health/live', [], { method: 'POST' });
    expect([more.status, more.text]).toStrictEqual([405, '{"status":"not allowed"}']);
  });
});

const away = {
  name: 'redis',
  check: async () => {
    throw new RetryableError({ code: 'REDIS_UNREACHABLE', message: 'redis://:pw@h refused.', fix: 'Start it.' });
  },
};
