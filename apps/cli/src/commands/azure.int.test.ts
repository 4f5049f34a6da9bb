import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAULT_KINDS, startEmulator, type Emulator, type Fault } from '@landfall/azure-emulator';
import { ownerTags } from '@landfall/domain';
import { runProgram } from '../command-line.js';
import { AzureEmulator } from '../stack/azure-emulator.js';
import { FAULTS } from './azure-faults.js';
import { describeCommands } from './index.js';

describe('the command line on the emulated Azure', () => {
  let folder: string;
  let emulator: Emulator;
  let azure: AzureEmulator;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-cli-azure-'));
    emulator = await startEmulator({ dataDirectory: join(folder, 'azure'), token: 'token', subscriptionId: 'sub' });
    const stack = { azure: emulator.url, azureCa: emulator.caPath, azureToken: 'token', processes: [] };
    writeFileSync(join(folder, 'stack.json'), JSON.stringify(stack));
    azure = new AzureEmulator(stack, './landfall up');
  });
  afterAll(async () => {
    await emulator.close();
    rmSync(folder, { recursive: true });
  });

  async function landfall(...words: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    let [stdout, stderr] = ['', ''];
    const code = await runProgram(describeCommands, ['azure', ...words, '--data', folder], {
      terminal: {
        stdout: { write: (text) => (stdout += text) },
        stderr: { write: (text) => (stderr += text) },
      },
      signal: new AbortController().signal,
    });
    return { code, stdout, stderr };
  }
  async function json<T>(...words: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await landfall(...words, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  }

  describe('faults', () => {
    it('knows every kind that the emulator knows, and tells what it means', async () => {
      expect(Object.keys(FAULTS)).toStrictEqual([...FAULT_KINDS]);
      const { stdout } = await landfall('faults', 'add', '--help');
      for (const kind of FAULT_KINDS) assert.ok(stdout.includes(kind), kind);
    });

    it('switches one on with everything that was said, shows how often it struck, and switches it off', async () => {
      const words = ['--operation', 'Disks_*', '--resource', 'web-*', '--times', '2', '--retry-after', 'none'];
      const fault = await json<Fault>('faults', 'add', '--kind', 'throttle', ...words, '--code', 'X', '--message', 'Y');
      const { kind, operation, resource, when, retryAfterSeconds, code, message } = fault;
      expect([kind, operation, resource, when]).toStrictEqual(['throttle', 'Disks_*', 'web-*', { times: 2 }]);
      expect([retryAfterSeconds, code, message]).toStrictEqual([null, 'X', 'Y']);
      const disk = '/subscriptions/sub/resourceGroups/g/providers/Microsoft.Compute/disks/web-1?api-version=2025-01-02';
      await expect(azure.get(disk)).rejects.toMatchObject({ status: 429, code: 'X' });
      const [listed] = await json<Fault[]>('faults', 'list');
      expect([listed?.id, listed?.matched, listed?.fired]).toStrictEqual([fault.id, 1, 1]);
      expect((await landfall('faults', 'list')).stdout).toMatch(/throttle +Disks_\* +web-\* +the first 2 times +1 +1/);
      expect((await landfall('faults', 'clear', fault.id)).stdout).toMatch(/is switched off; it struck 1 time/);
      expect((await landfall('faults', 'list')).stdout).toMatch(/No fault is switched on/);
      expect(await json('faults', 'clear')).toStrictEqual([]);
    });

    it('says when it strikes', async () => {
      const whens = [[], ['--always'], ['--nth', '3']];
      const added: unknown[] = [];
      for (const words of whens) added.push((await json<Fault>('faults', 'add', '--kind', 'error', ...words)).when);
      expect(added).toStrictEqual([{ times: 1 }, 'always', { nth: 3 }]);
      await landfall('faults', 'clear');
    });

    it('refuses with 2 what makes no sense', async () => {
      const wrong: readonly [readonly string[], RegExp][] = [
        [['--kind', 'flood'], /throttle, error/],
        [['--kind', 'error', '--nth', '1', '--always'], /exclude one another/],
        [['--kind', 'error', '--retry-after', 'soon'], /seconds, or none/],
        [['--kind', 'error', '--operation', 'Discs_Get'], /No request is named 'Discs_Get'/],
        [['--kind', 'stuck-detach', '--code', 'X'], /has no code/],
      ];
      for (const [words, message] of wrong) {
        const { code, stdout, stderr } = await landfall('faults', 'add', ...words);
        assert.deepEqual([code, stdout], [2, ''], stderr);
        expect(stderr).toMatch(message);
      }
      expect((await landfall('faults', 'clear', 'nobody')).code).toBe(2);
    });
  });

  it('sets how long operations take, of one kind or of all others', async () => {
    const times = (kinds: readonly { name: string; delayMs: number }[]): Record<string, number> =>
      Object.fromEntries(kinds.map(({ name, delayMs }) => [name, delayMs]));
    await json('delay', 'disks.create', '1500');
    await json('delay', 'virtualMachines.start', '7');
    const set = times(await json('delay', 'all', '20', '--retry-after', '3'));
    expect([set['disks.create'], set['virtualMachines.start'], set['disks.delete']]).toStrictEqual([1500, 7, 20]);
    const settings = await azure.get<{ retryAfterSeconds: number }>('/_emulator/settings');
    expect(settings.retryAfterSeconds).toBe(3);
    expect((await landfall('delay')).stdout).toMatch(/^OPERATION +MS\n.*disks\.create +1500\n/s);
    const unknown = await landfall('delay', 'discs.create', '5');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/No kind of operation is named 'discs\.create'\. There are .*disks\.create/);
    expect((await landfall('delay', 'disks.create')).code).toBe(2);
    const reset = times(await json('delay', 'all', '0', '--reset', '--retry-after', '0'));
    expect(new Set(Object.values(reset))).toStrictEqual(new Set([0]));
  });

  it('limits the bandwidth of disks and workers', async () => {
    expect(await json('bandwidth', '--disk', '60', '--worker', '0.5')).toStrictEqual({
      diskBytesPerSecond: 60_000_000,
      workerBytesPerSecond: 500_000,
      bandwidthBySize: false,
    });
    const { stdout } = await landfall('bandwidth', '--disk', 'off', '--by-size', 'on');
    expect(stdout).toBe('each disk:   by its size, as in Azure\neach worker: 0.5 MB/s\n');
    expect((await landfall('bandwidth', '--disk', 'fast')).code).toBe(2);
    await landfall('bandwidth', '--worker', 'off', '--by-size', 'off');
    expect((await landfall('bandwidth')).stdout).toBe('each disk:   no limit\neach worker: no limit\n');
  });

  it('lists what costs money first, with its group, state, size, owner and holder', async () => {
    const image = join(folder, 'os.raw');
    writeFileSync(image, Buffer.alloc(4096, 1));
    const tags = ownerTags('appliance-1', 'r-1', 'vm');
    await azure.post('/_emulator/vms', { name: 'web', resourceGroup: 'shop', osDisk: image, tags });
    const { stdout } = await landfall('list', '--resource-group', 'SHOP');
    const rows = stdout.split('\n').map((line) => line.split(/ {2,}/));
    expect(rows.slice(0, 5)).toStrictEqual([
      ['TYPE', 'NAME', 'GROUP', 'STATE', 'SIZE', 'OWNER', 'HELD BY'],
      ['virtualMachines', 'web', 'shop', 'running', '-', 'vm of r-1 (appliance appliance-1)', '-'],
      ['disks', 'web-os', 'shop', 'Attached', '1 GiB', 'vm of r-1 (appliance appliance-1)', 'web'],
      ['resourceGroups', 'shop', 'shop', 'ready', '-', '-', '-'],
      ['networkInterfaces', 'web-nic', 'shop', 'ready', '-', 'vm of r-1 (appliance appliance-1)', 'web'],
    ]);
    expect(stdout).toMatch(/\n4 resource\(s\); the first 2 would cost money\.\n$/);
    const owned = await json<{ id: string; name: string }[]>('list', '--owner', 'r-1');
    expect(owned.map(({ name }) => name).toSorted()).toStrictEqual(['web', 'web-nic', 'web-os']);
    expect(owned.every(({ id }) => id.startsWith('/subscriptions/sub/'))).toBe(true);
    expect((await landfall('list', '--owner', 'nobody')).stdout).toMatch(/There is nothing\./);
  });

  it('takes a name for an ID where only one resource has it', async () => {
    const byName = await json<{ id: string; path: string }>('disk-path', 'WEB-os');
    expect(await json('disk-path', byName.id)).toStrictEqual(byName);
    expect((await json<{ name: string }>('show', 'web')).name).toBe('web');
    const missing = await landfall('disk-path', 'web-nic');
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(/Nothing in the emulated Azure is named "web-nic"/);
  });
});
