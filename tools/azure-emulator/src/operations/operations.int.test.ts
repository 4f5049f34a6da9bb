import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { restorePoller } from '@azure/arm-compute';
import {
  collect,
  diskId,
  GROUP,
  makeDisk,
  makeNic,
  makeVm,
  raw,
  REGION,
  startTestAzure,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';
import { startProcess } from '../fixtures/process.fixture.test.js';

describe('long-running operations', () => {
  let azure: TestAzure;
  let nowMs = Date.now();
  before(async () => (azure = await startTestAzure({ retryAfterSeconds: 7, now: () => new Date(nowMs) })));
  after(() => azure.close());

  const settings = (values: unknown) => raw(azure, 'PATCH', '/_emulator/settings', { body: JSON.stringify(values) });
  const putDisk = (name: string) =>
    raw(azure, 'PUT', `${diskId(name)}?api-version=2025-01-02`, {
      body: JSON.stringify({
        location: REGION,
        properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 1 },
      }),
    });
  const get = (url: unknown) => {
    const { pathname, search } = new URL(String(url));
    return raw(azure, 'GET', pathname + search);
  };

  it('are in progress for as long as their kind takes', async () => {
    await settings({ delaysMs: { 'disks.create': 60_000 } });
    const put = await putDisk('slow');
    const status = await get(put.headers['azure-asyncoperation']);
    assert.equal(status.status, 200);
    assert.equal(status.json['status'], 'InProgress');
    assert.equal(status.json['endTime'], undefined);
    assert.equal(status.headers['retry-after'], '7');
    const result = await get(put.headers['location']);
    assert.deepEqual([result.status, result.text], [202, '']);
    assert.equal((await azure.compute.disks.get(GROUP, 'slow')).provisioningState, 'Creating');
    await settings({ delaysMs: {} });
  });

  it('answer a deletion with 202 and the Location of its end, and 204 when there was nothing', async () => {
    await putDisk('short-lived');
    await azure.emulator.idle();
    nowMs += 120_000;
    const removed = await raw(azure, 'DELETE', `${diskId('short-lived')}?api-version=2025-01-02`);
    assert.equal(removed.status, 202);
    assert.equal((await get(removed.headers['location'])).status, 200);
    assert.equal((await raw(azure, 'DELETE', `${diskId('short-lived')}?api-version=2025-01-02`)).status, 204);
  });

  it('can be resumed by a client that has kept its poller, without a second request', async () => {
    await raw(azure, 'DELETE', '/_emulator/calls');
    const poller = azure.compute.disks.createOrUpdate(GROUP, 'resumed', {
      location: REGION,
      creationData: { createOption: 'Empty' },
      diskSizeGB: 1,
    });
    await poller.submitted();
    const state = await poller.serialize();
    const resumed = restorePoller(azure.compute, state, azure.compute.disks.createOrUpdate);
    assert.equal((await resumed.pollUntilDone()).name, 'resumed');
    const calls = JSON.parse((await raw(azure, 'GET', '/_emulator/calls')).text) as { method: string }[];
    assert.equal(calls.filter(({ method }) => method === 'PUT').length, 1);
  });

  it('are unknown when nobody began them', async () => {
    const url = `/subscriptions/${azure.emulator.subscriptionId}/providers/Microsoft.Compute/locations/westeurope/operations/0?api-version=2025-04-01`;
    assert.equal((await raw(azure, 'GET', url)).status, 404);
  });
});

describe('state on disk', () => {
  let directory = '';
  before(async () => (directory = await mkdtemp(join(tmpdir(), 'landfall-emulator-'))));
  after(() => rm(directory, { recursive: true, force: true }));

  it('survives an end and a start', async () => {
    const first = await startTestAzure({ dataDirectory: directory });
    const disk = await makeDisk(first, 'kept', { tags: { a: 'b' } });
    await makeVm(first, 'kept-vm', { dataDisks: [{ diskId: disk, lun: 3 }] });
    const { uniqueId } = await first.compute.disks.get(GROUP, 'kept');
    await first.close();
    const second = await startTestAzure({ dataDirectory: directory });
    const kept = await second.compute.disks.get(GROUP, 'kept');
    assert.equal(kept.uniqueId, uniqueId);
    assert.deepEqual([kept.tags, kept.diskState], [{ a: 'b' }, 'Attached']);
    const vm = await second.compute.virtualMachines.get(GROUP, 'kept-vm', { expand: 'instanceView' });
    assert.ok(vm.instanceView?.statuses?.some(({ code }) => code === 'PowerState/running'));
    await second.close();
  });

  it('does not bring back what was seeded once and deleted since', async () => {
    const first = await startTestAzure({ dataDirectory: directory });
    await first.resources.resourceGroups.delete(GROUP);
    await first.close();
    const second = await startTestAzure({ dataDirectory: directory });
    assert.deepEqual(await collect(second.resources.resourceGroups.list()), []);
    await second.close();
  });

  it('lets every one of twenty running operations end as it would have, after a kill -9', async () => {
    const folder = await mkdtemp(join(directory, 'killed-'));
    const first = await startProcess(folder);
    for (let index = 0; index < 5; index++) {
      const data = await makeDisk(first, `data-${index}`);
      await makeDisk(first, `doomed-${index}`);
      await makeVm(first, `vm-${index}`, { dataDisks: [{ diskId: data, lun: 0 }] });
    }
    await raw(first, 'PATCH', '/_emulator/settings', { body: JSON.stringify({ delayMs: 1_500 }) });
    const urls: string[] = [];
    const accepted = async (method: string, path: string, body?: unknown): Promise<void> => {
      const answer = await raw(
        first,
        method,
        `${path}?api-version=2025-04-01`,
        body === undefined ? {} : { body: JSON.stringify(body) },
      );
      assert.ok([200, 201, 202].includes(answer.status), answer.text);
      urls.push(String(answer.headers['azure-asyncoperation']));
    };
    const vm = (index: number): string => diskId(`vm-${index}`).replace('/disks/', '/virtualMachines/');
    for (let index = 0; index < 5; index++) {
      await accepted('PUT', diskId(`new-${index}`), {
        location: REGION,
        properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 2 },
      });
      await accepted('DELETE', diskId(`doomed-${index}`));
    }
    await accepted('POST', `${vm(0)}/deallocate`);
    await accepted('POST', `${vm(1)}/attachDetachDataDisks`, { dataDisksToDetach: [{ diskId: diskId('data-1') }] });
    await accepted('DELETE', vm(2));
    await accepted('POST', `${vm(3)}/restart`);
    await accepted('PATCH', vm(4), { tags: { patched: 'yes' } });
    for (let index = 0; index < 5; index++) {
      const nic = diskId(`late-${index}`).replace('Microsoft.Compute/disks', 'Microsoft.Network/networkInterfaces');
      const subnet = {
        id: `${diskId('x').split('/providers')[0]}/providers/Microsoft.Network/virtualNetworks/landfall-network/subnets/machines`,
      };
      await accepted('PUT', nic, {
        location: REGION,
        properties: { ipConfigurations: [{ name: 'ip', properties: { subnet } }] },
      });
    }
    assert.equal(urls.length, 20);
    await first.end('SIGKILL');

    const second = await startProcess(folder, { port: first.port });
    await raw(second, 'PATCH', '/_emulator/settings', { body: JSON.stringify({ delayMs: 0 }) });
    for (const url of urls) {
      const { pathname, search } = new URL(url);
      for (;;) {
        const { json } = await raw(second, 'GET', pathname + search);
        if (json['status'] !== 'InProgress') {
          assert.equal(json['status'], 'Succeeded', JSON.stringify(json));
          break;
        }
        await new Promise((later) => setTimeout(later, 50));
      }
    }
    const disks = new Map(
      (await collect(second.compute.disks.listByResourceGroup(GROUP))).map((disk) => [disk.name, disk]),
    );
    for (let index = 0; index < 5; index++) {
      assert.equal(disks.get(`new-${index}`)?.provisioningState, 'Succeeded');
      assert.equal(disks.has(`doomed-${index}`), false);
    }
    assert.equal(disks.get('data-0')?.diskState, 'Reserved');
    assert.equal(disks.get('data-1')?.diskState, 'Unattached');
    assert.equal(disks.get('data-2')?.diskState, 'Unattached');
    const machines = new Map(
      (await collect(second.compute.virtualMachines.list(GROUP))).map((machine) => [machine.name, machine]),
    );
    assert.equal(machines.has('vm-2'), false);
    assert.deepEqual(machines.get('vm-4')?.tags, { patched: 'yes' });
    await makeNic(second, 'afterwards');
    await second.end('SIGTERM');
  });
});
