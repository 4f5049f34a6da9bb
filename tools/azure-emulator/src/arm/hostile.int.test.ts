import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import fc from 'fast-check';
import {
  diskId,
  GROUP,
  IDS,
  makeDisk,
  makeVm,
  raw,
  REGION,
  startTestAzure,
  SUBSCRIPTION,
  TOKEN,
  vmId,
  type RawAnswer,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';
import { ROUTES } from '../catalogue.js';

const VERSION = 'api-version=2025-01-02';
const GROUP_PATH = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}`;

describe('requests that no client would send', () => {
  let azure: TestAzure;
  beforeAll(async () => (azure = await startTestAzure()));
  afterAll(() => azure.close());

  const code = ({ json }: RawAnswer): unknown => (json['error'] as { code?: unknown } | undefined)?.code;
  const put = (body: string) => raw(azure, 'PUT', `${diskId('d')}?${VERSION}`, { body });

  /** Bytes as they are, past every HTTP client; gives what comes back until the connection ends. */
  function bytes(text: string): Promise<string> {
    const { hostname, port } = new URL(azure.emulator.url);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), ca: readFileSync(azure.emulator.caPath) }, () =>
        socket.end(text),
      );
      let answer = '';
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
      socket.on('end', () => resolve(answer));
      socket.on('error', reject);
    });
  }

  it('answers a target that is no URL, and lives', async () => {
    for (const target of ['//', '///x', '//[', '/%zz', '/%00', 'http://[', '*']) {
      const request = `GET ${target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\nconnection: close\r\n\r\n`;
      assert.match(await bytes(request), /^HTTP\/1\.1 4\d\d [^]*"error":\{"code":"(NotFound|BadRequest)"/, target);
    }
    expect((await raw(azure, 'GET', '/health')).status).toBe(200);
  });

  it('answers what is not HTTP, and headers without end', async () => {
    for (const text of [
      'not http at all\r\n\r\n',
      `GET / HTTP/1.1\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`,
      '\0\0\0\0\r\n\r\n',
    ]) {
      expect(await bytes(text)).toMatch(/^HTTP\/1\.1 400 Bad Request[^]*"code":"BadRequest"/);
    }
    expect((await raw(azure, 'GET', '/health')).status).toBe(200);
  });

  it('refuses JSON that is nested without end', async () => {
    const nested = (depth: number) =>
      `{"location":"${REGION}","properties":{"creationData":{"createOption":"Empty"},"diskSizeGB":1,"supportedCapabilities":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
    for (const body of [nested(200), nested(1_000_000), '['.repeat(1_000_000)]) {
      const answer = await put(body);
      expect([answer.status, code(answer)]).toStrictEqual([400, 'InvalidRequestContent']);
      expect(answer.text).toMatch(/MaxDepth of 128 has been exceeded/);
    }
    const quoted = await put(JSON.stringify({ location: '['.repeat(500) }));
    expect(code(quoted)).toBe('InvalidParameter');
  });

  it('refuses bodies that are too large, whether they say so or not', async () => {
    const body = '['.repeat(5 * 1024 ** 2);
    const answer = await put(body);
    expect([answer.status, code(answer)]).toStrictEqual([413, 'RequestContentTooLarge']);
    const head =
      `PUT ${diskId('d')}?${VERSION} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n` +
      'connection: close\r\ntransfer-encoding: chunked\r\n\r\n';
    const chunked = `${head}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    expect(await bytes(chunked)).toMatch(/^HTTP\/1\.1 413 [^]*"code":"RequestContentTooLarge"/);
    expect((await raw(azure, 'GET', '/health')).status).toBe(200);
  });

  it('refuses api-versions that are no day of the calendar', async () => {
    for (const version of ['2025-02-30', '2025-13-01', '0000-00-00', '2025-01-01-beta', '%00']) {
      const answer = await raw(azure, 'GET', `${diskId('d')}?api-version=${version}`);
      assert.deepEqual([answer.status, code(answer)], [400, 'InvalidApiVersionParameter'], version);
    }
    expect((await raw(azure, 'GET', `${GROUP_PATH}?api-version=2024-02-29-preview`)).status).toBe(200);
  });

  it('refuses types, providers and groups that it does not know, for every method', async () => {
    for (const [path, expected] of [
      [`${GROUP_PATH}/providers/Microsoft.Web/sites/x`, 'InvalidResourceType'],
      [`${GROUP_PATH}/providers/Microsoft.Compute/images/x`, 'InvalidResourceType'],
      [`${GROUP_PATH}/nothing`, 'NotFound'],
      ['/managementGroups', 'NotFound'],
    ] as const) {
      for (const method of ['GET', 'PUT', 'PATCH', 'POST', 'DELETE']) {
        const answer = await raw(azure, method, `${path}?${VERSION}`, { body: '{}' });
        assert.deepEqual([answer.status, code(answer)], [404, expected], `${method} ${path}`);
      }
    }
  });

  it('says no to tokens in every wrong shape', async () => {
    for (const authorization of ['Bearer', 'Bearer ', `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN}x`, 'Bearer \u00e9']) {
      const answer = await raw(azure, 'GET', `${GROUP_PATH}?${VERSION}`, { headers: { authorization } });
      assert.deepEqual([answer.status, code(answer)], [401, 'InvalidAuthenticationToken'], authorization);
    }
  });

  it('has an answer of its own, in every operation, to bodies that say nothing or the wrong thing', async () => {
    await makeVm(azure, 'sweep');
    await makeDisk(azure, 'sweep');
    const values: Readonly<Record<string, string>> = {
      subscriptionId: SUBSCRIPTION,
      resourceGroupName: GROUP,
      location: REGION,
      resourceProviderNamespace: 'Microsoft.Storage',
      namespace: 'Microsoft.Compute',
      resourceType: 'disks',
      virtualNetworkName: 'landfall-network',
      subnetName: 'machines',
      networkInterfaceName: 'sweep-nic',
    };
    const bodies = [
      undefined,
      '{}',
      'null',
      '[]',
      '7',
      '{"properties":{}}',
      '{"properties":null,"tags":[],"location":0}',
    ];
    // What takes things away comes last, so that the others still find them.
    const routes = [...ROUTES].sort((a, b) => Number(a.method === 'DELETE') - Number(b.method === 'DELETE'));
    for (const { method, path, operation } of routes) {
      const where = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'sweep');
      for (const body of method === 'GET' || method === 'HEAD' ? [undefined] : bodies) {
        const answer = await raw(azure, method, `${where}?${VERSION}`, body === undefined ? {} : { body });
        assert.ok(answer.status < 500, `${operation} with ${body}: ${answer.status} ${answer.text}`);
      }
    }
  });

  it('never answers 500 and never ends, whatever comes', async () => {
    await azure.resources.resourceGroups.createOrUpdate(GROUP, { location: REGION });
    await makeDisk(azure, 'fuzz');
    const disk = diskId('fuzz');
    const word = fc.oneof(
      fc.constantFrom(
        'fuzz',
        'disks',
        'providers',
        'Microsoft.Compute',
        'locks',
        '..%2f',
        '%00',
        '%ff',
        '__proto__',
        'default',
      ),
      fc.string({ maxLength: 12 }).map(encodeURIComponent),
    );
    const known = fc.constantFrom(
      disk,
      `${disk}/beginGetAccess`,
      `${disk}/endGetAccess`,
      `${disk}/providers/Microsoft.Resources/tags/default`,
      `${disk}/providers/Microsoft.Authorization/locks/fuzz`,
      vmId('fuzz'),
      `${vmId('fuzz')}/start`,
      IDS.networkId,
      IDS.machineSubnetId,
      `${GROUP_PATH}/providers/Microsoft.Network/networkInterfaces/fuzz`,
      `${GROUP_PATH}/moveResources`,
      `${GROUP_PATH}/validateMoveResources`,
      `${GROUP_PATH}/resources`,
      `/subscriptions/${SUBSCRIPTION}/resourceGroups/fuzz`,
      `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Compute/register`,
      `/subscriptions/${SUBSCRIPTION}/operationresults/fuzz`,
      '/_emulator/vms',
      '/_emulator/resource',
    );
    const path = fc.oneof(
      known,
      fc.tuple(known, word).map(([whole, last]) => whole.slice(0, whole.lastIndexOf('/') + 1) + last),
      fc.array(word, { maxLength: 9 }).map((words) => `/${words.join('/')}`),
    );
    const query = fc.oneof(
      fc.constant(VERSION),
      fc
        .tuple(fc.constantFrom('$filter', '$top', '$expand', 'ipAddress', 'id', 'forceDeletion'), fc.string())
        .map(([name, value]) => `${VERSION}&${name}=${encodeURIComponent(value)}`),
      fc.string({ maxLength: 20 }).map(encodeURIComponent),
    );
    const members = fc.dictionary(
      fc.constantFrom(
        'location',
        'tags',
        'properties',
        'sku',
        'zones',
        'resources',
        'targetResourceGroup',
        'access',
        'id',
      ),
      fc.oneof(
        fc.constantFrom<unknown>(REGION, GROUP_PATH, { level: 'ReadOnly' }, [disk], 'Read', 600),
        fc.jsonValue(),
      ),
    );
    const body = fc.oneof(
      members.map((value) => Buffer.from(JSON.stringify(value))),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
      fc.uint8Array({ maxLength: 64 }).map((value) => Buffer.from(value)),
    );
    const method = fc.constantFrom('GET', 'PUT', 'PATCH', 'POST', 'DELETE', 'HEAD', 'OPTIONS');
    await fc.assert(
      fc.asyncProperty(method, path, query, body, async (verb, where, asked, content) => {
        const answer = await raw(azure, verb, `${where}?${asked}`, verb === 'HEAD' ? {} : { body: content });
        assert.ok(answer.status < 500, `${answer.status} ${answer.text}`);
        if (answer.status < 400 || verb === 'HEAD') return;
        assert.equal(typeof code(answer), 'string', answer.text);
        expect(answer.text).not.toMatch(/\.js:|\.ts:|node:internal/);
      }),
      { numRuns: 250 },
    );
    expect((await raw(azure, 'GET', '/health')).status).toBe(200);
  });
});
