import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { readFileSync, statSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockHolder, startStack, stopStack, type StartedStack } from './index.js';
import { endProcess, identify } from '@landfall/azure-emulator/process-identity';
import { readStackFile } from './stack-file.js';

const KEYS = [
  ...['api', 'console', 'dashboard', 'metrics', 'azure', 'azureCa', 'azureToken'],
  ...['redis', 'postgres', 'azurite', 'token', 'processes'],
];

describe('a stack on one machine', () => {
  let parent: string;
  let folder: string;
  let stack: StartedStack;
  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'landfall stack ')); // with blanks, as people have them
    folder = join(parent, 'data');
    stack = await startStack({ folder, movers: 2, services: 2 });
  });
  afterAll(async () => {
    await stopStack(folder);
    await rm(parent, { recursive: true });
  });

  /** Processes whose command line or environment names the folder. */
  function processesOf(place: string): string[] {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
      .filter((entry) => {
        try {
          return readFileSync(`/proc/${entry}/cmdline`, 'latin1').includes(place);
        } catch {
          return false;
        }
      });
  }

  /** Over a connection of its own: one that was open may end with the process behind it. */
  function health(url = readStackFile(folder)!.api): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const asked = get(`${url}/health/ready`, { agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.once('error', reject);
    });
  }

  it('is described in stack.json, for its owner alone, once everything is ready', async () => {
    const file = readStackFile(folder)!;
    expect(Object.keys(file)).toStrictEqual(KEYS);
    for (const name of ['stack.json', 'secret.key', 'installation.json']) {
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
    }
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const names = file.processes.map(({ name }) => name);
    for (const name of [
      'supervisor',
      'postgres',
      'redis',
      'azurite',
      'rehydration-proxy',
      'azure-emulator',
      ...['api', 'planner', 'provisioner', 'finalizer', 'data-mover'].flatMap((kind) => [`${kind}-1`, `${kind}-2`]),
    ]) {
      assert.ok(names.includes(name), `${name} is not among ${names.join(', ')}`);
    }
    expect(await health()).toBe(200);
  });

  it('hides its secrets from the command lines that everybody can read', () => {
    const { token, azureToken } = stack.stack;
    const password = decodeURIComponent(new URL(stack.stack.redis).password);
    for (const entry of processesOf(folder)) {
      const words = readFileSync(`/proc/${entry}/cmdline`, 'latin1');
      for (const secret of [token, azureToken, password]) expect(words).not.toContain(secret);
    }
  });

  it('is found running by a second call, which starts nothing', async () => {
    const again = await startStack({ folder });
    expect(again.alreadyRunning).toBe(true);
    expect(again.supervisor).toStrictEqual(stack.supervisor);
  });

  it('answers while one API or the other is killed, starts it again, and says its new number', async () => {
    for (const killed of ['api-1', 'api-2']) {
      const { pid } = readStackFile(folder)!.processes.find(({ name }) => name === killed)!;
      await endProcess(identify(pid)!, { signal: 'SIGKILL', deadlineMs: 5_000 });
      // The other one answers at once, under the same address. A connection that the kernel has taken for a process that is
      // just ending is cut: then, as every caller does, once more.
      assert.equal(await health().catch(() => health()), 200, `while ${killed} is away`);
      const started = await eventually(() => {
        const now = readStackFile(folder)!.processes.find(({ name }) => name === killed);
        return now !== undefined && now.pid !== pid ? now : null;
      });
      expect(identify(started.pid)).not.toBe(null);
      const own = `http://127.0.0.1:${portsOf(folder)[killed]}`;
      await eventually(async () => ((await health(own).catch(() => 0)) === 200 ? true : null));
    }
  });

  it('is taken over whole after its supervisor was killed, with the same places and data', async () => {
    const before = readStackFile(folder)!;
    await endProcess(lockHolder(folder)!, { signal: 'SIGKILL', deadlineMs: 5_000 });
    const again = await startStack({ folder });
    expect(again.alreadyRunning).toBe(false);
    const names = again.stack.processes.map(({ name }) => name);
    assert.ok(names.includes('api') && !names.includes('api-1'), 'one of each by default');
    const { processes: oldOnes, ...oldPlaces } = before;
    const { processes: newOnes, ...newPlaces } = again.stack;
    expect(newPlaces).toStrictEqual(oldPlaces);
    const numbers = new Set(newOnes.map(({ pid }) => pid));
    for (const { name, pid } of oldOnes) assert.ok(!numbers.has(pid), `${name} is still the old process`);
    const audit = await fetch(`${again.stack.api}/v1/audit`, {
      headers: { authorization: `Bearer ${again.stack.token}` },
    });
    expect(audit.status).toBe(200);
  });

  it('leaves no process, no lock and no stack.json when it is stopped', async () => {
    expect(await stopStack(folder)).toBe(true);
    expect(lockHolder(folder)).toBe(null);
    expect(readStackFile(folder)).toBe(null);
    expect(processesOf(folder)).toStrictEqual([]);
    expect(readdirSync(folder).filter((name) => /lock|processes/.test(name))).toStrictEqual([]);
    expect(await stopStack(folder)).toBe(false);
  });
});

function portsOf(folder: string): Record<string, number> {
  return (JSON.parse(readFileSync(join(folder, 'installation.json'), 'utf8')) as { ports: Record<string, number> })
    .ports;
}

/** Asks until there is an answer; the test's own time limit ends it. */
async function eventually<T>(ask: () => T | null | Promise<T | null>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    await sleep(20);
  }
}
