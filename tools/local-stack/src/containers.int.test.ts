import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { Redis } from 'ioredis';
import yaml from 'yaml';
import { AZURITE_ACCOUNT, freePort, launch, onPath, accepts, type ServerSpec } from './servers/index.js';

/* No container engine is needed here: the file is parsed, and what its containers start is started without them. */
const COMPOSE = fileURLToPath(new URL('../../../docker-compose.yml', import.meta.url));
const VARIABLES: Readonly<Record<string, string>> = { POSTGRES_PASSWORD: 'pg-secret', REDIS_PASSWORD: 'redis-secret' };

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

describe('docker-compose.yml', () => {
  let services: Readonly<Record<string, Service>>;
  let volumes: readonly string[];
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall-containers-'));
    const file = yaml.parse(await readFile(COMPOSE, 'utf8')) as { services: typeof services; volumes: object };
    services = file.services;
    volumes = Object.keys(file.volumes);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('pins images, listens on loopback only, keeps its data in named volumes and says when it is ready', () => {
    expect(Object.keys(services).sort()).toStrictEqual(['azurite', 'postgres', 'redis']);
    for (const [name, service] of Object.entries(services)) {
      assert.match(service.image, /:\d+(\.\d+)+$/, name);
      for (const port of service.ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, name);
      for (const volume of service.volumes) assert.ok(volumes.includes(volume.split(':')[0]!), volume);
      assert.ok(service.healthcheck, name);
    }
  });

  it('has no password of its own, and refuses to start without one', async () => {
    const text = await readFile(COMPOSE, 'utf8');
    expect(text).toMatch(/\$\{POSTGRES_PASSWORD:\?/);
    expect(text).toMatch(/\$\{REDIS_PASSWORD:\?/);
  });

  it('starts Redis so that it asks for its password and never evicts', async () => {
    const [program, ...words] = substituted('redis');
    const command = program === undefined ? null : onPath(program);
    assert.ok(command, `${program} is not on PATH`);
    const port = await freePort();
    const here = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder];
    const server = await launch(spec('redis', command, [...words, ...here], port), join(folder, 'redis.log'));
    const client = new Redis({ port, password: VARIABLES['REDIS_PASSWORD']!, lazyConnect: true });
    const stranger = new Redis({ port, lazyConnect: true, retryStrategy: null });
    stranger.on('error', () => undefined);
    try {
      await client.connect();
      expect(await client.ping()).toBe('PONG');
      expect(await client.config('GET', 'maxmemory-policy')).toStrictEqual(['maxmemory-policy', 'noeviction']);
      expect(await client.config('GET', 'appendonly')).toStrictEqual(['appendonly', 'yes']);
      await expect(async () => stranger.ping()).rejects.toThrow(/NOAUTH|not allowed|closed/i);
    } finally {
      client.disconnect();
      stranger.disconnect();
      await server.stop();
    }
  });

  it('starts Azurite so that the storage client can use it', async () => {
    const [program, ...words] = substituted('azurite');
    expect(program).toBe('azurite-blob');
    const main = join(dirname(createRequire(import.meta.url).resolve('azurite/package.json')), 'dist/src/blob/main.js');
    const port = await freePort();
    const elsewhere: Readonly<Record<string, string>> = {
      '0.0.0.0': '127.0.0.1',
      10000: String(port),
      '/data': folder,
    };
    const args = [main, ...words.map((word) => elsewhere[word] ?? word)];
    const server = await launch(spec('azurite', process.execPath, args, port), join(folder, 'azurite.log'));
    try {
      const credential = new StorageSharedKeyCredential(AZURITE_ACCOUNT.name, AZURITE_ACCOUNT.key);
      const service = new BlobServiceClient(`http://127.0.0.1:${port}/${AZURITE_ACCOUNT.name}`, credential);
      await service.getContainerClient('backups').create();
      expect(await service.getContainerClient('backups').exists()).toBe(true);
    } finally {
      await server.stop();
    }
  });

  /** What the container runs, with the variables filled in. */
  function substituted(name: string): readonly string[] {
    return (services[name]?.command ?? []).map((word) =>
      word.replaceAll(/\$\{([A-Z_]+)(:\?[^}]*)?\}/g, (_, variable: string) => VARIABLES[variable] ?? ''),
    );
  }

  function spec(name: string, command: string, args: readonly string[], port: number): ServerSpec {
    return {
      ...{ name, command, args, port, env: { PATH: process.env.PATH }, url: `127.0.0.1:${port}` },
      stopSignal: 'SIGTERM',
      ready: () => accepts(port),
    };
  }
});
