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
  makeVm,
  raw,
  REGION,
  startTestAzure,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

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
    nowMs += 60_000;
    assert.equal((await get(put.headers['azure-asyncoperation'])).json['status'], 'Succeeded');
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
});
