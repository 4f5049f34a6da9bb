import { afterEach, describe, expect, it } from '@jest/globals';
import { RetryableError, Secret } from '@landfall/domain';
import { type HealthServer, type HealthServerOptions, serveHealthAndMetrics } from './health-server.js';
import { createMetrics } from './metrics.js';

describe('the health server', () => {
  let server: HealthServer | undefined;
  afterEach(() => {
    server?.close();
  });

  async function get(path: string, options: Partial<HealthServerOptions> = {}, headers: Record<string, string> = {}) {
    server = await serveHealthAndMetrics({ port: 0, ...options });
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
    return { status: response.status, text: await response.text() };
  }

  it('is live whatever its checks say', async () => {
    expect((await get('/health/live', { checks: [away] })).status).toBe(200);
  });

  it('is ready when every check passes', async () => {
    const { status, text } = await get('/health/ready', { checks: [{ name: 'postgres', check: async () => {} }] });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toStrictEqual({ status: 'ok', checks: { postgres: 'ok' } });
  });

  it('is not ready when one fails, and names it with its code and nothing more', async () => {
    const { status, text } = await get('/health/ready', {
      checks: [{ name: 'postgres', check: async () => {} }, away],
    });
    expect(status).toBe(503);
    expect(JSON.parse(text)).toStrictEqual({
      status: 'unavailable',
      checks: { postgres: 'ok', redis: 'REDIS_UNREACHABLE' },
    });
  });

  it('is ready, and names what is wrong, when one fails that is advisory', async () => {
    const { status, text } = await get('/health/ready', { checks: [{ ...away, advisory: true }] });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toStrictEqual({ status: 'ok', checks: { redis: 'REDIS_UNREACHABLE' } });
  });

  it('shows the metrics of its registry', async () => {
    const metrics = createMetrics('planner');
    metrics.restores.set({ state: 'running' }, 3);
    const { text } = await get('/metrics', { metrics });
    expect(text).toMatch(/landfall_restores\{state="running",service="planner"\} 3/);
  });

  it('keeps metrics behind the token when there is one', async () => {
    const options = { metrics: createMetrics('planner'), metricsToken: new Secret('t0ken') };
    expect((await get('/metrics', options)).status).toBe(401);
    await server?.close();
    expect((await get('/metrics', options, { authorization: 'Bearer wrong' })).status).toBe(401);
    await server?.close();
    expect((await get('/metrics', options, { authorization: 'Bearer t0ken' })).status).toBe(200);
  });

  it('answers 404 elsewhere', async () => {
    expect((await get('/')).status).toBe(404);
  });
});

const away = {
  name: 'redis',
  check: async () => {
    throw new RetryableError({ code: 'REDIS_UNREACHABLE', message: 'redis://:pw@h refused.', fix: 'Start it.' });
  },
};
