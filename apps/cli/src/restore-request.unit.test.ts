import { describe, expect, it } from '@jest/globals';
import { LandfallCommand } from './command-line.js';
import { addRestoreOptions, restoreBody, type RestoreOptions } from './restore-request.js';

async function bodyOf(...words: readonly string[]) {
  const write = () => true;
  const runtime = { terminal: { stdout: { write }, stderr: { write } }, signal: new AbortController().signal };
  let body: unknown;
  const command = new LandfallCommand('plan', runtime, () => undefined);
  addRestoreOptions(command).action((options: RestoreOptions) => {
    body = restoreBody(options);
  });
  await command.parseAsync(['--point', 'rp-1', '--to', 'new', ...words], { from: 'user' });
  return body;
}

describe('the request for a restore', () => {
  it('leaves everything that was not given to the API', async () => {
    expect(await bodyOf()).toStrictEqual({ restorePointId: 'rp-1', destination: { kind: 'new' } });
  });

  it('carries every option under its name in the API', async () => {
    const body = await bodyOf(
      ...['--name', 'web', '--resource-group', 'rg', '--region', 'westeurope', '--zone', '2', '--size', 'Standard_B2s'],
      ...['--subnet', '/subscriptions/s', '--private-ip', '10.0.0.4', '--disk-sku', 'Premium_LRS'],
      ...['--generation', '2', '--disks-only', '--exclude-disk', 'a', '--exclude-disk', 'b', '--transfer', 'direct'],
      ...['--verify', 'full', '--archive-priority', 'high', '--no-power-on', '--isolated', '--boot-check', 'running'],
      ...['--reason', 'fire', '--max-stop', '2h', '--wait-days', '3'],
    );
    expect(body).toStrictEqual({
      restorePointId: 'rp-1',
      destination: {
        kind: 'new',
        name: 'web',
        resourceGroup: 'rg',
        region: 'westeurope',
        zone: '2',
        size: 'Standard_B2s',
        subnetId: '/subscriptions/s',
        privateIp: '10.0.0.4',
        diskSku: 'Premium_LRS',
      },
      generation: 2,
      disksOnly: true,
      excludeDisks: ['a', 'b'],
      transfer: 'direct',
      verify: 'full',
      archivePriority: 'high',
      powerOn: false,
      isolated: true,
      bootCheck: 'running',
      reason: 'fire',
      maxStopSeconds: 7_200,
      waitDays: 3,
    });
  });

  it('says how a boot is to be known, and leaves it to the planner where nothing is said', async () => {
    const wanted = { bootCheck: 'serial', bootPattern: 'shop is open' };
    expect(await bodyOf('--boot-check', 'serial', '--boot-pattern', 'shop is open')).toMatchObject(wanted);
    const body = await bodyOf();
    expect(body).not.toHaveProperty('bootCheck');
    expect(body).not.toHaveProperty('bootPattern');
  });

  it('takes durations in whichever unit they come, and nothing else', async () => {
    for (const [text, maxStopSeconds] of [
      ['90s', 90],
      ['30m', 1_800],
      ['2h', 7_200],
      ['1d', 86_400],
    ] as const) {
      expect(await bodyOf('--max-stop', text)).toMatchObject({ maxStopSeconds });
    }
    for (const text of ['2', 'h', '1.5h', '-1h', '2 h', '2h30m']) {
      await expect(bodyOf('--max-stop', text)).rejects.toMatchObject({ message: expect.stringMatching(/such as 90s/) });
    }
    await expect(bodyOf('--wait-days', '31')).rejects.toMatchObject({ message: expect.stringMatching(/from 1 to 30/) });
  });

  it('takes a name that begins with a dash as it is, for the planner to judge', async () => {
    const body = (await bodyOf('--name', '-no-', '--generation', 'auto')) as { destination: object };
    expect(body).toStrictEqual({
      restorePointId: 'rp-1',
      destination: { kind: 'new', name: '-no-' },
      generation: 'auto',
    });
  });
});
