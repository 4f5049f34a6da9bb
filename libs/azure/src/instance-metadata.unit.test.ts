import { afterEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { promisify } from 'node:util';
import { thisVmId } from './instance-metadata.js';

const VM_ID = '02aab8a4-74ef-476e-8182-f6d2ba4166a6';
const QUICK = { busyWithinMs: 60_000, answerWithinMs: 30_000, firstPauseMs: 1 };

/** What the service says, once it has nothing against the request. */
type Say = { readonly status: number; readonly body?: string } | 'hangs' | 'hangs-up' | 'cut-short';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

describe('the VM that this runs on', () => {
  it('is told by the metadata service, which is asked once', async () => {
    const { url, asked } = await metadataService([compute({ vmId: VM_ID })]);
    expect(await thisVmId(url, QUICK)).toBe(VM_ID);
    expect(asked.length).toBe(1);
    expect(asked[0]?.headers['x-forwarded-for']).toBeUndefined();
  });

  it('is asked for again while the service is being updated, throttles, fails or breaks off', async () => {
    const busy: Say[] = [{ status: 410 }, { status: 429 }, { status: 500 }, { status: 503 }, 'hangs-up', 'cut-short'];
    const { url, asked } = await metadataService([...busy, compute({ vmId: VM_ID })]);
    expect(await thisVmId(url, QUICK)).toBe(VM_ID);
    expect(asked.length).toBe(busy.length + 1);
  });

  it('is not waited for any longer than the service may be busy', async () => {
    const { url } = await metadataService(Array.from({ length: 1_000 }, () => ({ status: 429 })));
    await expect(thisVmId(url, { ...QUICK, busyWithinMs: 20 })).rejects.toMatchObject({
      ...{ kind: 'retryable', code: 'INSTANCE_METADATA_UNREACHABLE' },
      ...{ message: expect.stringContaining('429'), fix: expect.stringContaining('Set LANDFALL_APPLIANCE_ID') },
    });
  });

  it('is given up after three tries that bring no answer', async () => {
    const { url, asked } = await metadataService(['hangs-up', 'cut-short', 'hangs-up', compute({ vmId: VM_ID })]);
    await expect(thisVmId(url, QUICK)).rejects.toMatchObject({
      ...{ kind: 'retryable', code: 'INSTANCE_METADATA_UNREACHABLE', message: expect.stringContaining('not answer') },
      fix: expect.stringContaining('Set LANDFALL_APPLIANCE_ID'),
    });
    expect(asked.length).toBe(3);
  });

  it('is given up where the service takes what it is asked, and is silent', async () => {
    // How many of the tries have reached it by then is its machine's affair.
    const { url } = await metadataService(['hangs', 'hangs', 'hangs', compute({ vmId: VM_ID })]);
    await expect(thisVmId(url, { ...QUICK, answerWithinMs: 20 })).rejects.toMatchObject({
      ...{ code: 'INSTANCE_METADATA_UNREACHABLE', message: expect.stringContaining('not answer') },
    });
  });

  it('is given up where nobody listens', async () => {
    const { url } = await metadataService([]);
    await new Promise((closed) => servers.pop()?.close(closed));
    await expect(thisVmId(url, QUICK)).rejects.toMatchObject({
      ...{ code: 'INSTANCE_METADATA_UNREACHABLE', message: expect.stringContaining('ECONNREFUSED') },
    });
  });

  for (const [what, say] of [
    ['refuses the request', { status: 400, body: '{"error": "Bad request."}' }],
    ['knows no such address, as that of another cloud', { status: 404 }],
    ['sends on to another address', { status: 302 }],
    ['answers with no JSON', { status: 200, body: '<html>Sign in</html>' }],
    ['answers with JSON that is no object', { status: 200, body: '"vmId"' }],
    ['names no VM', compute({ name: 'landfall' })],
    ['has an empty VM', compute({ vmId: '' })],
    ['names a VM by something else than a UUID', compute({ vmId: 'landfall' })],
    ['names a VM by a number', compute({ vmId: 7 })],
  ] as const) {
    it(`is not made up where the service ${what}, nor asked for again`, async () => {
      const { url, asked } = await metadataService([say, compute({ vmId: VM_ID })]);
      await expect(thisVmId(url, QUICK)).rejects.toMatchObject({
        ...{ kind: 'permanent', code: 'INSTANCE_METADATA_REFUSED' },
        fix: expect.stringContaining('Set LANDFALL_APPLIANCE_ID'),
      });
      expect(asked.length).toBe(1);
    });
  }

  it('is asked for directly where the environment names a proxy', async () => {
    const { url } = await metadataService([compute({ vmId: VM_ID })]);
    const proxy = await listening(createServer((_request, response) => response.writeHead(502).end()));
    const module = new URL('instance-metadata.js', import.meta.url).href;
    const program = `import { thisVmId } from '${module}'; console.log(await thisVmId('${url}'));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      env: { PATH: process.env.PATH, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy, http_proxy: proxy },
    });
    expect(stdout).toBe(`${VM_ID}\n`);
  });
});

function compute(members: object): Say {
  return {
    status: 200,
    body: JSON.stringify({ azEnvironment: 'AzurePublicCloud', location: 'westeurope', ...members }),
  };
}

/** As strict as Azure's; says one after the other, and answers what should not have been asked with 404. */
async function metadataService(says: readonly Say[]): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    const say = refusal(request) ?? says[asked.length] ?? { status: 404 };
    asked.push(request);
    if (say === 'hangs') return;
    if (say === 'hangs-up') return void request.socket.destroy();
    response.setHeader('content-type', 'application/json; charset=utf-8');
    if (say === 'cut-short') {
      response.writeHead(200, { 'content-length': 100 }).write('{"vmId": ');
      return void setImmediate(() => request.socket.destroy());
    }
    response.writeHead(say.status, say.status === 302 ? { location: '/elsewhere' } : {}).end(say.body ?? '');
  });
  return { url: await listening(server), asked };
}

function refusal(request: IncomingMessage): Say | null {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://metadata');
  if (request.method !== 'GET') return { status: 405 };
  if (request.headers.metadata !== 'true') return bad('Required metadata header not specified');
  if ('x-forwarded-for' in request.headers) return bad('X-Forwarded-For is not allowed');
  if (searchParams.getAll('api-version').length !== 1) return bad('api-version was not specified in the request');
  if (!/^\d{4}-\d\d-\d\d$/.test(searchParams.get('api-version') ?? '')) return bad('api-version is invalid');
  return pathname === '/metadata/instance/compute' ? null : { status: 404 };
}

function bad(error: string): Say {
  return { status: 400, body: JSON.stringify({ error: `Bad request. ${error}.` }) };
}

async function listening(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((listens) => server.listen(0, '127.0.0.1', listens));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return `http://127.0.0.1:${address.port}`;
}
