import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { RetryableError, Secret } from '@landfall/domain';
import { type HealthServer, type HealthServerOptions, serveHealthAndMetrics } from './health-server.js';
import { createMetrics } from './metrics.js';

describe('the health server', () => {
  let server: HealthServer | undefined;
  afterEach(() => server?.close());

  async function get(path: string, options: Partial<HealthServerOptions> = {}, headers: Record<string, string> = {}) {
    server = await serveHealthAndMetrics({ port: 0, ...options });
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
    return { status: response.status, text: await response.text() };
  }

  it('is live whatever its checks say', async () => {
    assert.equal((await get('/health/live', { checks: [away] })).status, 200);
  });

  it('is ready when every check passes', async () => {
    const { status, text } = await get('/health/ready', { checks: [{ name: 'postgres', check: async () => {} }] });
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(text), { status: 'ok', checks: { postgres: 'ok' } });
  });

  it('is not ready when one fails, and names it with its code and nothing more', async () => {
    const { status, text } = await get('/health/ready', {
      checks: [{ name: 'postgres', check: async () => {} }, away],
    });
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(text), {
      status: 'unavailable',
      checks: { postgres: 'ok', redis: 'REDIS_UNREACHABLE' },
    });
  });

  it('is ready, and names what is wrong, when one fails that is advisory', async () => {
    const { status, text } = await get('/health/ready', { checks: [{ ...away, advisory: true }] });
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(text), { status: 'ok', checks: { redis: 'REDIS_UNREACHABLE' } });
  });

  it('shows the metrics of its registry', async () => {
    const metrics = createMetrics('planner');
    metrics.restores.set({ state: 'running' }, 3);
    const { text } = await get('/metrics', { metrics });
    assert.match(text, /landfall_restores\{state="running",service="planner"\} 3/);
  });

  it('keeps metrics behind the token when there is one', async () => {
    const options = { metrics: createMetrics('planner'), metricsToken: new Secret('t0ken') };
    assert.equal((await get('/metrics', options)).status, 401);
    await server?.close();
    assert.equal((await get('/metrics', options, { authorization: 'Bearer wrong' })).status, 401);
    await server?.close();
    assert.equal((await get('/metrics', options, { authorization: 'Bearer t0ken' })).status, 200);
  });

  it('answers 404 elsewhere', async () => {
    assert.equal((await get('/')).status, 404);
  });
});

const away = {
  name: 'redis',
  check: async () => {
    throw new RetryableError({ code: 'REDIS_UNREACHABLE', message: 'redis://:pw@h refused.', fix: 'Start it.' });
  },
};
